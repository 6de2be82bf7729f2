//! A function's environment: it has memory of its own, does one event after the other, and may end at any call.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One environment.
#[derive(Debug)]
pub struct Environment {
    /// Of which function.
    pub function: String,
    /// Which, of all.
    pub number: u64,
    /// Whether faults are for it: what checks is spared.
    pub breaks: bool,
    ended: AtomicBool,
    ends: Notify,
}

impl Environment {
    /// A new one.
    pub fn new(function: impl Into<String>, number: u64, breaks: bool) -> Self {
        Self { function: function.into(), number, breaks, ended: AtomicBool::new(false), ends: Notify::new() }
    }

    /// Ends it.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.ends.notify_one();
    }

    /// Returns when it has ended.
    pub async fn has_ended(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            self.ends.notified().await;
        }
    }
}
