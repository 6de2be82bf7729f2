//! Adds up what many runs came to, and prints it as a person reads it.

use std::collections::BTreeMap;
use std::io::Write;

use crate::faults::Fault;
use crate::run::Report;

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many runs.
    pub runs: u64,
    /// How many simulated seconds of commands and faults.
    pub seconds: u64,
    commits: u64,
    checked: BTreeMap<u8, u64>,
    fired: BTreeMap<Fault, u64>,
    asked: BTreeMap<Fault, u64>,
}

/// What each invariant says.
const INVARIANTS: [&str; 15] = [
    "acknowledged is in the log; a refusal follows from a state",
    "nothing in the log that nobody asked for",
    "versions without gap or duplicate; times never go back",
    "a command takes effect once",
    "rows, totals and loaded states equal the fold",
    "events are applied in order: by 5 and 7",
    "a row never goes back",
    "every commit is applied, or its stream parked",
    "the bus has been told of every event, in one meaning",
    "an effect happens once, and never after it is done",
    "the ledger holds every commit once; checkpoints agree",
    "a unique value has one owner; erased keys stay erased",
    "debits equal credits",
    "no query shows another tenant's row",
    "settled within 30 minutes; what is left is explained",
];

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, report: &Report, seconds: u64) {
        self.runs += 1;
        self.seconds += seconds;
        self.commits += report.commits;
        report.checked.iter().for_each(|(number, count)| *self.checked.entry(*number).or_default() += count);
        report.fired.iter().for_each(|(fault, count)| *self.fired.entry(*fault).or_default() += count);
        report.asked.iter().for_each(|(fault, count)| *self.asked.entry(*fault).or_default() += count);
    }

    /// Prints them; `cpu` is the processor time they took, in seconds.
    pub fn print(&self, out: &mut impl Write, cpu: f64) -> std::io::Result<()> {
        let hours = self.seconds as f64 / 3600.0;
        writeln!(
            out,
            "{} seeds, {hours:.2} fault-hours, {} commits in {cpu:.1} CPU seconds: {:.3} fault-hours a CPU second",
            self.runs,
            self.commits,
            hours / cpu
        )?;
        writeln!(out, "\n{:>9}  invariant", "checked")?;
        for (number, what) in (1u8..).zip(INVARIANTS) {
            let count = self.checked.get(&number).map_or("-".into(), u64::to_string);
            writeln!(out, "{count:>9}  {number:>2} {what}")?;
        }
        writeln!(out, "\n{:>9} {:>9}  fault", "fired", "asked")?;
        for fault in Fault::ALL {
            let of = |counts: &BTreeMap<Fault, u64>| counts.get(&fault).copied().unwrap_or(0);
            writeln!(out, "{:>9} {:>9}  {}", of(&self.fired), of(&self.asked), fault.name())?;
        }
        let reached = Fault::ALL.iter().filter(|fault| self.asked.contains_key(fault)).count();
        let fired = Fault::ALL.iter().filter(|fault| self.fired.contains_key(fault)).count();
        writeln!(out, "\nfault points reached {reached} of {}, fired {fired}", Fault::ALL.len())
    }
}

/// The processor time that this process has taken so far, in seconds. Source: proc(5), `/proc/self/stat`, fields 14 and 15, in hundredths.
pub fn cpu_seconds() -> f64 {
    seconds_in("/proc/self/stat")
}

/// The same of this thread alone.
pub fn thread_seconds() -> f64 {
    seconds_in("/proc/thread-self/stat")
}

fn seconds_in(stat: &str) -> f64 {
    let stat = std::fs::read_to_string(stat).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
