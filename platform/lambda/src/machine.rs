//! The machine's own clock, randomness and log output: for `main` functions, and nothing below them.

use annals_kit::{Clock, Ids, Timestamp};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
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

/// Sends structured logs, one JSON object a line, to standard error. `ANNALS_LOG` filters them, as in `info` or `info,annals_log=debug`;
/// `fallback` where it is not set, or is no filter.
///
/// Filters are by target and level alone: those by field would bring two engines for regular expressions into every function.
pub fn log_to_stderr(fallback: &str) {
    let asked = std::env::var("ANNALS_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = asked.or_else(|| fallback.parse().ok()).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr);
    // A second call, as from two tests in one process, keeps the first.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
