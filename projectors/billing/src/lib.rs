//! Billing's projector: from log to rows to bus.
//!
//! - [`rows`]: the projections
//! - [`handler`]: the functions

pub mod handler;
pub mod ledger;
pub mod rows;

pub use handler::{projector, reconciler};
