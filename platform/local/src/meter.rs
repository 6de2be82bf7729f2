//! Tallies calls and the capacity they consumed, for benchmarks and cost tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::engine::lock;
use crate::iam::Need;

/// Which calls a reading counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// `dynamodb`, `events`, ...
    pub service: String,
    /// Such as `ExecuteStatement`.
    pub operation: String,
    /// The first table of a DynamoDB call.
    pub table: Option<String>,
    /// The caller.
    pub role: String,
}

/// What such calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Calls.
    pub calls: u64,
    /// Those that were refused or failed.
    pub errors: u64,
    /// Capacity units in the answers: only of calls that ask for ReturnConsumedCapacity, all tables together.
    pub capacity: f64,
}

/// An action on a resource that a role did, which IAM had allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Done {
    /// Who.
    pub role: String,
    /// Such as `dynamodb:Query`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
}

/// The tally. Clones share it.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<Counted, Reading>>>, Arc<Mutex<BTreeMap<String, DoneByRole>>>);

/// The resources on which each action was done.
type DoneByRole = BTreeMap<&'static str, BTreeSet<String>>;

impl Meter {
    /// What was counted since the start or the last reset.
    pub fn readings(&self) -> BTreeMap<Counted, Reading> {
        lock(&self.0).clone()
    }

    /// Starts anew and returns what was counted.
    pub fn reset(&self) -> BTreeMap<Counted, Reading> {
        std::mem::take(&mut *lock(&self.0))
    }

    /// Calls and capacity of one operation on one table, whoever called.
    pub fn of(&self, operation: &str, table: &str) -> Reading {
        let tally = lock(&self.0);
        let readings = tally.iter().filter(|(counted, _)| counted.operation == operation && counted.table.as_deref() == Some(table));
        readings.fold(Reading::default(), |sum, (_, reading)| Reading {
            calls: sum.calls + reading.calls,
            errors: sum.errors + reading.errors,
            capacity: sum.capacity + reading.capacity,
        })
    }

    /// Every action that was done since the start.
    pub fn done(&self) -> BTreeSet<Done> {
        let done = lock(&self.1);
        let of_action = |role: &str, action: &str, resources: &BTreeSet<String>| -> Vec<Done> {
            let one = |resource: &String| Done { role: role.to_owned(), action: action.to_owned(), resource: resource.clone() };
            resources.iter().map(one).collect()
        };
        done.iter()
            .flat_map(|(role, actions)| actions.iter().flat_map(move |(action, resources)| of_action(role, action, resources)))
            .collect()
    }

    /// Most calls do what was done before: nothing is copied for those.
    pub(crate) fn does(&self, role: &str, needs: &[Need]) {
        let mut done = lock(&self.1);
        let actions = match done.get_mut(role) {
            Some(actions) => actions,
            None => done.entry(role.to_owned()).or_default(),
        };
        for need in needs {
            let resources = actions.entry(need.action).or_default();
            if !resources.contains(&need.resource) {
                resources.insert(need.resource.clone());
            }
        }
    }

    pub(crate) fn count(&self, counted: Counted, ok: bool, answer: &[u8]) {
        let capacity = capacity(answer);
        let mut tally = lock(&self.0);
        let reading = tally.entry(counted).or_default();
        reading.calls += 1;
        reading.errors += u64::from(!ok);
        reading.capacity += capacity;
    }
}

/// The capacity units an answer of DynamoDB reports.
fn capacity(answer: &[u8]) -> f64 {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Consumed {
        One(Units),
        Many(Vec<Units>),
        Other(IgnoredAny),
    }
    #[derive(Deserialize)]
    struct Units {
        #[serde(rename = "CapacityUnits")]
        units: f64,
    }
    #[derive(Deserialize)]
    struct Reported {
        #[serde(rename = "ConsumedCapacity")]
        consumed: Option<Consumed>,
    }
    const MEMBER: &[u8] = b"\"ConsumedCapacity\"";
    // Most answers do not report it, and parsing each would cost more than the call.
    if memchr::memmem::find(answer, MEMBER).is_none() {
        return 0.0;
    }
    match serde_json::from_slice(answer).ok().and_then(|reported: Reported| reported.consumed) {
        Some(Consumed::One(one)) => one.units,
        Some(Consumed::Many(many)) => many.iter().map(|one| one.units).sum(),
        Some(Consumed::Other(_)) | None => 0.0,
    }
}
