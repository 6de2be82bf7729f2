//! The simulator's command line: runs seeds, replays one, and proves itself by planted bugs.
//!
//! Exit codes: 0 everything holds, 1 something does not, 2 it could not be told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use annals_planted::Bug;
use clap::{Args, Parser, Subcommand};
use sim::checks::Violation;
use sim::faults::Fault;
use sim::plan::{Layer, Plan, RATE};
use sim::planted::{self, Found};
use sim::run::{Report, run};
use sim::seeds;
use sim::shrink::shrink;
use sim::side_by_side::{all_threads, side_by_side};
use sim::totals::{Totals, cpu_seconds, thread_seconds};

/// Prints a line. Who has stopped reading is not told more, and what is under way goes on.
macro_rules! say {
    ($($line:tt)*) => {{
        let _ = writeln!(stdout(), $($line)*);
    }};
}

/// Calls of SDKs are many small allocations that live briefly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the whole pipeline under many seeds, breaks what can break, and checks what must hold.
#[derive(Parser)]
#[command(name = "sim", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    many: Many,
}

#[derive(Subcommand)]
enum Command {
    /// Run one plan again, and show what happens.
    Replay(Replay),
    /// Plant every bug in turn, and find it.
    Planted(Prove),
    /// Run every seed that ever failed.
    Failed,
}

#[derive(Args)]
struct Many {
    /// How many seeds.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many simulated hours each, in parts as well.
    #[arg(long, default_value_t = 1.0 / 60.0, value_parser = hours)]
    hours: f64,
    /// About how many commands people ask for in a minute. Fewer are more simulated time for the same money, and find less in it.
    #[arg(long, default_value_t = RATE, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Where AWS is simulated.
    #[arg(long, value_enum, default_value_t)]
    layer: Layer,
    /// How many seeds at a time; as many as this machine has processors, where it is not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Begin no further seed after so many seconds of this machine's time.
    #[arg(long)]
    budget: Option<u64>,
}

#[derive(Args)]
struct Replay {
    /// The seed.
    #[arg(long)]
    seed: u64,
    /// Simulated seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// About how many commands people ask for in a minute.
    #[arg(long, default_value_t = RATE, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Only these faults; `none`.
    #[arg(long, value_delimiter = ',')]
    faults: Option<Vec<String>>,
    /// From this second on.
    #[arg(long)]
    faults_from: Option<u64>,
    /// Until this second.
    #[arg(long)]
    faults_until: Option<u64>,
    /// Without these stories.
    #[arg(long, value_delimiter = ',')]
    without_stories: Vec<u64>,
    /// Where AWS is simulated.
    #[arg(long, value_enum, default_value_t)]
    layer: Layer,
    /// With this bug.
    #[arg(long, value_parser = planted::of)]
    plant: Option<Bug>,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
}

#[derive(Args)]
struct Prove {
    /// Only these.
    #[arg(long, value_parser = planted::of)]
    bug: Vec<Bug>,
    /// Give up a bug after so many seeds.
    #[arg(long, default_value_t = 60)]
    seeds: u64,
    /// Where AWS is simulated; at both where it is not given.
    #[arg(long, value_enum)]
    layer: Option<Layer>,
    /// Simulated seconds of each seed.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Write the table of docs/simulator.md, when all have been planted.
    #[arg(long, conflicts_with_all = ["bug", "layer"])]
    write: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let holds = match cli.command {
        None => many(&cli.many),
        Some(Command::Replay(replay)) => match plan(&replay) {
            Ok(plan) => again(&plan, replay.trace),
            Err(reason) => {
                eprintln!("error: {reason}\n  nothing was run");
                return ExitCode::from(2);
            }
        },
        Some(Command::Planted(prove)) => match planted(&prove) {
            Ok(found) => found,
            Err(error) => {
                eprintln!("error: docs/simulator.md cannot be written: {error}\n  everything else was done");
                return ExitCode::from(2);
            }
        },
        Some(Command::Failed) => hold(seeds::failed().into_iter(), all_threads(), &mut Totals::default()),
    };
    ExitCode::from(u8::from(!holds))
}

/// Simulated hours of which at least a second is left.
fn hours(text: &str) -> Result<f64, String> {
    let hours = text.parse().ok().filter(|hours: &f64| (1.0..=3.6e6).contains(&(hours * 3600.0).round()));
    hours.ok_or_else(|| "it takes a number of hours, of a second at least and a thousand hours at most".into())
}

/// Runs seeds; whether everything holds.
fn many(asked: &Many) -> bool {
    let (began, seconds) = (Instant::now(), (asked.hours * 3600.0).round() as u64);
    let in_time = |_: &u64| asked.budget.is_none_or(|budget| began.elapsed() < Duration::from_secs(budget));
    let seeds = (asked.first..asked.first.saturating_add(asked.seeds)).take_while(in_time);
    let mut totals = Totals::default();
    let plans = seeds.map(|seed| Plan { rate: asked.rate, ..Plan::new(asked.layer, seed, seconds) });
    let holds = hold(plans, asked.threads.map_or_else(all_threads, usize::from), &mut totals);
    let _ = totals.print(&mut stdout(), cpu_seconds());
    holds
}

/// Runs plans; whether everything holds. One that fails is made smaller, and the command that runs it again is printed.
fn hold(plans: impl Iterator<Item = Plan> + Send, threads: usize, totals: &mut Totals) -> bool {
    let mut holds = true;
    let run = |plan: Plan| {
        let report = run(&plan, false);
        let smaller = report.violations.first().map(|first| shrink(&plan, first.invariant, 60));
        (plan, report, smaller)
    };
    side_by_side(threads, plans, run, |(plan, report, smaller)| {
        totals.add(&report, plan.seconds);
        if let Some((smaller, runs)) = smaller {
            holds = false;
            say!("seed {} fails:", plan.seed);
            show(&report);
            say!("again:   {}\nsmaller: {}  (after {runs} runs)", plan.command(), smaller.command());
        }
    });
    holds
}

fn again(plan: &Plan, trace: bool) -> bool {
    let report = run(plan, trace);
    report.trace.iter().for_each(|line| say!("{line}"));
    show(&report);
    say!("trace {:016x} of {} lines, {} commits, {} violations", report.digest.0, report.digest.1, report.commits, report.violations.len());
    report.violations.is_empty()
}

fn show(report: &Report) {
    for violation in report.violations.iter().take(12) {
        say!("  {:>2}  {}", violation.invariant, violation.what);
    }
    if report.violations.len() > 12 {
        say!("  and {} more", report.violations.len() - 12);
    }
}

fn plan(asked: &Replay) -> Result<Plan, String> {
    let mut plan = Plan::new(asked.layer, asked.seed, asked.seconds);
    plan.rate = asked.rate;
    plan.window = (asked.faults_from.unwrap_or(0), asked.faults_until.unwrap_or(asked.seconds));
    plan.without = asked.without_stories.iter().copied().collect();
    plan.plant = asked.plant;
    if let Some(names) = &asked.faults {
        let find = |name: &String| Fault::ALL.into_iter().find(|fault| fault.name() == *name).ok_or(format!("no fault is called {name}"));
        plan.faults = names.iter().filter(|name| *name != "none").map(find).collect::<Result<BTreeSet<_>, _>>()?;
    }
    Ok(plan)
}

/// Plants bugs and looks for them at one layer, or at both; whether each was found.
fn planted(asked: &Prove) -> std::io::Result<bool> {
    let bugs = if asked.bug.is_empty() { Bug::ALL.to_vec() } else { asked.bug.clone() };
    let layers = asked.layer.map_or_else(|| Layer::ALL.to_vec(), |layer| vec![layer]);
    let found: Vec<(Layer, Vec<Found>)> = layers.into_iter().map(|layer| (layer, planted_at(layer, &bugs, asked))).collect();
    if asked.write {
        planted::write(&found, asked.seconds)?;
    }
    Ok(found.iter().flat_map(|(_, found)| found).all(|found| found.first.is_some()))
}

fn planted_at(layer: Layer, bugs: &[Bug], asked: &Prove) -> Vec<Found> {
    let sound = Mutex::new(BTreeMap::new());
    let holds = |seed| {
        let known = sound.lock().unwrap_or_else(PoisonError::into_inner).get(&seed).copied();
        let holds = known.unwrap_or_else(|| run(&Plan::new(layer, seed, asked.seconds), false).violations.is_empty());
        sound.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, holds);
        holds
    };
    let find = |bug: Bug| {
        let began = thread_seconds();
        // What a seed shows without the bug as well is not the bug.
        let first = (1..=asked.seeds).find_map(|seed| {
            let plan = Plan { plant: Some(bug), ..Plan::new(layer, seed, asked.seconds) };
            let violation = run(&plan, false).violations.first().cloned()?;
            holds(seed).then_some((seed, violation))
        });
        (bug, first, thread_seconds() - began)
    };
    let mut found = vec![];
    side_by_side(all_threads(), bugs.iter().copied(), find, |(bug, first, took)| {
        let (layer, name) = (layer.name(), planted::name(bug));
        match &first {
            Some((seed, Violation { invariant, what })) => {
                say!("{layer} {name}: with seed {seed}, {took:.1} s, by invariant {invariant}: {what}");
            }
            None => say!("{layer} {name}: not found in {} seeds", asked.seeds),
        }
        found.push(Found { bug, first: first.map(|(seed, violation)| (seed, violation.invariant)), took });
    });
    found.sort_by_key(|found| bugs.iter().position(|bug| *bug == found.bug));
    found
}
