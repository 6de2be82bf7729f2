//! What a run has found: everything that the report is written from, and kept as JSON beside the build.

use serde::{Deserialize, Serialize};

use crate::account::Spent;
use crate::contestant::Contestant;

/// Lengths of streams, in notes.
pub const LENGTHS: [u64; 4] = [10, 100, 1_000, 10_000];

/// What is measured on streams of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Work {
    /// Begin a stream.
    Create,
    /// Append one note, nothing known of the stream.
    OneCold,
    /// Append one note, the stream known from the last command.
    OneWarm,
    /// Append five notes, nothing known of the stream.
    FiveCold,
    /// Append five notes, the stream known from the last command.
    FiveWarm,
    /// Load the state.
    Load,
}

impl Work {
    /// Those that are done at every length.
    pub const AT_LENGTHS: [Self; 5] = [Self::Load, Self::OneCold, Self::OneWarm, Self::FiveCold, Self::FiveWarm];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create a stream",
            Self::OneCold => "append 1 event, cold",
            Self::OneWarm => "append 1 event, warm",
            Self::FiveCold => "append 5 events, cold",
            Self::FiveWarm => "append 5 events, warm",
            Self::Load => "load",
        }
    }
}

/// How a contestant reached the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// In the same process.
    InProcess,
    /// As a process of its own, on loopback.
    Loopback,
}

impl Transport {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in process",
            Self::Loopback => "over loopback",
        }
    }
}

/// What one operation costs, on average.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Who.
    pub contestant: Contestant,
    /// What.
    pub work: Work,
    /// On streams of this length.
    pub length: u64,
    /// For each operation.
    pub spent: Spent,
    /// Why there is none.
    pub failed: Option<String>,
}

/// What a stream costs from its first command on, snapshots included.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Steady {
    /// Who.
    pub contestant: Contestant,
    /// Events of a command.
    pub notes: u64,
    /// Commands.
    pub commands: u64,
    /// For each command.
    pub spent: Spent,
    /// Bytes stored for each event.
    pub bytes: f64,
    /// Why there is none.
    pub failed: Option<String>,
}

/// How fast one thing is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Speed {
    /// Who.
    pub contestant: Contestant,
    /// What.
    pub work: Work,
    /// On streams of this length.
    pub length: u64,
    /// How it reached the database.
    pub transport: Transport,
    /// Operations a second of several clients, one number a round.
    pub rates: Vec<f64>,
    /// Microseconds of single operations of one client, all rounds together.
    pub micros: Vec<u64>,
    /// Why there is none.
    pub failed: Option<String>,
}

/// What became of commands, by the events that are stored afterwards.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// Commands.
    pub commands: u64,
    /// Answered with success.
    pub acknowledged: u64,
    /// Acknowledged, and not stored.
    pub lost: u64,
    /// Stored more than once, counting each time but the first.
    pub doubled: u64,
    /// Stored before an earlier command of the same writer.
    pub reordered: u64,
    /// Stored, and never acknowledged.
    pub unsaid: u64,
    /// Whether the loaded state is what the stored events fold into.
    pub state_is_right: bool,
}

/// How commands fared under a fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Safety {
    /// Who.
    pub contestant: Contestant,
    /// Under which fault.
    pub trial: Trial,
    /// What became of the commands.
    pub verdict: Verdict,
    /// Lost races that the caller was told of.
    pub conflicts: u64,
    /// Commands that ended in an error for the caller, who asked again.
    pub errors: u64,
    /// For each command.
    pub spent: Spent,
    /// Microseconds of each command, until the caller knew.
    pub micros: Vec<u64>,
    /// Commands a second, one number a round.
    pub rates: Vec<f64>,
    /// The first error.
    pub failed: Option<String>,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trial {
    /// Writers race on one stream.
    Race,
    /// They race, and some answers to writes are lost.
    LossyRace,
    /// The answer to a write is lost, once.
    LostAnswer,
    /// From a write on every answer is lost, until the caller is told of an error and asks again.
    Outage,
    /// Commands of five notes, one after the other, nothing going wrong.
    Calm,
}

/// Work on everything there is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whole {
    /// Who.
    pub contestant: Contestant,
    /// How it reached the database.
    pub transport: Transport,
    /// What, such as `read everything`.
    pub work: String,
    /// Events there are.
    pub events: u64,
    /// Events or rows that it came to.
    pub count: u64,
    /// For each event.
    pub spent: Spent,
    /// Events a second, one number a round.
    pub rates: Vec<f64>,
    /// Why there is none.
    pub failed: Option<String>,
}

/// Memory of a process that reached the database over loopback.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Resident {
    /// Who.
    pub contestant: Contestant,
    /// Kilobytes when it had begun.
    pub begun_kb: u64,
    /// Kilobytes at most, when everything that is timed had been done.
    pub peak_kb: u64,
}

/// Where and when it was run, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The day.
    pub date: String,
    /// The processor.
    pub processor: String,
    /// How many.
    pub processors: usize,
    /// Gigabytes.
    pub memory_gb: u64,
    /// The kernel.
    pub kernel: String,
    /// What was used, and its version.
    pub versions: Vec<(String, String)>,
    /// Seconds that the run took.
    pub seconds: u64,
}

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Findings {
    /// Where and when.
    pub machine: Machine,
    /// What single operations cost.
    pub costs: Vec<Cost>,
    /// What streams cost.
    pub steady: Vec<Steady>,
    /// How fast single operations are.
    pub speeds: Vec<Speed>,
    /// What became of commands under faults.
    pub safety: Vec<(Transport, Safety)>,
    /// Work on everything there is.
    pub whole: Vec<Whole>,
    /// Memory.
    pub resident: Vec<Resident>,
}

/// The value below which so many of a hundred are.
pub fn percentile(values: &[u64], percent: usize) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}

/// The median.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}
