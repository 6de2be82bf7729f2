//! Waits for times of the injected clock.

use std::time::Duration;

use annals_kit::{Clock, Timestamp};

/// Returns when `clock` shows `at`; never where there is no such time.
pub(crate) async fn reached(clock: &dyn Clock, at: Option<Timestamp>) {
    let Some(at) = at else { return std::future::pending().await };
    let left = at.since(clock.now()).to_std().unwrap_or_default();
    // A millisecond more: timers are no finer, and waking early would only mean waiting again.
    tokio::time::sleep(left + Duration::from_millis(1)).await;
}
