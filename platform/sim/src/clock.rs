//! The simulated time: tokio's paused clock, as people's clocks show it, right or ten minutes off.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use tokio::time::Instant;

/// A run begins shortly before midnight, so that the ledger's first epoch ends in it.
const BEGINS: i64 = 1_772_323_110;

/// The time since a run began, and what clocks show.
#[derive(Debug)]
pub struct SimClock {
    start: Instant,
    /// By how many seconds the functions' clocks are wrong.
    off: AtomicI64,
}

impl SimClock {
    /// It is now when the run begins.
    #[expect(clippy::new_without_default, reason = "it reads tokio's clock")]
    pub fn new() -> Self {
        Self { start: Instant::now(), off: AtomicI64::new(0) }
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
        Timestamp::from_seconds(BEGINS).unwrap_or_else(|| Timestamp::new(Default::default())).plus(elapsed)
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
