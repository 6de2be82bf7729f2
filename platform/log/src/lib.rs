//! Appends commits to one service's log and loads streams back.
//!
//! - [`access`]: refusals, which are facts too; [`readings`]: what was read of history
//! - [`streams`]: folds streams and carries commands out; [`request`]: what is asked and told; `attempt`: once, whatever becomes of the
//!   answer; [`together`]: on several streams, all or none
//! - [`mod@log`]: the table: one insert per commit, strongly consistent reads; [`mod@insert`]: into any append-only table
//! - [`commit`]: the item, its attributes, its hash
//! - [`canonical`]: the bytes the hash covers
//! - [`fold`]: a stream's state, and the snapshot that rides in a commit
//! - [`verify`]: gaps, times and the hash chain of a stored stream
//! - [`redrives`]: redrives of dead letters, which are facts too
//! - [`size`]: how large DynamoDB counts an item
//!
//! Not here: what a command decides (`domain/`), rows (`platform/projection`).

pub mod access;
mod attempt;
pub mod canonical;
pub mod commit;
pub mod fold;
pub mod insert;
pub mod log;
pub mod readings;
pub mod redrives;
pub mod request;
mod seen;
pub mod size;
pub mod streams;
pub mod together;
pub mod verify;

pub use access::AccessLog;
pub use commit::{Commit, CommitHash, RequestHash};
pub use fold::{FoldError, Folded};
pub use log::{BoxError, HeadPage, Log, LogConfig, StreamHead};
pub use request::{ExecuteError, Expect, LoadError, Outcome, Request, Seal};
pub use streams::Streams;
pub use together::{Joint, Part, Together, execute_together};
