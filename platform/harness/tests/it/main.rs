//! The Lambda runtime API as a real process meets it, well-behaved or not.

mod endings;
mod invocations;
mod output;

use std::path::Path;

use annals_harness::Stage;
use serde_json::{Value, json};

/// The function that does what it is told.
fn misbehaving() -> Stage {
    Stage::of("misbehaving", env!("CARGO_BIN_EXE_misbehaving")).variable("NEEDED", "yes")
}

fn told(what: &str) -> Value {
    json!({ "do": what })
}

fn pid(answer: &Value) -> u64 {
    answer["pid"].as_u64().expect("it says which process it is")
}

/// Whether a process runs: one that has ended and was not waited for yet does not.
fn runs(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits for what other processes do.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// How many files a directory has.
fn files(path: &Path) -> usize {
    std::fs::read_dir(path).map_or(0, |entries| entries.count())
}
