//! Knows which queues hold dead letters, of what, whose they are, and where they go back to: read from the wiring.

use std::sync::Arc;

use annals_local::config::Schedule;
use annals_local::randomness::Seeded;
use annals_local::{Config, Queue, Rule, Store};

use super::services::of_function;
use super::{api, contracts, wiring};

/// A queue of dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterQueue {
    /// Its name.
    pub name: String,
    /// What its letters come from.
    pub source: Source,
    /// The service in whose log redrives of it are recorded.
    pub service: &'static str,
}

/// Where dead letters come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A queue whose function failed too often.
    Queue {
        /// The queue, to which they go back.
        queue: String,
        /// The function.
        function: String,
        /// How often it had each of them.
        attempts: u32,
    },
    /// A rule of the bus that could not deliver.
    Rule {
        /// The rule.
        rule: String,
        /// The queue it delivers to, to which they go.
        queue: String,
    },
    /// A schedule whose function failed too often; the next tick is its redrive.
    Schedule {
        /// The schedule.
        schedule: String,
        /// The function.
        function: String,
    },
}

impl Source {
    /// The queue that letters go back to, where there is one.
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Queue { queue, .. } | Self::Rule { queue, .. } => Some(queue),
            Self::Schedule { .. } => None,
        }
    }

    /// The source in a word or two.
    pub fn described(&self) -> String {
        match self {
            Self::Queue { queue, function, .. } => format!("queue {queue} (function {function})"),
            Self::Rule { rule, queue } => format!("rule {rule} (to queue {queue})"),
            Self::Schedule { schedule, function } => format!("schedule {schedule} (function {function})"),
        }
    }
}

/// Every queue of dead letters, in order of their names.
pub fn letter_queues() -> Vec<LetterQueue> {
    // Only what `connect` says matters: nothing is opened, no time passes and no id is drawn.
    let mut config = Config::new(Store::Memory, Arc::new(annals_lambda::machine::MachineClock), Arc::new(Seeded::new(0)));
    wiring::connect(&mut config, contracts::committed().unwrap_or_default(), &api::described());
    let function = |queue: &str| {
        let consumer = config.queue_mappings.iter().find(|mapping| mapping.queue == queue);
        consumer.map_or("none", |mapping| &mapping.function).to_owned()
    };
    let of_queue = |queue: &Queue| {
        let source = Source::Queue { queue: queue.name.clone(), function: function(&queue.name), attempts: queue.max_receive_count };
        Some(LetterQueue { name: queue.dead_letter_queue.clone()?, service: of_function(&function(&queue.name)), source })
    };
    let of_rule = |rule: &Rule| {
        let of_target = |target: &annals_local::Target| {
            let source = Source::Rule { rule: rule.name.clone(), queue: target.queue.clone() };
            Some(LetterQueue { name: target.dead_letter_queue.clone()?, service: of_function(&function(&target.queue)), source })
        };
        rule.targets.iter().filter_map(of_target).collect::<Vec<_>>()
    };
    let of_schedule = |schedule: &Schedule| {
        let source = Source::Schedule { schedule: schedule.name.clone(), function: schedule.function.clone() };
        Some(LetterQueue { name: schedule.dead_letter_queue.clone()?, service: of_function(&schedule.function), source })
    };
    let mut queues: Vec<_> = config.queues.iter().filter_map(of_queue).collect();
    queues.extend(config.rules.iter().flat_map(of_rule));
    queues.extend(config.schedules.iter().filter_map(of_schedule));
    queues.sort_by(|a, b| a.name.cmp(&b.name));
    queues.dedup_by(|a, b| a.name == b.name);
    queues
}
