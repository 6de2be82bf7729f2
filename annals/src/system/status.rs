//! `GET /local/status`: how every service does, for `annals status`.

use std::collections::BTreeMap;

use annals_kit::Timestamp;
use annals_lambda::Metric;
use annals_lambda::http::Response;
use annals_lambda::metrics::Kind;
use annals_local::{AlarmState, Unreadable};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};

use super::alarms::answer;
use super::measurements::{Level, Measurements};
use super::store::{Percentiles, Reading, Value, Windows};

/// How everything does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Now.
    pub at: Timestamp,
    /// Since when it is counted.
    pub since: Timestamp,
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// Those that are on.
    pub alarms: Vec<OpenAlarm>,
}

/// How one service does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Work done, by metric: commands, refused, events, rows, effects.
    pub volume: BTreeMap<String, Counts>,
    /// Work that failed, by metric; only those that ever happened.
    pub failures: BTreeMap<String, Counts>,
    /// Failures / (volume + failures), from 0 to 1; `None` where there was neither.
    pub failure_rate: Rates,
    /// How long things take, by metric.
    pub latencies: BTreeMap<String, Latency>,
    /// What waits before stream mappings, in seconds; `None`: nothing.
    pub iterator_ages: BTreeMap<String, Option<f64>>,
    /// What waits in queues.
    pub queues: BTreeMap<String, Queue>,
    /// What is in dead-letter queues.
    pub dead_letters: BTreeMap<String, Queue>,
    /// Streams that wait in a projection.
    pub parked_streams: u64,
}

/// A number in three windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// In the last minute.
    pub minute: u64,
    /// In the last hour.
    pub hour: u64,
    /// Since the start.
    pub total: u64,
}

/// A rate in three windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// In the last minute.
    pub minute: Option<f64>,
    /// In the last hour.
    pub hour: Option<f64>,
    /// Since the start.
    pub total: Option<f64>,
}

/// How long something takes, in two windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// In the last hour.
    pub hour: Times,
    /// Since the start.
    pub total: Times,
}

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Half of them took at most this long,
    pub p50_us: u64,
    /// nine of ten,
    pub p90_us: u64,
    /// 99 of 100,
    pub p99_us: u64,
    /// all of them.
    pub max_us: u64,
}

/// What waits in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// Messages, hidden ones included.
    pub messages: u64,
    /// The age of the oldest, in seconds.
    pub oldest: f64,
}

/// An alarm that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAlarm {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub watches: String,
    /// Since when it is on.
    pub since: Option<Timestamp>,
    /// What turned it on, oldest first.
    pub details: Vec<String>,
    /// Whether a person must say that it may end.
    pub needs_acknowledgement: bool,
}

/// Answers with the status.
pub(super) async fn route(_: LambdaEvent<ApiGatewayV2httpRequest>, measurements: &Measurements) -> Result<Response, Error> {
    let status = Status::of(measurements);
    Ok(answer(status.map(|status| serde_json::to_value(status).unwrap_or_default())))
}

impl Status {
    /// The status now.
    pub(super) fn of(measurements: &Measurements) -> Result<Self, Unreadable> {
        let mut services: BTreeMap<String, Service> =
            measurements.owners.services().map(|service| (service.to_owned(), Service::with_every_metric())).collect();
        for reading in measurements.store.readings() {
            services.entry(reading.service.to_owned()).or_insert_with(Service::with_every_metric).take_in(reading);
        }
        for latency in measurements.store.latencies() {
            let times = Latency { hour: latency.hour.into(), total: latency.total.into() };
            services
                .entry(latency.service.to_owned())
                .or_insert_with(Service::with_every_metric)
                .latencies
                .insert(latency.metric.name(), times);
        }
        for level in measurements.levels()? {
            services.entry(level.service.to_owned()).or_insert_with(Service::with_every_metric).set(level);
        }
        services.values_mut().for_each(Service::rate);
        let alarms = measurements.local.alarms()?;
        let open = alarms.into_iter().filter(|alarm| alarm.state == AlarmState::Alarm).map(|alarm| OpenAlarm {
            name: alarm.name,
            watches: alarm.watches,
            since: alarm.since,
            details: alarm.details,
            needs_acknowledgement: alarm.needs_acknowledgement,
        });
        Ok(Self { at: measurements.clock.now(), since: measurements.store.started(), services, alarms: open.collect() })
    }
}

impl Service {
    /// A service that has done nothing yet: its volume is shown all the same.
    fn with_every_metric() -> Self {
        let of_kind = |kind: Kind| annals_lambda::metrics::definition::ALL.iter().filter(move |definition| definition.kind == kind);
        Self {
            volume: of_kind(Kind::Volume).map(|definition| (definition.metric.name(), Counts::default())).collect(),
            latencies: of_kind(Kind::Latency).map(|definition| (definition.metric.name(), Latency::default())).collect(),
            ..Self::default()
        }
    }

    /// Adds a series; those of several functions are one number here.
    fn take_in(&mut self, reading: Reading) {
        let name = reading.metric.name();
        match (reading.metric.definition().kind, reading.value) {
            (Kind::Volume, Value::Count(windows)) => self.volume.entry(name).or_default().add(windows),
            (Kind::Failure, Value::Count(windows)) => self.failures.entry(name).or_default().add(windows),
            (Kind::Notice | Kind::Latency | Kind::Level, _) | (_, Value::Times(_)) => {}
        }
    }

    fn set(&mut self, level: Level) {
        let Level { metric, subject, value, .. } = level;
        match metric {
            Metric::IteratorAge => drop(self.iterator_ages.insert(subject, (value > 0.0).then_some(value / 1000.0))),
            Metric::QueueDepth => self.queues.entry(subject).or_default().messages = value as u64,
            Metric::DeadLetters => self.dead_letters.entry(subject).or_default().messages = value as u64,
            // After the depth, which says what kind of queue it is.
            Metric::QueueAge => match self.dead_letters.get_mut(&subject) {
                Some(letters) => letters.oldest = value,
                None => self.queues.entry(subject).or_default().oldest = value,
            },
            Metric::ParkedStreams => self.parked_streams = value as u64,
            _ => {}
        }
    }

    fn rate(&mut self) {
        let sum = |of: fn(&Counts) -> u64, counts: &BTreeMap<String, Counts>| counts.values().map(of).sum::<u64>();
        let rate = |of: fn(&Counts) -> u64| {
            let (failed, done) = (sum(of, &self.failures), sum(of, &self.volume));
            (failed + done > 0).then(|| failed as f64 / (failed + done) as f64)
        };
        self.failure_rate =
            Rates { minute: rate(|counts| counts.minute), hour: rate(|counts| counts.hour), total: rate(|counts| counts.total) };
    }
}

impl Counts {
    fn add(&mut self, windows: Windows) {
        self.minute += windows.minute;
        self.hour += windows.hour;
        self.total += windows.total;
    }
}

impl From<Percentiles> for Times {
    fn from(times: Percentiles) -> Self {
        let Percentiles { count, p50, p90, p99, max } = times;
        Self { count, p50_us: p50, p90_us: p90, p99_us: p99, max_us: max }
    }
}
