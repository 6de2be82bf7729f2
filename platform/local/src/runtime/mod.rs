//! Runs a function's own binary as Lambda does: environments that speak the runtime API, one invocation at a time each.
//!
//! - `pool`: the environments of one function: reused, most recently used first
//! - `environment`: one of them: a process, its start, its invocations, its end
//! - `api`: what the process is answered over loopback
//! - `process`: a child process that ends with its owner
//! - `output`: what it prints: logs and counts
//! - [`timings`]: how long cold starts and warm invocations took

mod api;
mod environment;
mod output;
mod pool;
mod process;
pub mod timings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

pub(crate) use pool::Pool;

/// Gets each line of embedded metric format that a process prints.
pub type CountLines = Arc<dyn Fn(&Value) + Send + Sync>;

/// A function's own binary.
#[derive(Clone)]
pub struct Process {
    /// The binary: what Lambda calls `bootstrap`.
    pub binary: PathBuf,
    /// Its environment variables. Of this process's own it gets none; those that Lambda sets come on top.
    pub environment: BTreeMap<String, String>,
    /// Where its counts go; without one they are log lines.
    pub counts: Option<CountLines>,
}

/// What every environment of a function has in common.
pub(crate) struct Definition {
    pub name: String,
    pub process: Process,
    pub timeout: Duration,
    pub memory_mb: u32,
}

/// One event on its way to an environment.
pub(crate) struct Invocation {
    pub request_id: String,
    pub event: Bytes,
    pub arn: String,
    pub trace_id: String,
    /// Milliseconds since 1970.
    pub deadline: u64,
}
