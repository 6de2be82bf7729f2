//! The matrices committed in this folder.

use std::sync::{Arc, LazyLock};

use crate::matrix::Matrix;

static BILLING: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven("billing.toml", include_str!("../billing.toml")));
static IDENTITY: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven("identity.toml", include_str!("../identity.toml")));
static NOTIFICATIONS: LazyLock<Arc<Matrix>> = LazyLock::new(|| proven("notifications.toml", include_str!("../notifications.toml")));

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

fn proven(file: &str, text: &str) -> Arc<Matrix> {
    // Committed files are proven by this crate's tests; a build that embeds a broken one is broken.
    Arc::new(Matrix::parse(file, text).unwrap_or_else(|errors| panic!("{errors}")))
}
