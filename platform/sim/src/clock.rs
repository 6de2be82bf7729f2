//! The simulated time: tokio's paused clock, as people's clocks show it, right or ten minutes off.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use tokio::time::Instant;

/// The midnight that every run has in it, in seconds since 1970: the ledger's first epoch ends.
const MIDNIGHT: i64 = 1_772_323_200;

/// The time since a run began, and what clocks show.
#[derive(Debug)]
pub struct SimClock {
    start: Instant,
    /// How many seconds before midnight it began.
    before: i64,
    /// By how many seconds the functions' clocks are wrong.
    off: AtomicI64,
}

impl SimClock {
    /// It is now when the run begins, so many seconds before midnight.
    pub fn new(before_midnight: u64) -> Self {
        Self { start: Instant::now(), before: before_midnight.try_into().unwrap_or(0), off: AtomicI64::new(0) }
    }

    /// Milliseconds since the run began.
    pub fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant so many milliseconds after the beginning.
    pub fn instant(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// What clocks that are right show: AWS's own.
    pub fn true_now(&self) -> Timestamp {
        let elapsed = TimeDelta::from_std(self.start.elapsed()).unwrap_or_default();
        Timestamp::from_seconds(MIDNIGHT - self.before).unwrap_or_else(|| Timestamp::new(Default::default())).plus(elapsed)
    }

    /// Makes the functions' clocks wrong by so many seconds, or right again.
    pub fn jump(&self, seconds: i64) {
        self.off.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.true_now().plus(TimeDelta::seconds(self.off.load(Ordering::Relaxed)))
    }
}
