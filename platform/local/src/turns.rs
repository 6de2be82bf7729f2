//! Lets commands go before what is derived from them.
//!
//! On AWS a projector that catches up does not slow the commands down: log and rows are tables of their own, with capacity of their own.
//! Here they share one database and a few processors. So functions that follow streams make one request at a time, and let others in
//! before each.

use std::collections::HashSet;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::StreamMapping;

/// Requests to the database that functions on streams have under way at the same time, all of them together.
const AT_ONCE: usize = 1;

/// Who waits for whom.
pub(crate) struct Turns {
    followers: HashSet<String>,
    permits: Semaphore,
}

impl Turns {
    /// Functions that follow streams wait, their roles being named as they are; everyone else does not.
    pub fn of(mappings: &[StreamMapping]) -> Self {
        Self { followers: mappings.iter().map(|mapping| mapping.function.clone()).collect(), permits: Semaphore::new(AT_ONCE) }
    }

    /// Waits for the turn of this role. It lasts as long as what is returned.
    pub async fn take(&self, role: &str) -> Option<SemaphorePermit<'_>> {
        if !self.followers.contains(role) {
            return None;
        }
        // Never closed.
        let permit = self.permits.acquire().await.ok();
        tokio::task::yield_now().await;
        permit
    }
}
