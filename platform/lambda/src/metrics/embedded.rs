//! Metrics on standard output in CloudWatch's embedded metric format: one JSON document per invocation.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format": a document is one line; a target member is a number or an
//! array of at most 100 numbers; a directive names at most 100 metrics; dimensions are text members of the root.

use std::collections::BTreeMap;
use std::io::{Stdout, Write};
use std::sync::{Mutex, PoisonError};

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::{Definition, Metric, Metrics, Unit};

/// Values at most in one target member.
const MOST_VALUES: usize = 100;

/// Prints what an invocation counted and timed when it ends, or when one metric has 100 values.
pub struct EmbeddedMetrics<C, W = Stdout> {
    clock: C,
    state: Mutex<State<W>>,
}

struct State<W> {
    output: W,
    /// By service and function; the function is empty for metrics without that label.
    held: BTreeMap<(&'static str, String), Held>,
}

/// What one document will hold.
#[derive(Default)]
struct Held {
    counts: BTreeMap<Metric, u64>,
    /// In milliseconds.
    times: BTreeMap<Metric, Vec<f64>>,
    details: BTreeMap<String, Vec<String>>,
}

impl<C: Clock> EmbeddedMetrics<C> {
    /// Documents stamped by `clock`, on standard output.
    pub fn new(clock: C) -> Self {
        Self::to(std::io::stdout(), clock)
    }
}

impl<C: Clock, W: Write> EmbeddedMetrics<C, W> {
    /// The same into `output`.
    pub fn to(output: W, clock: C) -> Self {
        Self { clock, state: Mutex::new(State { output, held: BTreeMap::new() }) }
    }

    fn hold(&self, service: &'static str, metric: Metric, about: &str, change: impl FnOnce(&mut Held) -> bool) {
        let definition = metric.definition();
        if !definition.is_printed() {
            return;
        }
        let function = if definition.label == Some("function") { about } else { "" };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let held = state.held.entry((service, function.to_owned())).or_default();
        if definition.label.is_none() && !about.is_empty() {
            let details = held.details.entry(metric.name()).or_default();
            // The log has them all; this is for whoever looks at the metric.
            if details.len() < MOST_VALUES {
                details.push(about.to_owned());
            }
        }
        if change(held) {
            state.print(self.clock.now());
        }
    }
}

impl<C: Clock, W: Write + Send> Metrics for EmbeddedMetrics<C, W> {
    fn count(&self, service: &'static str, metric: Metric, value: u64, about: &str) {
        self.hold(service, metric, about, |held| {
            *held.counts.entry(metric).or_default() += value;
            false
        });
    }

    fn time(&self, service: &'static str, metric: Metric, took: TimeDelta, about: &str) {
        let millis = took.num_microseconds().unwrap_or(i64::MAX).max(0) as f64 / 1000.0;
        self.hold(service, metric, about, |held| {
            let values = held.times.entry(metric).or_default();
            values.push(millis);
            values.len() == MOST_VALUES
        });
    }

    fn flush(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.print(self.clock.now());
    }
}

impl<W: Write> State<W> {
    fn print(&mut self, now: Timestamp) {
        let mut lines = String::new();
        for ((service, function), held) in merged(std::mem::take(&mut self.held)) {
            lines.push_str(&document(now, service, &function, held).to_string());
            lines.push('\n');
        }
        // Metrics are no reason to fail: whoever reads standard output may have gone away.
        let _ = self.output.write_all(lines.as_bytes()).and_then(|()| self.output.flush());
    }
}

type ByFunction = BTreeMap<(&'static str, String), Held>;

/// Puts what has no function into the document of the service's first one, so that one invocation is one document.
fn merged(mut held: ByFunction) -> ByFunction {
    let services: Vec<_> = held.keys().filter(|(_, function)| function.is_empty()).map(|(service, _)| *service).collect();
    for service in services {
        let named = held.keys().find(|(other, function)| *other == service && !function.is_empty()).cloned();
        let Some(named) = named else { continue };
        let general = held.remove(&(service, String::new())).unwrap_or_default();
        let document = held.entry(named).or_default();
        document.counts.extend(general.counts);
        document.times.extend(general.times);
        document.details.extend(general.details);
    }
    held
}

fn document(now: Timestamp, service: &str, function: &str, held: Held) -> Value {
    let mut root = Map::new();
    root.insert("service".into(), service.into());
    if !function.is_empty() {
        root.insert("function".into(), function.into());
    }
    let counts = held.counts.into_iter().map(|(metric, value)| (metric, json!(value)));
    let times = held.times.into_iter().map(|(metric, values)| (metric, json!(values)));
    // One directive per set of dimension sets.
    let mut directives: Vec<(&'static [&'static [&'static str]], Vec<Value>)> = vec![];
    for (metric, value) in counts.chain(times) {
        let Definition { cloudwatch: Some(cloudwatch), unit, .. } = metric.definition() else { continue };
        root.insert(cloudwatch.name.into(), value);
        let named = json!({ "Name": cloudwatch.name, "Unit": unit_name(*unit) });
        match directives.iter_mut().find(|(dimensions, _)| *dimensions == cloudwatch.dimensions) {
            Some((_, metrics)) => metrics.push(named),
            None => directives.push((cloudwatch.dimensions, vec![named])),
        }
    }
    let directives = directives
        .into_iter()
        .map(|(dimensions, metrics)| json!({ "Namespace": super::definition::NAMESPACE, "Dimensions": dimensions, "Metrics": metrics }));
    root.insert("_aws".into(), json!({ "Timestamp": now.micros() / 1000, "CloudWatchMetrics": directives.collect::<Vec<_>>() }));
    if !held.details.is_empty() {
        root.insert("details".into(), json!(held.details));
    }
    Value::Object(root)
}

/// Hands what a document says to other `metrics`, as if `service` had counted it there.
pub fn hand_over(document: &Value, service: &'static str, metrics: &dyn Metrics) {
    let function = document["function"].as_str().unwrap_or_default();
    for definition in super::definition::ALL.iter().filter(|definition| definition.is_printed()) {
        let name = definition.metric.name();
        let mut details = document["details"][&name].as_array().into_iter().flatten().filter_map(Value::as_str);
        let about = if definition.label == Some("function") { function } else { details.next_back().unwrap_or_default() };
        match &document[&name] {
            Value::Number(count) => metrics.count(service, definition.metric, count.as_u64().unwrap_or(0), about),
            Value::Array(times) => {
                for millis in times.iter().filter_map(Value::as_f64) {
                    metrics.time(service, definition.metric, TimeDelta::microseconds((millis * 1000.0) as i64), about);
                }
            }
            _ => {}
        }
    }
}

fn unit_name(unit: Unit) -> String {
    format!("{unit:?}")
}
