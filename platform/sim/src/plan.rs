//! One run as it is asked for: everything that it depends on, and the command that asks for it again.

use std::collections::BTreeSet;
use std::ops::Range;

use annals_planted::Bug;

use crate::faults::Fault;
use crate::{planted, stories};

/// At which of its borders with AWS the pipeline is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Layer {
    /// At the ports: what would be sent is answered from memory. For volume.
    #[default]
    Ports,
    /// At the HTTP client of the real SDKs, before the embedded account.
    Sdk,
}

impl Layer {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ports, Self::Sdk];

    /// How it is called on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Sdk => "sdk",
        }
    }
}

/// What a run depends on. The same plan gives the same trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where AWS is simulated.
    pub layer: Layer,
    /// The seed.
    pub seed: u64,
    /// For how many simulated seconds commands come.
    pub seconds: u64,
    /// About how many commands people ask for in a minute.
    pub rate: u64,
    /// The faults that may happen.
    pub faults: BTreeSet<Fault>,
    /// Seconds before and after which nothing breaks.
    pub window: (u64, u64),
    /// Stories that are left out.
    pub without: BTreeSet<u64>,
    /// The bug that is planted.
    pub plant: Option<Bug>,
}

/// About how many commands a minute find bugs soonest: streams meet their faults while something is going on in them.
pub const RATE: u64 = 90;
/// The first story after a restore.
const AFTER_A_RESTORE: u64 = 1_000_000;

impl Plan {
    /// All faults, all stories, no bug.
    pub fn new(layer: Layer, seed: u64, seconds: u64) -> Self {
        Self { layer, seed, seconds, rate: RATE, faults: Fault::all(), window: (0, seconds), without: BTreeSet::new(), plant: None }
    }

    /// How long a story has for itself, in milliseconds.
    pub fn share(&self) -> u64 {
        (stories::COMMANDS * 60_000 / self.rate).max(1)
    }

    /// The stories of its time, by their numbers.
    pub fn stories(&self) -> Range<u64> {
        0..self.count(self.seconds)
    }

    /// Those after a restore, where there is one.
    pub fn stories_after_a_restore(&self) -> Range<u64> {
        AFTER_A_RESTORE..AFTER_A_RESTORE + self.count(self.seconds / 4 + 20)
    }

    fn count(&self, seconds: u64) -> u64 {
        (seconds * 1_000 / self.share()).max(4)
    }

    /// The command that runs it again.
    pub fn command(&self) -> String {
        let mut command =
            format!("cargo run -p sim -- replay --layer {} --seed {} --seconds {}", self.layer.name(), self.seed, self.seconds);
        if self.rate != RATE {
            command += &format!(" --rate {}", self.rate);
        }
        if self.window != (0, self.seconds) {
            command += &format!(" --faults-from {} --faults-until {}", self.window.0, self.window.1);
        }
        if self.faults != Fault::all() {
            let names: Vec<&str> = self.faults.iter().map(|fault| fault.name()).collect();
            command += &format!(" --faults {}", if names.is_empty() { "none".into() } else { names.join(",") });
        }
        if !self.without.is_empty() {
            let numbers: Vec<String> = self.without.iter().map(u64::to_string).collect();
            command += &format!(" --without-stories {}", numbers.join(","));
        }
        if let Some(bug) = self.plant {
            command += &format!(" --plant {}", planted::name(bug));
        }
        command
    }
}
