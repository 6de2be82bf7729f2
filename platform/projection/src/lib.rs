//! Folds streams into rows: version gate, gap fill, publish, then advance.
//!
//! - [`projection`]: what a developer writes: a pure fold, and the row
//! - [`projector`]: the stream-triggered function that runs projections
//! - [`reconciler`]: finds what the stream has lost; [`walk`]: how far it has come; [`consumer`]: whom it feeds, the ledger among
//!   them; `feed`: the projector as one
//! - [`reconciliation`]: the scheduled function; [`failures`]: batches that were given up; `kept`: the walk between two runs
//!
//! A row is a pure function of its stream's history, stamped with `(rev, ver)`; DESIGN says what may go wrong around it, and the tests
//! do it.

pub mod consumer;
pub mod failures;
mod feed;
mod kept;
pub mod projection;
pub mod projector;
pub mod reconciler;
pub mod reconciliation;
mod records;
mod row;
pub mod walk;

pub use consumer::{Consumer, Found, Lacked, Mode, Tally};
pub use failures::Failures;
pub use projection::Projection;
pub use projector::{Projector, ProjectorDeps, handle};
pub use reconciler::{Reconciler, Stopped};
pub use reconciliation::{Reconciliation, Report, Wake};
pub use walk::Walk;
