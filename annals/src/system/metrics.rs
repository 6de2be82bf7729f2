//! Takes in what functions count and what happens in the local account: into the store, and alarms that some of it is.

use std::sync::Arc;

use annals_kit::Ids;
use annals_lambda::metrics::When;
use annals_lambda::{Metric, Metrics};
use annals_local::randomness::Randomness;
use annals_local::{Local, Observer};
use chrono::TimeDelta;

use super::alarms;
use super::services::{self, Owners};
use super::store::MetricsStore;

/// What functions count, into the store; some of it turns alarms of the local account on or off.
pub(super) struct LocalMetrics {
    pub(super) local: Local,
    pub(super) store: Arc<MetricsStore>,
}

impl Metrics for LocalMetrics {
    fn count(&self, service: &'static str, metric: Metric, value: u64, about: &str) {
        self.store.count(service, metric, value, about);
        match metric {
            Metric::StreamUnparked => self.local.take_back(&alarms::name(Metric::StreamParked, service), about, "the stream goes on"),
            _ if metric.definition().alarm.is_some_and(|alarm| alarm.when == When::Above) => {
                self.local.raise(&alarms::name(metric, service), about)
            }
            _ => {}
        }
    }

    fn time(&self, service: &'static str, metric: Metric, took: TimeDelta, about: &str) {
        self.store.time(service, metric, took, about);
    }
}

/// What happens in the local account, into the store.
pub(super) struct AccountMetrics {
    pub(super) owners: Owners,
    pub(super) store: Arc<MetricsStore>,
}

impl Observer for AccountMetrics {
    fn function_failed(&self, function: &str) {
        self.store.count(services::of_function(function), Metric::FunctionError, 1, function);
    }

    fn records_discarded(&self, mapping: &str, records: usize) {
        self.store.count(self.owners.mapping(mapping), Metric::RecordsDiscarded, records as u64, mapping);
    }

    fn messages_arrived(&self, queue: &str, messages: usize) {
        if self.owners.holds_dead_letters(queue) {
            self.store.count(self.owners.queue(queue), Metric::DeadLettered, messages as u64, queue);
        }
    }
}

/// Random bytes from the injected ids.
pub(super) struct RandomBytes(pub(super) Arc<dyn Ids>);

impl Randomness for RandomBytes {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.0.random().to_le_bytes()[..chunk.len()]);
        }
    }
}
