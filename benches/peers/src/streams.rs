//! The streams that are filled before anything is measured, and how large a run is.

use crate::contestant::Contestant;
use crate::findings::LENGTHS;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Lengths that take part.
    pub lengths: &'static [u64],
    /// Streams of each length.
    pub streams: [u64; 4],
    /// Rounds, in each of which everyone has a turn.
    pub rounds: u64,
    /// Operations of one turn with one client, and with several.
    pub ops: [u64; 2],
    /// Commands of a stream whose cost is followed from its beginning.
    pub steady: u64,
    /// Commands of each writer in a race, and commands whose answer is lost.
    pub commands: u64,
    /// Streams, and notes of each, in what is read whole.
    pub whole: [u64; 2],
}

/// The whole comparison.
pub const FULL: Scale =
    Scale { lengths: &LENGTHS, streams: [600, 40, 4, 2], rounds: 9, ops: [50, 50], steady: 330, commands: 25, whole: [100, 50] };
/// Enough to see that it runs, and that costs and verdicts are what they should be.
pub const LIGHT: Scale =
    Scale { lengths: &[10, 100], streams: [16, 4, 0, 0], rounds: 1, ops: [8, 8], steady: 66, commands: 5, whole: [4, 10] };

/// Clients where there are several.
pub const CLIENTS: u64 = 2;
/// A cycle of snapshots; streams of one length stand at different places in it.
const CYCLE: u64 = 33;

impl Scale {
    /// The streams of a length, and how many notes each has.
    pub fn streams_of(&self, contestant: Contestant, length: u64) -> Vec<(u64, u64)> {
        let place = LENGTHS.iter().position(|one| *one == length).unwrap_or_default();
        let count = self.streams[place];
        let spread = |number: u64| if length < 100 { 0 } else { number * CYCLE / count };
        let first = contestant.first_stream() + (place as u64 + 1) * 100_000;
        (0..count).map(|number| (first + number, length + spread(number))).collect()
    }
}
