//! Notifications' projector: one row a notification, for those who look after customers. It publishes nothing (ADR 0011).
//!
//! - [`handler`]: the functions
//! - [`rows`]: the projection

pub mod handler;
pub mod ledger;
pub mod rows;

pub use handler::{projector, reconciler};
