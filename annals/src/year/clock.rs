//! The time while a year is played: it stands still until it is moved on, but for a moment at each look.

use std::sync::atomic::{AtomicI64, Ordering};

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;

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

    /// Moves it on to an hour of a day; never back.
    pub(super) fn set(&self, day: u32, hour: i64) {
        let at = TimeDelta::days(i64::from(day)) + TimeDelta::hours(hour);
        self.passed.fetch_max(at.num_microseconds().unwrap_or_default(), Ordering::SeqCst);
    }
}

impl Clock for YearClock {
    fn now(&self) -> Timestamp {
        self.began.plus(TimeDelta::microseconds(self.passed.fetch_add(MOMENT, Ordering::SeqCst)))
    }
}
