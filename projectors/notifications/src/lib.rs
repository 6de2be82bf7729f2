//! Notifications' projector: watches its log. Nobody reads rows of notifications yet, so it folds none; a changed or deleted commit
//! is an alarm here as on every log.
//!
//! - [`handler`]: the functions

pub mod handler;
pub mod ledger;

pub use handler::{projector, reconciler};
