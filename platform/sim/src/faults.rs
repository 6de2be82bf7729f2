//! Decides what breaks, where and when: by the hash of seed, place, what it is about, and attempt; densely in short storms, seldom between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::chance::Chance;

/// What can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A call is done, and its answer lost.
    LostResponse,
    /// A call is done, and its answer late: some later than the caller waits.
    LateResponse,
    /// A call is on its way for seconds, and then done.
    LateRequest,
    /// A call is refused as throttled.
    Throttled,
    /// A call is answered by an internal error, and not done.
    InternalError,
    /// The function that calls ends before the call is done.
    CrashBefore,
    /// The function that calls ends after the call is done.
    CrashAfter,
    /// An eventually consistent read shows what was there before.
    StaleRead,
    /// Some entries of a PutEvents fail.
    FailedEntries,
    /// A batch that was handled comes once or twice more.
    Redelivered,
    /// A checkpoint is lost: the reader begins further back.
    LostCheckpoint,
    /// Records change places, within a batch and with the next one.
    Reordered,
    /// A shard stands still.
    Stalled,
    /// A shard splits, and its children are read before it is done.
    Split,
    /// The bus delivers twice.
    BusDuplicate,
    /// The bus delivers late, after newer events.
    BusDelay,
    /// A message is shown to others while it is handled.
    VisibilityExpired,
    /// Dead letters come again after newer events.
    Redriven,
    /// The clock jumps by ten minutes, either way.
    ClockJump,
    /// A new revision of every projection of billing is rolled out in mid-stream.
    Deployed,
    /// The log is restored to an earlier point in time.
    Restored,
    /// Projectors and ledgers stand still for 25 hours: what they did not read is gone.
    Trimmed,
    /// A commit is of a type that no code knows.
    Undecodable,
    /// A person's key is destroyed.
    KeyDestroyed,
}

/// One in a million is what chances are given in.
const MILLION: u64 = 1_000_000;
/// How long a spell of weather lasts.
const SPELL: u64 = 15_000;

impl Fault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::LostResponse,
        Self::LateResponse,
        Self::LateRequest,
        Self::Throttled,
        Self::InternalError,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::StaleRead,
        Self::FailedEntries,
        Self::Redelivered,
        Self::LostCheckpoint,
        Self::Reordered,
        Self::Stalled,
        Self::Split,
        Self::BusDuplicate,
        Self::BusDelay,
        Self::VisibilityExpired,
        Self::Redriven,
        Self::ClockJump,
        Self::Deployed,
        Self::Restored,
        Self::Trimmed,
        Self::Undecodable,
        Self::KeyDestroyed,
    ];

    /// All of them.
    pub fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }

    /// How it is called on the command line and in tables; what it does is drawn by this name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostResponse => "lost-response",
            Self::LateResponse => "late-response",
            Self::LateRequest => "late-request",
            Self::Throttled => "throttled",
            Self::InternalError => "internal-error",
            Self::CrashBefore => "crash-before",
            Self::CrashAfter => "crash-after",
            Self::StaleRead => "stale-read",
            Self::FailedEntries => "failed-entries",
            Self::Redelivered => "redelivered",
            Self::LostCheckpoint => "lost-checkpoint",
            Self::Reordered => "reordered",
            Self::Stalled => "stalled",
            Self::Split => "split",
            Self::BusDuplicate => "bus-duplicate",
            Self::BusDelay => "bus-delay",
            Self::VisibilityExpired => "visibility-expired",
            Self::Redriven => "redriven",
            Self::ClockJump => "clock-jump",
            Self::Deployed => "deployed",
            Self::Restored => "restored",
            Self::Trimmed => "trimmed",
            Self::Undecodable => "undecodable",
            Self::KeyDestroyed => "key-destroyed",
        }
    }

    /// How often it happens between storms, in a million.
    fn chance(self) -> u64 {
        match self {
            Self::LostResponse => 8_000,
            Self::LateResponse => 6_000,
            Self::LateRequest => 3_000,
            Self::Throttled => 15_000,
            Self::InternalError => 4_000,
            Self::CrashBefore => 1_500,
            Self::CrashAfter => 2_500,
            Self::StaleRead => 50_000,
            Self::FailedEntries => 30_000,
            Self::Redelivered => 60_000,
            Self::LostCheckpoint => 30_000,
            Self::Reordered => 60_000,
            Self::Stalled => 10_000,
            Self::Split => 20_000,
            Self::BusDuplicate => 60_000,
            Self::BusDelay => 60_000,
            Self::VisibilityExpired => 30_000,
            Self::Redriven => 100_000,
            Self::ClockJump => 30_000,
            Self::Deployed => 850_000,
            Self::Restored => 300_000,
            Self::Trimmed => 300_000,
            Self::Undecodable => 60_000,
            Self::KeyDestroyed => 500_000,
        }
    }

    /// Whether it is drawn once for the run, or for a story: storms make no difference.
    fn once(self) -> bool {
        matches!(self, Self::Deployed | Self::Restored | Self::Trimmed | Self::Undecodable | Self::KeyDestroyed)
    }
}

/// The faults of one run.
#[derive(Debug)]
pub struct Faults {
    chance: Chance,
    allowed: BTreeSet<Fault>,
    /// From when until when, in milliseconds of the run.
    window: (u64, u64),
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the hash of place and thing.
    attempts: HashMap<u64, u64>,
    fired: BTreeMap<Fault, u64>,
    asked: BTreeMap<Fault, u64>,
}

impl Faults {
    /// Those of `allowed` that chance gives within a window.
    pub fn new(chance: Chance, allowed: BTreeSet<Fault>, window: (u64, u64)) -> Self {
        Self { chance, allowed, window, state: Mutex::default() }
    }

    /// Which attempt it is at this place on this thing, from 0.
    pub fn attempt(&self, site: &str, entity: &str) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = state.attempts.entry(self.chance.number(&[site, entity], 0)).or_default();
        *attempts += 1;
        *attempts - 1
    }

    /// Whether it happens here and now.
    pub fn fires(&self, fault: Fault, (site, entity, attempt): (&str, &str, u64), now: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state.asked.entry(fault).or_default() += 1;
        if !self.allowed.contains(&fault) || !(self.window.0..self.window.1).contains(&now) {
            return false;
        }
        let chance = if fault.once() { fault.chance() } else { fault.chance() * self.weather(fault, now) / 4 * density(fault, site) };
        let fires = self.chance.below(MILLION, &[fault.name(), site, entity], attempt) < chance;
        if fires {
            *state.fired.entry(fault).or_default() += 1;
        }
        fires
    }

    /// A number below `end` for a fault that has fired, such as how long it lasts.
    pub fn extent(&self, end: u64, (site, entity, attempt): (&str, &str, u64)) -> u64 {
        self.chance.below(end, &["extent", site, entity], attempt)
    }

    /// What has fired, how often.
    pub fn fired(&self) -> BTreeMap<Fault, u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fired.clone()
    }

    /// At which points it was asked whether something fires, how often: those are covered.
    pub fn asked(&self) -> BTreeMap<Fault, u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// How dense faults of a kind are now, in quarters of the usual: calm, as usual, or a storm of this kind.
    fn weather(&self, fault: Fault, now: u64) -> u64 {
        match self.chance.below(8, &["weather", fault.name()], now / SPELL) {
            // A table or a bus that takes next to nothing: several streams of a batch fail at once.
            0 if matches!(fault, Fault::Throttled | Fault::FailedEntries) => 120,
            0 => 40,
            1 => 12,
            2..=4 => 4,
            _ => 1,
        }
    }
}

/// How much denser a fault is at some places: what walks a log holds many streams in hand while a call is slow, and readers overtake it; most
/// of all where it makes a row again.
fn density(fault: Fault, site: &str) -> u64 {
    match fault {
        Fault::LateRequest if site == "reconciler/PutItem/subscriptions" => 200,
        Fault::LateRequest | Fault::LateResponse if site.starts_with("reconciler/") => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_decided_by_what_they_are_about_and_by_nothing_else() {
        let run = |order: &[usize]| {
            let faults = Faults::new(Chance::new(7), Fault::all(), (0, 60_000));
            let places: Vec<(String, String)> = (0..300).map(|n| (format!("site {}", n % 7), format!("entity {n}"))).collect();
            let mut fired = vec![];
            for &n in order {
                let (site, entity) = &places[n];
                if faults.fires(Fault::Redelivered, (site, entity, faults.attempt(site, entity)), 1_000) {
                    fired.push(n);
                }
            }
            fired.sort_unstable();
            fired
        };
        let forward: Vec<usize> = (0..300).collect();
        let backward: Vec<usize> = (0..300).rev().collect();
        assert!(!run(&forward).is_empty());
        assert_eq!(run(&forward), run(&backward));
    }
}
