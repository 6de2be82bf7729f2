//! The matrices committed in this folder, as they were derived: resolved and proven, so that a function that starts does neither.

use std::sync::{Arc, LazyLock};

use crate::matrix::Matrix;

static BILLING: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven(include_str!("../derived/billing/matrix.json")));
static IDENTITY: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven(include_str!("../derived/identity/matrix.json")));
static NOTIFICATIONS: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven(include_str!("../derived/notifications/matrix.json")));

/// Billing's matrix.
pub fn billing() -> Arc<Matrix> {
    BILLING.clone()
}

/// Identity's matrix.
pub fn identity() -> Arc<Matrix> {
    IDENTITY.clone()
}

/// Notifications' matrix.
pub fn notifications() -> Arc<Matrix> {
    NOTIFICATIONS.clone()
}

/// Every service's matrix.
pub fn all() -> Vec<Arc<Matrix>> {
    vec![billing(), identity(), notifications()]
}

fn proven(derived: &str) -> Arc<Matrix> {
    // This crate's tests derive it again from the file and compare; a build that embeds a broken one is broken.
    Arc::new(serde_json::from_str(derived).expect("a derived matrix reads as it was written"))
}
