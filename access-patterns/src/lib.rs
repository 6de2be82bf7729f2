//! Parses and proves the access-pattern matrices, and derives tables from them.
//!
//! - [`Matrix`]: one service's tables, entities, reads and writes; [`billing`], [`identity`], [`notifications`], [`all`] are the committed ones
//! - [`Codec`], [`Template`]: how values become key text
//! - [`Params`], [`Plan`]: what a listed read sends to DynamoDB
//! - [`Matrix::parse`]: reads and proves a file; functions embed what came of it, and no parser
//! - [`Matrix::derive`]: everything that follows from a matrix and is committed; [`Matrix::explain`], [`Matrix::cost_report`]: for people
//! - [`Matrix::audit`]: which listed read a wire request is, or why it is none
//! - [`disk`]: matrices from a folder, and what follows from them into the workspace
//!
//! Everything else is pure: no I/O, no AWS. `platform/reads` runs the plans.

mod audit;
mod codec;
mod committed;
mod condition;
mod cost;
mod create_table;
mod derive;
pub mod disk;
mod entity;
mod explain;
mod matrix;
mod parse;
mod pattern;
mod placeless;
mod plan;
mod problem;
mod projection;
mod prove;
mod resolve;
mod resolve_reads;
mod size;
mod source;
mod spec;
mod table;
mod template;
mod value;

pub use audit::NotListed;
pub use codec::{Codec, CodecError};
pub use committed::{all, billing, identity, notifications};
pub use cost::{Cost, Prices, TableCost};
pub use derive::Derived;
pub use entity::{Attribute, Entity, Kind};
pub use matrix::Matrix;
pub use pattern::{Change, Comparison, KeyForm, Operation, Pattern, Where, Write};
pub use plan::{Condition, Expression, ParameterError, Plan, Scalar};
pub use problem::{Errors, Problem};
pub use size::{READ_UNIT, WRITE_UNIT, Width, item_bytes, read_units, write_units};
pub use table::{Capacity, Index, KeyPart, Mode, Projection, Table};
pub use template::{Segment, Template};
pub use value::{Params, Value};
