//! `annals cost`: what commands cost on AWS in a month, by function and table; with `--commands 0`, what idling costs.

use crate::cli::Cost as Options;
use crate::cost::{Estimate, estimate};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::system::contracts;

/// Prints the estimate.
pub(super) fn run(options: &Options) -> Result<Answer, CouldNotTell> {
    let contracts = contracts::committed().map_err(CouldNotTell::reading)?;
    let estimate = estimate(options.commands, contracts, &access_patterns::all());
    match options.json {
        true => say(serde_json::json!(estimate)),
        false => print(&estimate),
    }
    Ok(Answer::Yes)
}

fn print(estimate: &Estimate) {
    let what = match estimate.commands {
        0 => "idling".to_owned(),
        commands => format!("{commands} commands"),
    };
    say(format_args!(
        "{:.2} dollars: a month of {what}, before free tiers; prices {}, usage of {}",
        estimate.total, estimate.prices, estimate.usage
    ));
    for line in &estimate.lines {
        say(format_args!("  {:<12} {:<26} {:>10.4}  {}", line.of, line.name, line.dollars, line.amount));
    }
}
