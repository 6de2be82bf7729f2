//! The seeds that have ever failed: each runs again with every change.

use clap::ValueEnum;

use crate::plan::{Layer, Plan};

/// One a line: layer, seed, simulated seconds and, where it is not the usual one, the rate; what comes after `#` says what it found.
const FAILED: &str = include_str!("../failed-seeds.txt");

/// Their plans.
pub fn failed() -> Vec<Plan> {
    let plan = |line: &str| {
        let (layer, numbers) = line.split('#').next()?.trim().split_once(' ')?;
        let mut numbers = numbers.split_whitespace();
        let plan = Plan::new(Layer::from_str(layer, false).ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let rate = numbers.next().map_or(Some(plan.rate), |rate| rate.parse().ok())?;
        Some(Plan { rate, ..plan })
    };
    FAILED.lines().filter_map(plan).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_is_a_plan_or_says_why() {
        let lines = super::FAILED.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
        assert_eq!(super::failed().len(), lines);
    }
}
