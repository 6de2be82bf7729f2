//! Folds streams into rows: version gate, gap fill, publish, then advance.
//!
//! - [`projection`]: what a developer writes: a pure fold, and the row
//! - [`rows`], [`totals`]: the same of projections that keep several rows of a stream, and that sum over many streams
//! - [`story`]: tests of the folds
//! - [`projector`]: the stream-triggered function that runs projections; [`follower`]: runs one of several rows or of totals
//! - [`explain`]: totals, and the commits that make them
//! - [`catalogue`]: which projections there are, how each stands, and one of them alone; [`difference`]: folds again and compares
//! - `derived`: those without their types; `gap`: what a row lacks; `change`: what goes into a transaction; `keys`: spelt by the matrix;
//!   `pointer`: which revision of totals readers see
//! - [`reconciler`]: finds what the stream has lost; [`walk`]: how far it has come; [`consumer`]: whom it feeds, the ledger among
//!   them; `feed`: the projector as one
//! - [`reconciliation`]: the scheduled function; [`failures`]: batches that were given up; `kept`: the walk between two runs
//!
//! A row is a pure function of its stream's history, stamped with `(rev, ver)`; DESIGN says what may go wrong around it, and the tests
//! do it.

pub mod catalogue;
mod change;
pub mod consumer;
mod derived;
pub mod difference;
pub mod explain;
pub mod failures;
mod feed;
pub mod follower;
mod gap;
mod kept;
mod keys;
mod pointer;
pub mod projection;
pub mod projector;
pub mod reconciler;
pub mod reconciliation;
mod records;
mod row;
pub mod rows;
pub mod story;
pub mod totals;
pub mod walk;

pub use catalogue::{Described, Kind, One, Standing, Watched};
pub use consumer::{Consumer, Found, Lacked, Mode, Tally};
pub use difference::Difference;
pub use failures::Failures;
pub use follower::Follower;
pub use projection::Projection;
pub use projector::{Projector, ProjectorDeps, handle};
pub use reconciler::{Reconciler, Stopped};
pub use reconciliation::{Reconciliation, Report, Wake};
pub use rows::{CannotFold, NewRow, Rows};
pub use totals::{Amount, Contributions, TotalKey, Totals};
pub use walk::Walk;
