//! The time while a year is played: it stands still until it is moved on, but for a moment at each look.

use std::sync::atomic::{AtomicI64, Ordering};

use annals_kit::{Clock, Timestamp};

/// How far a look moves it: no two things happen at once.
const MOMENT: i64 = 1_000;

/// A clock that somebody sets.
pub(super) struct YearClock {
    began: Timestamp,
    passed: AtomicI64,
}

impl YearClock {
    pub(super) fn new(began: Timestamp) -> Self {
        Self { began, passed: AtomicI64::new(0) }
    }

    /// Moves it on to a time; never back.
    pub(super) fn set(&self, at: Timestamp) {
        self.passed.fetch_max(at.since(self.began).num_microseconds().unwrap_or_default(), Ordering::SeqCst);
    }
}

impl Clock for YearClock {
    fn now(&self) -> Timestamp {
        self.began.plus(chrono::TimeDelta::microseconds(self.passed.fetch_add(MOMENT, Ordering::SeqCst)))
    }
}
