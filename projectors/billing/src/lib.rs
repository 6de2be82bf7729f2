//! Billing's projector: from log to rows to bus.
//!
//! - [`rows`]: the projections
//! - [`handler`]: the function

pub mod handler;
pub mod rows;

pub use handler::projector;
