//! The machine's own clock, randomness and log output: for `main` functions, and nothing below them.

use annals_kit::{Clock, Ids, Timestamp};
use tracing_subscriber::EnvFilter;
use uuid::Uuid;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}

/// The machine's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineIds;

impl Ids for MachineIds {
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn random(&self) -> u64 {
        rand::random()
    }
}

/// Sends structured logs, one JSON object a line, to standard error. `ANNALS_LOG` filters them, `fallback` where it is not set.
pub fn log_to_stderr(fallback: &str) {
    let filter = EnvFilter::try_from_env("ANNALS_LOG").unwrap_or_else(|_| EnvFilter::new(fallback));
    // A second call, as from two tests in one process, keeps the first.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
