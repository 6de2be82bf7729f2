//! Questions of audit and finance, answered from logs and ledgers: complete, in order, stamped with what was signed when they were read.
//!
//! - [`question`]: what can be asked; [`answer`]: columns, rows, and what an answer says; [`amount`]: exact decimals
//! - [`history`]: where it is read, up to which position; [`domain`]: what only the services' own code knows; `merged`: several ledgers as one order
//! - one file a question: [`revisions`], [`as_of`], [`actor`], [`correlation`], [`population`], [`access`], [`notice`], [`day`], [`roles`],
//!   [`erasure`], [`person`]
//! - [`proving`]: proofs of inclusion and extension, and whole periods as files that others can verify
//! - [`csv`], [`jsonl`], [`parquet`]: answers as files; `thrift`: what Parquet describes itself in; [`manifest`]: what a file holds, and of which history
//! - [`function`]: the same questions over HTTP, for a tenant's own entries
//!
//! Memory does not grow with the length of an answer, except where it says so.

pub mod access;
pub mod actor;
pub mod amount;
pub mod answer;
pub mod as_of;
pub mod correlation;
pub mod csv;
pub mod day;
mod diff;
pub mod domain;
pub mod erasure;
pub mod function;
pub mod history;
pub mod jsonl;
pub mod manifest;
mod merged;
pub mod notice;
pub mod parquet;
pub mod person;
pub mod population;
pub mod proving;
pub mod question;
pub mod revisions;
pub mod roles;
mod thrift;

pub use answer::{Cell, Column, Kind, Row, Sink, Told, Verdict};
pub use domain::Domain;
pub use history::{AuditError, History, Service};
pub use question::Question;
