//! The simulator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let seed: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1);
    let seconds: u64 = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(120);
    let mut plan = sim::plan::Plan::new(seed, seconds);
    plan.plant = std::env::args().nth(3).and_then(|s| sim::planted::of(&s).ok());
    let report = sim::run::run(&plan, false);
    println!("{report:#?}");
    ExitCode::SUCCESS
}
