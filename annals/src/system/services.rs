//! Which service a function, a mapping or a queue belongs to, for metrics and `annals status`.

use std::collections::BTreeSet;

use annals_local::Config;

use super::contracts;

/// Who owns what, and which queues hold dead letters.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    mappings: Vec<(String, &'static str)>,
    queues: Vec<(String, &'static str)>,
    letters: Vec<String>,
}

/// The service of a function, as the contracts say; what is in none is the machine's own.
pub(super) fn of_function(function: &str) -> &'static str {
    contracts::functions().find(|listed| listed.name == function).map_or("local", |listed| listed.service)
}

impl Owners {
    /// From what is wired: a mapping belongs to its function's service, a queue to its consumer's, dead letters to those who could not
    /// take them.
    pub(super) fn of(config: &Config) -> Self {
        let mut owners = Self {
            mappings: config.stream_mappings.iter().map(|mapping| (mapping.name.clone(), of_function(&mapping.function))).collect(),
            queues: config.queue_mappings.iter().map(|mapping| (mapping.queue.clone(), of_function(&mapping.function))).collect(),
            letters: vec![],
        };
        let buried = config.queues.iter().filter_map(|queue| Some((queue.dead_letter_queue.clone()?, queue.name.clone())));
        let targets = config.rules.iter().flat_map(|rule| &rule.targets);
        let undelivered = targets.filter_map(|target| Some((target.dead_letter_queue.clone()?, target.queue.clone())));
        for (letters, queue) in buried.chain(undelivered) {
            let service = owners.queue(&queue);
            owners.queues.push((letters.clone(), service));
            owners.letters.push(letters);
        }
        for schedule in &config.schedules {
            let Some(letters) = schedule.dead_letter_queue.clone() else { continue };
            owners.queues.push((letters.clone(), of_function(&schedule.function)));
            owners.letters.push(letters);
        }
        owners
    }

    pub(super) fn mapping(&self, name: &str) -> &'static str {
        service(&self.mappings, name)
    }

    pub(super) fn queue(&self, name: &str) -> &'static str {
        service(&self.queues, name)
    }

    /// Every service that has a mapping or a queue.
    pub(super) fn services(&self) -> impl Iterator<Item = &'static str> {
        let services: BTreeSet<_> = self.mappings.iter().chain(&self.queues).map(|(_, service)| *service).collect();
        services.into_iter()
    }

    pub(super) fn holds_dead_letters(&self, queue: &str) -> bool {
        self.letters.iter().any(|letters| letters == queue)
    }
}

fn service(owned: &[(String, &'static str)], name: &str) -> &'static str {
    owned.iter().find(|(other, _)| other == name).map_or("local", |(_, service)| *service)
}
