//! Folds streams into rows: version gate, gap fill, publish, then advance.
//!
//! - [`projection`]: what a developer writes: a pure fold, and the row
//! - [`projector`]: the stream-triggered function that runs projections
//!
//! A row is a pure function of its stream's history, stamped with `(rev, ver)`; DESIGN says what may go wrong around it, and the tests
//! do it.

pub mod projection;
pub mod projector;
mod records;
mod row;

pub use projection::Projection;
pub use projector::{Projector, ProjectorDeps, handle};
