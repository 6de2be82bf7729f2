//! What `/metrics` and `annals status` are made of: the store of this process, and the levels of the local account.

use std::sync::Arc;

use annals_kit::Clock;
use annals_lambda::Metric;
use annals_local::{AlarmState, Local, Unreadable};

use super::alarms;
use super::services::{Owners, of_function};
use super::store::MetricsStore;

/// Where everything that is measured can be read.
pub(super) struct Measurements {
    pub(super) local: Local,
    pub(super) store: Arc<MetricsStore>,
    pub(super) owners: Owners,
    pub(super) clock: Arc<dyn Clock>,
}

/// How much there is now.
pub(super) struct Level {
    pub(super) metric: Metric,
    pub(super) service: &'static str,
    /// The mapping or queue; the service itself where the metric has no label.
    pub(super) subject: String,
    /// In the metric's unit.
    pub(super) value: f64,
}

impl Measurements {
    /// Iterator ages, queue depths and ages, dead letters, parked streams.
    pub(super) fn levels(&self) -> Result<Vec<Level>, Unreadable> {
        let waiting = self.local.levels()?;
        let mut levels = vec![];
        for mapping in waiting.mappings {
            let value = mapping.age.unwrap_or_default().as_secs_f64() * 1000.0;
            levels.push(Level { metric: Metric::IteratorAge, service: of_function(&mapping.function), subject: mapping.name, value });
        }
        for queue in waiting.queues {
            let service = self.owners.queue(&queue.name);
            let depth = if self.owners.holds_dead_letters(&queue.name) { Metric::DeadLetters } else { Metric::QueueDepth };
            let age = queue.age.unwrap_or_default().as_secs_f64();
            levels.push(Level { metric: depth, service, subject: queue.name.clone(), value: queue.messages as f64 });
            levels.push(Level { metric: Metric::QueueAge, service, subject: queue.name, value: age });
        }
        let open = self.local.alarms()?;
        for service in self.owners.services() {
            let name = alarms::name(Metric::StreamParked, service);
            let parked =
                open.iter().filter(|alarm| alarm.name == name && alarm.state == AlarmState::Alarm).map(|alarm| alarm.details.len());
            levels.push(Level { metric: Metric::ParkedStreams, service, subject: service.to_owned(), value: parked.sum::<usize>() as f64 });
        }
        Ok(levels)
    }
}
