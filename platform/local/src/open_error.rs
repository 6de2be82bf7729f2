//! Says in one sentence why an account does not open, and what to do.

use std::path::PathBuf;

/// Why an account does not open. Nothing has been changed, except that tables may have been created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made or written: choose another.
    #[error("cannot write to the data directory {path} ({source}): make it writable, or choose another directory")]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has it: use that one, or stop it.
    #[error("the data directory {path} is in use by process {process}: stop that process, or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other process, if it said.
        process: String,
    },
    /// A file of it is damaged: restore it, or move it away.
    #[error("{path} is not a database this version can read ({detail}): restore it from a copy, or move the directory away to start anew")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite or the embedded database said.
        detail: String,
    },
    /// A table there is not the table asked for: the directory belongs to another version.
    #[error(
        "table {table} in {path} differs from this version's definition in {difference}: use the version that made it, or another directory"
    )]
    TableDiffers {
        /// The table.
        table: String,
        /// Where it is.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// The configuration contradicts itself: correct it.
    #[error("the local account's configuration is wrong: {0}")]
    Configuration(String),
    /// The embedded database refused: see its message.
    #[error("the embedded database in {path} failed: {detail}")]
    Database {
        /// Where it is.
        path: PathBuf,
        /// What it said.
        detail: String,
    },
}
