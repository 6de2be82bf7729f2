//! What decides and what is decided: aggregates fold events, commands decide new ones.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::Event;
use crate::ids::Version;
use crate::time::Timestamp;

/// The place of an event's commit in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The commit's version.
    pub version: Version,
    /// When it was recorded.
    pub at: Timestamp,
}

/// The folded state of one stream. `Default` is the state before the first commit.
pub trait Aggregate: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type in front of the stream's id, such as `SUB`.
    const STREAM_TYPE: &'static str;
    /// Raised whenever `evolve` or the state's form changes: a snapshot of another revision is not used.
    const FOLD_REVISION: u32;
    /// What happens to it.
    type Event: Event + Clone + Send + Sync;

    /// Takes in one event. Total: every event that was ever stored is a fact and cannot be refused.
    fn evolve(&mut self, event: &Self::Event, recorded: Recorded);
}

/// Something that a caller wants done to one aggregate.
pub trait Command {
    /// The aggregate.
    type Aggregate: Aggregate;
    /// Why it may be refused.
    type Refusal;

    /// The events that carry the command out at time `at`; none when it is already so.
    fn decide(&self, state: &Self::Aggregate, at: Timestamp) -> Result<Vec<<Self::Aggregate as Aggregate>::Event>, Self::Refusal>;
}
