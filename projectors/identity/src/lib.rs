//! Identity's projector: from log to rows to bus.
//!
//! - [`rows`]: one row per person, organisation, invitation, key and contact; the members of an organisation
//! - [`handler`]: the functions; [`ledger`]: those of the ledger

pub mod handler;
pub mod ledger;
pub mod rows;

pub use handler::{projector, reconciler};
