//! Takes events in as EventBridge does and delivers them to the queues of the rules they match.
//!
//! An entry is accepted once its deliveries are in the host store; targets get it at least once, in no order.

use std::sync::Arc;

use annals_kit::{Clock, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::arn;
use crate::config::{Archive, Rule, Target};
use crate::deliveries::{Deliveries, Pending};
use crate::faults::Faults;
use crate::host_store::HostStore;
use crate::iam::Need;
use crate::pattern::{InvalidPattern, Pattern};
use crate::queues::Queues;
use crate::randomness::{Randomness, uuid};
use crate::transformer;
use crate::wire::{Answer, Reply};

const MOST_ENTRIES: usize = 10;
/// Of all entries of a request together. Source: EventBridge user guide, "PutEvents entry size", January 2026.
const MOST_BYTES: usize = 1024 * 1024;
/// What an event must have to be tested against a pattern. Source: EventBridge API reference, TestEventPattern.
const MANDATORY: [&str; 7] = ["id", "account", "source", "time", "region", "resources", "detail-type"];

/// The event buses.
pub(crate) struct Bus {
    rules: Vec<(Rule, Pattern)>,
    archives: Vec<(Archive, Option<Pattern>)>,
    host: Arc<HostStore>,
    deliveries: Deliveries,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

/// What became of an entry: its bus and event, or the code and message it is refused with.
type Taken<'a> = Result<(&'a str, Value), (&'static str, &'static str)>;

/// Which part of an archive to replay, and to whom.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its name, which the events carry as `replay-name`.
    pub name: String,
    /// The archive.
    pub archive: String,
    /// Events from this time on,
    pub from: Timestamp,
    /// before this one.
    pub until: Timestamp,
    /// To these rules only; `None`: to all that match.
    pub rules: Option<Vec<String>>,
}

impl Bus {
    pub fn new(
        (rules, archives): (&[Rule], &[Archive]),
        host: Arc<HostStore>,
        queues: Arc<Queues>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        faults: Option<Arc<dyn Faults>>,
    ) -> Result<Self, InvalidPattern> {
        let rules = rules.iter().map(|rule| Ok((rule.clone(), Pattern::read(&rule.pattern)?)));
        let archives = archives.iter().map(|archive| Ok((archive.clone(), archive.pattern.as_ref().map(Pattern::read).transpose()?)));
        Ok(Self {
            rules: rules.collect::<Result<_, InvalidPattern>>()?,
            archives: archives.collect::<Result<_, InvalidPattern>>()?,
            deliveries: Deliveries::new(host.clone(), queues, clock.clone(), randomness.clone(), faults),
            host,
            clock,
            randomness,
        })
    }

    /// What an operation needs of IAM.
    pub fn needs(operation: &str, request: &Value) -> Vec<Need> {
        if operation == "TestEventPattern" {
            return vec![Need { action: "events:TestEventPattern", resource: "*".to_owned(), table: None }];
        }
        if operation != "PutEvents" {
            return vec![Need { action: "events:*", resource: "*".to_owned(), table: None }];
        }
        let mut buses: Vec<_> = entries(request).iter().map(bus_of).collect();
        buses.sort_unstable();
        buses.dedup();
        buses.into_iter().map(|bus| Need { action: "events:PutEvents", resource: arn::bus(bus), table: None }).collect()
    }

    /// PutEvents. Entries of these numbers fail, for tests.
    pub fn put_events(&self, request: &Value, failing: &[usize]) -> Reply {
        let entries = entries(request);
        if entries.is_empty() || entries.len() > MOST_ENTRIES {
            let message = format!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
                 Member must have length between 1 and {MOST_ENTRIES}"
            );
            return Err(Answer::refused("ValidationException", &message));
        }
        if entries.iter().map(size).sum::<usize>() > MOST_BYTES {
            return Err(Answer::refused("ValidationException", "Total size of the entries in the request is over the limit."));
        }
        let taken = entries.iter().enumerate().map(|(number, entry)| match failing.contains(&number) {
            true => Err(("InternalFailure", "The entry failed.")),
            false => self.event(entry).map(|event| (bus_of(entry), event)),
        });
        let taken: Vec<Taken<'_>> = taken.collect();
        let accepted = taken.iter().filter_map(|entry| entry.as_ref().ok());
        self.publish(accepted.map(|(bus, event)| (*bus, event)), None).map_err(|error| {
            tracing::error!(%error, "events could not be stored");
            Answer::error(500, "InternalException", "the event could not be stored")
        })?;
        let failed = taken.iter().filter(|entry| entry.is_err()).count();
        let results = taken.into_iter().map(|entry| match entry {
            Ok((_, event)) => json!({ "EventId": event["id"] }),
            Err((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
        });
        Ok(json!({ "FailedEntryCount": failed, "Entries": results.collect::<Vec<_>>() }))
    }

    /// TestEventPattern: whether a pattern matches an event.
    pub fn test_pattern(request: &Value) -> Reply {
        let invalid = |error: &dyn std::fmt::Display| Answer::refused("InvalidEventPatternException", &error.to_string());
        let pattern = Pattern::parse(request["EventPattern"].as_str().unwrap_or_default()).map_err(|error| invalid(&error))?;
        let wrong = |reason: &str| Answer::refused("ValidationException", &format!("Parameter Event is not valid. Reason: {reason}"));
        let event: Value =
            serde_json::from_str(request["Event"].as_str().unwrap_or_default()).map_err(|error| wrong(&error.to_string()))?;
        if let Some(missing) = MANDATORY.iter().find(|member| event.get(**member).is_none()) {
            return Err(wrong(&format!("{missing} is required.")));
        }
        Ok(json!({ "Result": pattern.matches(&event) }))
    }

    /// The deliveries under way.
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Publishes an archive's events again, to the rules as they are now. Returns how many.
    pub fn replay(&self, replay: &Replay) -> rusqlite::Result<usize> {
        let Some((archive, _)) = self.archives.iter().find(|(archive, _)| archive.name == replay.archive) else { return Ok(0) };
        let mut after = (replay.from.micros(), 0);
        let mut count = 0;
        loop {
            let page = archived(&self.host, replay, after)?;
            let Some((at, id, _)) = page.last() else { return Ok(count) };
            after = (*at, *id);
            count += page.len();
            let events = page.iter().map(|(_, _, event)| (archive.bus.as_str(), event));
            self.publish(events, replay.rules.as_deref())?;
        }
    }

    /// Deletes what archives need not keep any longer.
    pub fn trim(&self) -> rusqlite::Result<()> {
        let now = self.clock.now();
        self.host.write(|host| {
            for (archive, _) in &self.archives {
                let Some(age) = archive.retention.and_then(|age| chrono::TimeDelta::from_std(age).ok()) else { continue };
                host.execute("DELETE FROM archived WHERE archive = ?1 AND at < ?2", (&archive.name, now.plus(-age).micros()))?;
            }
            Ok(())
        })
    }

    /// The event AWS makes of an entry, or why it refuses it.
    fn event(&self, entry: &Value) -> Result<Value, (&'static str, &'static str)> {
        let text = |member: &str| entry[member].as_str().filter(|text| !text.is_empty());
        let source = text("Source").ok_or(("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."))?;
        let detail_type = text("DetailType")
            .ok_or(("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."))?;
        let detail = text("Detail").ok_or(("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."))?;
        if source.starts_with("aws.") {
            return Err(("NotAuthorizedForSourceException", "Not authorized for the source."));
        }
        let detail: Value = serde_json::from_str(detail).map_err(|_| ("MalformedDetail", "Detail is malformed."))?;
        if !detail.is_object() {
            return Err(("MalformedDetail", "Detail is malformed."));
        }
        let time = entry["Time"].as_f64().and_then(|seconds| Timestamp::from_micros((seconds * 1e6) as i64));
        let time = time.unwrap_or_else(|| self.clock.now()).to_string();
        Ok(json!({
            "version": "0",
            "id": uuid(&*self.randomness),
            "detail-type": detail_type,
            "source": source,
            "account": arn::ACCOUNT,
            "time": format!("{}Z", &time[..19]),
            "region": arn::REGION,
            "resources": entry["Resources"].as_array().cloned().unwrap_or_default(),
            "detail": detail,
        }))
    }

    /// Stores the deliveries of events, all or none.
    fn publish<'a>(&self, events: impl Iterator<Item = (&'a str, &'a Value)>, only: Option<&[String]>) -> rusqlite::Result<()> {
        let mut attempted = Vec::new();
        self.host.write(|host| {
            for (bus, event) in events {
                if only.is_none() && event.get("replay-name").is_none() {
                    self.archive(host, bus, event)?;
                }
                let listens = |rule: &Rule| rule.bus == bus && only.is_none_or(|only| only.contains(&rule.name));
                for (rule, _) in self.rules.iter().filter(|(rule, pattern)| listens(rule) && pattern.matches(event)) {
                    for target in &rule.targets {
                        attempted.push(self.deliveries.begin(host, &self.pending(rule, target, event))?);
                    }
                }
            }
            Ok(())
        })?;
        self.deliveries.after(&attempted);
        Ok(())
    }

    fn pending(&self, rule: &Rule, target: &Target, event: &Value) -> Pending {
        let now = self.clock.now();
        Pending {
            bus: rule.bus.clone(),
            rule: rule.name.clone(),
            target: target.clone(),
            event: event.clone(),
            body: transformer::input(&target.input, event, &arn::rule(&rule.bus, &rule.name), now),
            accepted_at: now,
        }
    }

    fn archive(&self, host: &Connection, bus: &str, event: &Value) -> rusqlite::Result<()> {
        let keeps = |archive: &Archive, pattern: &Option<Pattern>| {
            archive.bus == bus && pattern.as_ref().is_none_or(|pattern| pattern.matches(event))
        };
        for (archive, _) in self.archives.iter().filter(|(archive, pattern)| keeps(archive, pattern)) {
            host.prepare_cached("INSERT INTO archived (archive, at, event) VALUES (?1, ?2, ?3)")?.execute((
                &archive.name,
                self.clock.now().micros(),
                event.to_string(),
            ))?;
        }
        Ok(())
    }
}

fn entries(request: &Value) -> &[Value] {
    request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn bus_of(entry: &Value) -> &str {
    arn::name_of(entry["EventBusName"].as_str().filter(|name| !name.is_empty()).unwrap_or("default"))
}

/// The size AWS counts for an entry: 14 bytes for a time, and the bytes of its texts.
fn size(entry: &Value) -> usize {
    let text = |member: &str| entry[member].as_str().map_or(0, str::len);
    let resources = entry["Resources"].as_array().into_iter().flatten();
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + text("Source") + text("DetailType") + text("Detail") + resources.filter_map(Value::as_str).map(str::len).sum::<usize>()
}

/// A page of an archive after a place, each with its time and number.
fn archived(host: &HostStore, replay: &Replay, (at, id): (i64, i64)) -> rusqlite::Result<Vec<(i64, i64, Value)>> {
    host.read(|host| {
        host.prepare_cached(
            "SELECT at, id, event FROM archived WHERE archive = ?1 AND (at, id) > (?2, ?3) AND at < ?4 ORDER BY at, id LIMIT 100",
        )?
        .query_map((&replay.archive, at, id, replay.until.micros()), |row| {
            let mut event: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default();
            event["replay-name"] = replay.name.clone().into();
            Ok((row.get(0)?, row.get(1)?, event))
        })?
        .collect()
    })
}
