//! What holds in every contract, and between all of them and the access-pattern matrices. What does not is told with place and advice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use access_patterns::{Errors, Matrix, Problem};
use serde_json::json;

use crate::api::CommittedApi;
use crate::ask_laws;
use crate::clients;
use crate::committed::Committed;
use crate::compatible::{self, Break};
use crate::contract::Contract;
use crate::delivery::{BUS, MAX_AGE_SECONDS, MAX_ATTEMPTS, Rule, VISIBILITY_FACTOR};
use crate::limits::{self, Limit};
use crate::route_laws::{self, Known};

/// Where delivery settings stand.
const DELIVERY: &str = "x-delivery";

/// Holds every contract to the laws; the problems of all of them, otherwise.
pub fn check(contracts: &[Committed], matrices: &[Arc<Matrix>]) -> Result<(), Errors> {
    let mut found = vec![];
    for committed in contracts {
        let mut laws = Laws { committed, found: vec![] };
        laws.names();
        laws.messages();
        laws.functions();
        laws.stream_mappings(matrices);
        laws.rules(contracts);
        laws.queues();
        laws.schedules();
        laws.dead_letters();
        laws.api(contracts);
        found.extend(laws.found);
        found.extend(ask_laws::check(committed, contracts));
    }
    found.extend(taken(contracts));
    found.extend(route_laws::taken(contracts.iter().filter_map(Committed::api)));
    if found.is_empty() { Ok(()) } else { Err(Errors(found)) }
}

/// Holds an API to the laws that is no service's; whether its functions exist is for whoever wires them to say.
pub fn check_api(api: &CommittedApi) -> Result<(), Errors> {
    let mut found = route_laws::check(api, None);
    found.extend(route_laws::taken(std::iter::once(api)));
    if found.is_empty() { Ok(()) } else { Err(Errors(found)) }
}

/// Holds a contract to what its release promised to consumers and clients.
pub fn check_release(now: &Committed, released: &Committed) -> Result<(), Errors> {
    let problem = |broken: Break| {
        let event = broken.field.split('.').next().unwrap_or_default();
        let what = format!("{} {}", broken.field, broken.what);
        let next = "consumers rely on what was released: keep it, and tell what is new in a new field or under a new event type";
        now.problem(&["components", "messages", event], broken.rule, what, next)
    };
    let mut problems: Vec<_> = compatible::broken_promises(&released.contract, &now.contract).into_iter().map(problem).collect();
    let broken = clients::broken_promises(&released.contract.api, &now.contract.api);
    problems.extend(broken.into_iter().map(|broken| broken_route(now, &broken)));
    if problems.is_empty() { Ok(()) } else { Err(Errors(problems)) }
}

fn broken_route(now: &Committed, clients::Broken { method, path, broken }: &clients::Broken) -> Problem {
    let what = format!("{method} {path}: {} {}", broken.field, broken.what);
    let next = "clients rely on what was released: keep it, and offer what is new in a new field or under a new path";
    let place = [String::from("paths"), path.clone(), method.key()];
    match now.api() {
        Some(api) => api.problem(&place, broken.rule, what, next),
        None => now.problem(&place, broken.rule, what, next),
    }
}

struct Laws<'a> {
    committed: &'a Committed,
    found: Vec<Problem>,
}

impl<'a> Laws<'a> {
    fn contract(&self) -> &'a Contract {
        &self.committed.contract
    }

    fn add(&mut self, path: &[&str], rule: &'static str, what: impl Into<String>, next: impl Into<String>) {
        let path: Vec<&str> = path.to_vec();
        self.found.push(self.committed.problem(&path, rule, what, next));
    }

    fn limit(&mut self, path: &[&str], (key, range): Limit, value: u32) {
        if !range.contains(&value) {
            let what = format!("{key} is {value}, and AWS takes {} to {}", range.start(), range.end());
            self.add(&[&[DELIVERY], path, &[key]].concat(), "limit", what, "choose a value within that range");
        }
    }

    /// `key` at `path` names one of `known`.
    fn known<'n>(&mut self, path: &[&str], key: &str, name: &str, what: &str, known: impl IntoIterator<Item = &'n String>) {
        if !known.into_iter().any(|one| one == name) {
            let next = format!("add the {what} to the contract, or name one that is there");
            self.add(&[&[DELIVERY], path, &[key]].concat(), "unknown", format!("there is no {what} {name}"), next);
        }
    }

    /// The retry policy of a target or schedule at `path`.
    fn retries(&mut self, path: &[&str], max_attempts: u32, max_age_seconds: u32) {
        if (max_attempts, max_age_seconds) != (MAX_ATTEMPTS, MAX_AGE_SECONDS) {
            let what = format!("it is tried {max_attempts} times within {max_age_seconds} s");
            let next =
                format!("every delivery has {MAX_ATTEMPTS} attempts within {MAX_AGE_SECONDS} s; then people look at the dead letters");
            self.add(&[&[DELIVERY], path, &["max_attempts"]].concat(), "retries", what, next);
        }
    }

    fn names(&mut self) {
        let contract = self.contract();
        let delivery = &contract.delivery;
        if !limits::is_kebab(&contract.service) {
            self.add(&["info", "title"], "kebab-case", format!("{} is no service's name", contract.service), "write it in kebab-case");
        }
        if delivery.bus != BUS {
            self.add(&[DELIVERY, "bus"], "bus", format!("there is no bus {}", delivery.bus), format!("all services share the bus {BUS}"));
        }
        let groups: [(&str, Vec<&String>); 7] = [
            ("functions", delivery.functions.keys().collect()),
            ("stream_mappings", delivery.stream_mappings.keys().collect()),
            ("rules", delivery.rules.keys().collect()),
            ("queues", delivery.queues.keys().collect()),
            ("queue_mappings", delivery.queue_mappings.keys().collect()),
            ("schedules", delivery.schedules.keys().collect()),
            ("dead_letter_queues", delivery.dead_letter_queues.keys().collect()),
        ];
        for (group, names) in groups {
            for name in names.into_iter().filter(|name| !limits::is_kebab(name)) {
                let next = "write it in kebab-case: a-z, 0-9, and single dashes between them";
                self.add(&[DELIVERY, group, name], "kebab-case", format!("{name} is not kebab-case"), next);
            }
        }
    }

    fn api(&mut self, contracts: &[Committed]) {
        let Some(api) = self.committed.api() else { return };
        if api.api.service != self.contract().service {
            let (what, next) = (format!("it is {}'s", api.api.service), "a service has its own openapi.yaml beside its asyncapi.yaml");
            self.found.push(api.problem(&["info", "title"], "service", what, next));
        }
        let others = contracts.iter().map(|committed| committed.contract.service.as_str());
        let known = Known {
            functions: self.contract().delivery.functions.keys().map(String::as_str).collect(),
            services: others.filter(|service| *service != self.contract().service).collect(),
        };
        self.found.extend(route_laws::check(api, Some(&known)));
    }

    fn messages(&mut self) {
        for (event, message) in &self.contract().publishes {
            let at = ["components", "messages", event.as_str()];
            if !limits::is_upper_snake(event) {
                self.add(&at, "upper-snake", format!("{event} is no event type"), "write it in UPPER_SNAKE, in the past tense");
            }
            if message.example["metadata"]["schema_version"] != message.schema_version {
                let next = format!("give an example in schema version {}", message.schema_version);
                self.add(&[&at[..], &["examples"]].concat(), "example", "the example is of another schema version", next);
            }
        }
    }

    fn functions(&mut self) {
        for (name, function) in &self.contract().delivery.functions {
            let at = ["functions", name.as_str()];
            self.limit(&at, limits::TIMEOUT, function.timeout_seconds);
            self.limit(&at, limits::MEMORY, function.memory_mb);
            if !limits::is_kebab(&function.role) {
                let next = "name the role of infra/policies, in kebab-case";
                self.add(&[DELIVERY, "functions", name, "role"], "kebab-case", format!("{} is no role", function.role), next);
            }
        }
    }

    fn stream_mappings(&mut self, matrices: &[Arc<Matrix>]) {
        let contract = self.contract();
        let matrix = matrices.iter().find(|matrix| matrix.service() == contract.service);
        for (name, mapping) in &contract.delivery.stream_mappings {
            let at = ["stream_mappings", name.as_str()];
            self.known(&at, "function", &mapping.function, "function", contract.delivery.functions.keys());
            match matrix.and_then(|matrix| matrix.table(&mapping.table)) {
                None => {
                    let what = format!("{} is no table of {}", mapping.table, contract.service);
                    let next = format!("follow a table of access-patterns/{}.toml", contract.service);
                    self.add(&[DELIVERY, "stream_mappings", name, "table"], "unknown", what, next);
                }
                Some(table) if table.stream().is_none() => {
                    let next = "give the table a stream in the matrix, or follow another";
                    self.add(&[DELIVERY, "stream_mappings", name, "table"], "no-stream", format!("{} has no stream", mapping.table), next);
                }
                Some(_) => {}
            }
            self.limit(&at, limits::STREAM_BATCH, mapping.batch_size);
            self.limit(&at, limits::WINDOW, mapping.window_seconds);
            self.limit(&at, limits::STREAM_RETRIES, mapping.max_retries);
            self.limit(&at, limits::RECORD_AGE, mapping.max_record_age_seconds);
            self.limit(&at, limits::PARALLEL, mapping.parallelization_factor);
        }
        for (table, readers) in self.readers_of_tables().into_iter().filter(|(_, readers)| readers.len() > 2) {
            let what = format!("{} functions follow {table}: {}", readers.len(), readers.join(", "));
            let next = "a shard serves two readers before it throttles: let one function do the work of two";
            self.add(&[DELIVERY, "stream_mappings", readers[2]], "readers", what, next);
        }
    }

    fn readers_of_tables(&self) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut readers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, mapping) in &self.contract().delivery.stream_mappings {
            readers.entry(mapping.table.as_str()).or_default().push(name.as_str());
        }
        readers
    }

    fn rules(&mut self, contracts: &[Committed]) {
        let contract = self.contract();
        for (name, rule) in &contract.delivery.rules {
            let at = ["rules", name.as_str(), "target"];
            self.known(&at, "queue", &rule.target.queue, "queue", contract.delivery.queues.keys());
            self.known(
                &at,
                "dead_letter_queue",
                &rule.target.dead_letter_queue,
                "dead-letter queue",
                contract.delivery.dead_letter_queues.keys(),
            );
            self.retries(&at, rule.target.max_attempts, rule.target.max_age_seconds);
            let (event, source) = (&rule.event, &rule.source);
            if rule.pattern["source"] != json!([source]) || rule.pattern["detail-type"] != json!([event]) {
                let next = "match this source and detail-type; what else the pattern says may narrow it";
                self.add(&[DELIVERY, "rules", name, "pattern"], "pattern", format!("the pattern is not one of {event} of {source}"), next);
            }
            let another = |(other, same): (&String, &Rule)| {
                other < name && (&same.event, &same.source, &same.target.queue) == (event, source, &rule.target.queue)
            };
            if contract.delivery.rules.iter().any(another) {
                let what = format!("{event} of {source} comes to {} by another rule as well", rule.target.queue);
                self.add(&[DELIVERY, "rules", name, "target", "queue"], "one-rule", what, "there is one rule per consumed event and queue");
            }
            if !contract.consumes.iter().any(|consumed| consumed.rule == *name && consumed.event == *event && consumed.source == *source) {
                let what = format!("{event} of {source} is not among what is consumed by {name}");
                self.add(&[DELIVERY, "rules", name, "event"], "unknown", what, "say with `consume` what is read of it");
            }
        }
        for consumed in &contract.consumes {
            let (event, source) = (&consumed.event, &consumed.source);
            let key = format!("{source}.{event}");
            let rule = contract.delivery.rules.get(&consumed.rule);
            if !rule.is_some_and(|rule| rule.event == *event && rule.source == *source) {
                let what = format!("{event} of {source} is consumed by {}, which is no rule of it", consumed.rule);
                self.add(&["components", "messages", &key], "one-rule", what, "each queue that an event goes to has a rule for it");
            }
            self.published(contracts, &key, consumed);
        }
    }

    /// Some contract publishes what is consumed, with everything that is read of it.
    fn published(&mut self, contracts: &[Committed], key: &str, consumed: &crate::contract::Consumed) {
        let (event, source) = (&consumed.event, &consumed.source);
        let at = ["components", "messages", key];
        let publisher = contracts.iter().find(|committed| committed.contract.service == *source);
        let Some(message) = publisher.and_then(|publisher| publisher.contract.publishes.get(event)) else {
            let next = "consume an event of the publisher's contract, or have it published there first";
            self.add(&at, "unpublished", format!("no contract publishes {event} of {source}"), next);
            return;
        };
        for broken in compatible::unreadable(&format!("{event}.data"), &message.data, &consumed.data) {
            let what = format!("{} {}: {} reads what {source} does not publish", broken.field, broken.what, self.contract().service);
            self.add(&at, broken.rule, what, "read only what the publisher's contract says");
        }
    }

    fn queues(&mut self) {
        let delivery = &self.contract().delivery;
        for (name, queue) in &delivery.queues {
            let at = ["queues", name.as_str()];
            self.limit(&at, limits::VISIBILITY, queue.visibility_timeout_seconds);
            self.limit(&at, limits::RECEIVES, queue.max_receives);
            self.limit(&at, limits::RETENTION, queue.retention_seconds);
            self.known(&at, "dead_letter_queue", &queue.dead_letter_queue, "dead-letter queue", delivery.dead_letter_queues.keys());
            let kept = delivery.dead_letter_queues.get(&queue.dead_letter_queue).map(|letters| letters.retention_seconds);
            if kept.is_some_and(|kept| kept <= queue.retention_seconds) {
                let next = "a letter's age counts from its first enqueueing: keep letters longer than messages";
                let what = format!("letters of {name} are kept no longer than its messages");
                self.add(&[DELIVERY, "dead_letter_queues", &queue.dead_letter_queue], "retention", what, next);
            }
            if !delivery.queue_mappings.values().any(|mapping| mapping.queue == *name) {
                self.add(&[DELIVERY, "queues", name], "unread", format!("no function reads {name}"), "map it to a function, or remove it");
            }
        }
        for (name, mapping) in &delivery.queue_mappings {
            let at = ["queue_mappings", name.as_str()];
            self.known(&at, "queue", &mapping.queue, "queue", delivery.queues.keys());
            self.known(&at, "function", &mapping.function, "function", delivery.functions.keys());
            self.limit(&at, limits::QUEUE_BATCH, mapping.batch_size);
            self.limit(&at, limits::CONCURRENCY, mapping.concurrency);
            let (Some(queue), Some(function)) = (delivery.queues.get(&mapping.queue), delivery.functions.get(&mapping.function)) else {
                continue;
            };
            let hidden = queue.visibility_timeout_seconds;
            if hidden < function.timeout_seconds * VISIBILITY_FACTOR {
                let what = format!(
                    "{} hides a message for {hidden} s while {} may take {} s",
                    mapping.queue, mapping.function, function.timeout_seconds
                );
                let next = format!("hide it for {} s: {VISIBILITY_FACTOR} times the timeout", function.timeout_seconds * VISIBILITY_FACTOR);
                self.add(&[DELIVERY, "queues", &mapping.queue, "visibility_timeout_seconds"], "visibility", what, next);
            }
            if !(1..=hidden).contains(&mapping.backoff_seconds) {
                let what = format!("the second try comes after {} s", mapping.backoff_seconds);
                let next = format!("wait at least a second and at most the queue's visibility timeout of {hidden} s");
                self.add(&[DELIVERY, "queue_mappings", name, "backoff_seconds"], "limit", what, next);
            }
        }
    }

    fn schedules(&mut self) {
        let delivery = &self.contract().delivery;
        for (name, schedule) in &delivery.schedules {
            let at = ["schedules", name.as_str()];
            self.known(&at, "function", &schedule.function, "function", delivery.functions.keys());
            self.known(&at, "dead_letter_queue", &schedule.dead_letter_queue, "dead-letter queue", delivery.dead_letter_queues.keys());
            self.retries(&at, schedule.max_attempts, schedule.max_age_seconds);
            if let Some(fault) = limits::schedule_fault(&schedule.expression) {
                let next = "see the EventBridge Scheduler user guide, schedule types";
                self.add(&[DELIVERY, "schedules", name, "expression"], "expression", fault, next);
            }
        }
    }

    /// Every dead-letter queue is someone's, and of one only: whose letter it is must be plain.
    fn dead_letters(&mut self) {
        let delivery = &self.contract().delivery;
        let used = delivery.rules.values().map(|rule| &rule.target.dead_letter_queue);
        let used = used.chain(delivery.queues.values().map(|queue| &queue.dead_letter_queue));
        let used: Vec<_> = used.chain(delivery.schedules.values().map(|schedule| &schedule.dead_letter_queue)).collect();
        for (name, queue) in &delivery.dead_letter_queues {
            self.limit(&["dead_letter_queues", name], limits::RETENTION, queue.retention_seconds);
            match used.iter().filter(|one| **one == name).count() {
                0 => self.add(&[DELIVERY, "dead_letter_queues", name], "unused", format!("nothing sends letters to {name}"), "remove it"),
                1 => {}
                _ => self.add(
                    &[DELIVERY, "dead_letter_queues", name],
                    "shared",
                    format!("letters of several come to {name}"),
                    "give each its own",
                ),
            }
        }
    }
}

/// Names that two contracts, or a queue and a dead-letter queue, have alike.
fn taken(contracts: &[Committed]) -> Vec<Problem> {
    let mut problems = vec![];
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for committed in contracts {
        let delivery = &committed.contract.delivery;
        let names = [
            ("functions", "function", delivery.functions.keys().collect::<Vec<_>>()),
            ("stream_mappings", "stream mapping", delivery.stream_mappings.keys().collect()),
            ("rules", "rule", delivery.rules.keys().collect()),
            ("queues", "queue", delivery.queues.keys().collect()),
            ("dead_letter_queues", "queue", delivery.dead_letter_queues.keys().collect()),
            ("queue_mappings", "queue mapping", delivery.queue_mappings.keys().collect()),
            ("schedules", "schedule", delivery.schedules.keys().collect()),
        ];
        for (group, kind, names) in names {
            for name in names.into_iter().filter(|name| !seen.insert((kind, name))) {
                let next = "choose another: one account holds them all";
                problems.push(committed.problem(&[DELIVERY, group, name], "taken", format!("there is another {kind} {name}"), next));
            }
        }
    }
    problems
}
