//! What runs here is what is planned on AWS: `infra/services/<service>/planned.json` is what Terraform plans (`.ci/infra update` writes it, and
//! `.ci/infra` holds it to the plan), and this compares each part of it with the local account as it is wired.

use std::sync::Arc;

use access_patterns::Table;
use annals_contract::Committed;
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Config, Function, Store};
use serde_json::{Map, Value, json};

use super::contracts::committed;
use super::services::Owners;
use super::{alarms, metrics, roles, wiring};

fn planned(service: &str) -> Value {
    let path = format!("{}/../infra/services/{service}/planned.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}; `.ci/infra update` writes it"));
    serde_json::from_str(&text).unwrap()
}

/// The account as [`super::System::open`] wires it.
fn wired() -> Config {
    let mut config = Config::new(Store::Memory, Arc::new(MachineClock), Arc::new(metrics::RandomBytes(Arc::new(MachineIds))));
    config.tables = access_patterns::all().iter().flat_map(|matrix| matrix.tables().iter().map(Table::definition_json)).collect();
    config.resource_policies = roles::resource_policies();
    wiring::connect(&mut config, committed().unwrap());
    let owners = Owners::of(&config);
    config.alarms = alarms::rules(&config, &owners);
    config
}

/// What `part` of the plans of all services has, under one roof: names are nobody else's.
fn all_planned(part: &str) -> Map<String, Value> {
    let services = committed().unwrap().iter().map(|committed| planned(&committed.contract.service));
    services.flat_map(|planned| planned[part].as_object().unwrap().clone()).collect()
}

/// Compares a part of the plans with what is wired here.
#[track_caller]
fn same(part: &str, here: impl Iterator<Item = (String, Value)>) {
    let (planned, here) = (all_planned(part), here.collect::<Map<_, _>>());
    assert!(!here.is_empty(), "there are no {part} here");
    assert_eq!(planned.keys().collect::<Vec<_>>(), sorted(here.keys()), "{part}");
    for (name, value) in &here {
        assert_eq!(&planned[name], value, "{part}: {name} is planned otherwise than it runs here");
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn tables() {
    let append_only: Vec<_> = roles::resource_policies().into_iter().map(|(table, _)| table).collect();
    let table = |definition: Value| {
        let name = definition["TableName"].as_str().unwrap().to_owned();
        let keys: Vec<_> = definition["KeySchema"].as_array().unwrap().iter().map(|key| key["AttributeName"].clone()).collect();
        let indexes = definition["GlobalSecondaryIndexes"].as_array().into_iter().flatten().map(|index| index["IndexName"].clone());
        let value = json!({
            "append_only": append_only.contains(&name),
            "expires": definition["TimeToLiveSpecification"]["AttributeName"],
            "indexes": indexes.collect::<Vec<_>>(),
            "keys": keys,
            "stream": definition["StreamSpecification"]["StreamViewType"],
        });
        (name, value)
    };
    same("tables", wired().tables.into_iter().map(table));
}

#[test]
fn functions() {
    let described = committed().unwrap().iter().flat_map(|Committed { contract, .. }| &contract.delivery.functions);
    let function = |(name, described)| {
        let function = wiring::as_described(Function::new(name, |_, _| async { Ok(Value::Null) }), described);
        let most = function.concurrency.map_or(-1, |most| i64::try_from(most).unwrap());
        (function.name, json!({ "concurrency": most, "timeout": function.timeout.as_secs() }))
    };
    same("functions", described.map(function));
}

#[test]
fn stream_mappings() {
    let mapping = |mapping: annals_local::StreamMapping| {
        let value = json!({
            "batch_size": mapping.batch_size,
            "bisect": mapping.bisect,
            "function": mapping.function,
            "max_record_age_seconds": mapping.max_record_age.unwrap().as_secs(),
            "max_retries": mapping.max_retries.unwrap(),
            "parallelization_factor": mapping.parallelization_factor,
            "table": mapping.table,
            "window_seconds": mapping.window.as_secs(),
        });
        (mapping.name, value)
    };
    same("stream_mappings", wired().stream_mappings.into_iter().map(mapping));
}

#[test]
fn rules() {
    let rule = |rule: annals_local::Rule| {
        let [target] = rule.targets.as_slice() else { panic!("{} has one target", rule.name) };
        let value = json!({
            "dead_letter_queue": target.dead_letter_queue,
            "max_age_seconds": target.max_age_seconds,
            "max_attempts": target.max_attempts,
            "pattern": rule.pattern,
            "queue": target.queue,
        });
        (rule.name, value)
    };
    same("rules", wired().rules.into_iter().map(rule));
}

#[test]
fn queues_and_dead_letter_queues() {
    let (queues, letters): (Vec<_>, Vec<_>) = wired().queues.into_iter().partition(|queue| queue.dead_letter_queue.is_some());
    let queue = |queue: annals_local::Queue| {
        let value = json!({
            "dead_letter_queue": queue.dead_letter_queue,
            "max_receives": queue.max_receive_count,
            "retention": queue.retention.as_secs(),
            "visibility_timeout": queue.visibility_timeout.as_secs(),
        });
        (queue.name, value)
    };
    same("queues", queues.into_iter().map(queue));
    same("dead_letter_queues", letters.into_iter().map(|queue| (queue.name, json!({ "retention": queue.retention.as_secs() }))));
}

#[test]
fn queue_mappings() {
    let mapping = |mapping: annals_local::QueueMapping| {
        let value = json!({
            "batch_size": mapping.batch_size,
            "concurrency": mapping.pollers,
            "function": mapping.function,
            "queue": mapping.queue,
        });
        (mapping.name, value)
    };
    same("queue_mappings", wired().queue_mappings.into_iter().map(mapping));
}

#[test]
fn schedules() {
    let schedule = |schedule: annals_local::Schedule| {
        let value = json!({
            "dead_letter_queue": schedule.dead_letter_queue,
            "expression": schedule.expression,
            "function": schedule.function,
            "input": schedule.input,
            "max_age_seconds": schedule.max_age_seconds,
            "max_attempts": schedule.max_attempts,
            "timezone": schedule.time_zone,
        });
        (schedule.name, value)
    };
    same("schedules", wired().schedules.into_iter().map(schedule));
}

#[test]
fn every_alarm_of_this_machine_is_one_on_aws() {
    let services = committed().unwrap().iter().map(|committed| planned(&committed.contract.service));
    let planned: Vec<String> =
        services.flat_map(|planned| serde_json::from_value::<Vec<String>>(planned["alarms"].clone()).unwrap()).collect();
    let lacking: Vec<_> = wired().alarms.into_iter().map(|alarm| alarm.name).filter(|name| !planned.contains(name)).collect();
    assert!(lacking.is_empty(), "alarms here and not on AWS: {lacking:?}");
}

/// What a person reads when an alarm comes on: `docs/runbooks/<alarm>.md`.
#[test]
fn every_alarm_has_its_page_and_every_page_its_alarm() {
    let folder = format!("{}/../docs/runbooks", env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|page| !["README", "restore", "roll-back", "tables-that-refuse"].contains(&page.as_str()))
        .collect();
    pages.sort();
    let mut alarms: Vec<_> =
        annals_lambda::metrics::definition::ALL.iter().filter_map(|definition| definition.alarm).map(|alarm| alarm.name).collect();
    alarms.sort_unstable();
    assert_eq!(pages, alarms, "each alarm is docs/runbooks/<name>.md");
    for alarm in alarms {
        let text = std::fs::read_to_string(format!("{folder}/{alarm}.md")).unwrap();
        for heading in ["## What it means", "## What to look at", "## What mends it"] {
            assert!(text.contains(heading), "{alarm}.md lacks `{heading}`");
        }
        assert!(text.contains("```sh"), "{alarm}.md has no command");
    }
}
