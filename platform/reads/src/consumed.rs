//! Counts what reads cost, from DynamoDB's own answers.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// What reads have cost so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumed {
    /// Requests answered.
    pub calls: u64,
    /// Read units by `table`, and by `table/index` for what an index cost.
    pub units: BTreeMap<String, f64>,
}

#[derive(Debug, Default)]
pub(crate) struct Meter {
    total: Mutex<Consumed>,
}

impl Meter {
    pub(crate) fn add(&self, capacity: Option<&ConsumedCapacity>) {
        let mut total = self.total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        total.calls += 1;
        let Some(capacity) = capacity else { return };
        let table = capacity.table_name().unwrap_or_default();
        let indexes = capacity.global_secondary_indexes();
        let by_index: Vec<(String, f64)> =
            indexes.into_iter().flatten().map(|(index, used)| (format!("{table}/{index}"), used.capacity_units().unwrap_or(0.0))).collect();
        let of_indexes: f64 = by_index.iter().map(|(_, units)| units).sum();
        *total.units.entry(table.to_owned()).or_default() += capacity.capacity_units().unwrap_or(0.0) - of_indexes;
        for (index, units) in by_index {
            *total.units.entry(index).or_default() += units;
        }
    }

    pub(crate) fn read(&self) -> Consumed {
        self.total.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
