//! Runs the reads that a matrix lists, and no others.
//!
//! - [`Reads`]: raw items for the log and projectors, typed rows with the tenant check inside for everyone else
//! - [`billing`], [`identity`], [`notifications`]: one typed function a pattern, derived
//! - [`PageRequest`], [`Page`]: opaque page tokens, bound to pattern, parameters and tenant
//! - [`Consumed`]: what it cost
//!
//! The only code in the project that calls GetItem, Query or Scan: a test says so. A read that is not in `access-patterns/` cannot be
//! made from here, and the local AWS refuses one made from elsewhere.

mod consumed;
mod error;
mod generated;
mod merge;
mod reads;
mod retry;
mod send;
mod token;
mod typed;

pub use access_patterns::{Params, Value};
pub use consumed::Consumed;
pub use error::ReadError;
pub use generated::{billing, identity, notifications};
pub use reads::{Item, ItemPage, Key, Reads};
pub use typed::{Page, PageRequest};
