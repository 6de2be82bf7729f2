//! What must hold when everything is settled: the invariants, each by its number.
//!
//! - [`log`]: 1 to 4, 9, 12: what is in the logs, and what is told of it
//! - [`rows`]: 5, 7, 8, 13, 14: what is derived. 6 follows: a row that never went back and equals the fold in order was made in order
//! - [`effects`]: 10: emails
//! - [`ledger`]: 11: order and proof

pub mod effects;
pub mod ledger;
pub mod log;
pub mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_log::Commit;

use crate::services::Service;
use crate::world::{World, text};

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's number.
    pub invariant: u8,
    /// What is wrong.
    pub what: String,
}

/// What was checked.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    counts: BTreeMap<u8, u64>,
    violations: Vec<Violation>,
}

/// The commits of one log, by stream; a stream's commits oldest first, as far as they can be read.
pub type Streams = BTreeMap<String, Vec<Commit>>;

impl Checked {
    /// An invariant was checked.
    pub fn holds(&mut self, invariant: u8) {
        *self.counts.entry(invariant).or_default() += 1;
    }

    /// It does not hold.
    pub fn violated(&mut self, invariant: u8, what: String) {
        self.violations.push(Violation { invariant, what });
    }

    /// Whether it holds; `what` says what is wrong otherwise.
    pub fn expect(&mut self, invariant: u8, holds: bool, what: impl FnOnce() -> String) {
        self.holds(invariant);
        if !holds {
            self.violated(invariant, what());
        }
    }

    /// What was violated, and how often each was checked.
    pub fn into_parts(self) -> (Vec<Violation>, BTreeMap<u8, u64>) {
        (self.violations, self.counts)
    }
}

/// Where no record is lost, everything is derived before anybody walks.
pub async fn before_the_walk(world: &Arc<World>, checked: &mut Checked) {
    for pipeline in world.pipelines.iter().filter(|pipeline| !pipeline.mappings.has_lost()) {
        rows::complete(world, pipeline.service, checked, true).await;
    }
}

/// Everything.
pub async fn check(world: &Arc<World>, checked: &mut Checked) {
    let mut logs = BTreeMap::new();
    for service in Service::ALL {
        logs.insert(service, log::read(world, service, checked).await);
    }
    log::answers(world, &logs, checked);
    log::bus(world, &logs, checked);
    log::owners(&logs, checked);
    for service in Service::ALL {
        rows::complete(world, service, checked, false).await;
        rows::content(world, service, checked).await;
        ledger::check(world, service, checked).await;
    }
    rows::sums(world, &logs[&Service::Billing], checked).await;
    rows::watched(world, checked);
    log::loads(world, &logs[&Service::Billing], checked).await;
    effects::check(world, &logs, checked);
    for (invariant, what) in world.history.complaints() {
        checked.violated(invariant, what);
    }
    (0..world.history.judged()).for_each(|_| checked.holds(1));
}

/// A stream's name and version, of an item.
fn place(item: &annals_reads::Item) -> (&str, u64) {
    (text(item, "PK"), text(item, "SK").parse().unwrap_or(0))
}
