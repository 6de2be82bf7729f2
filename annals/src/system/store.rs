//! Keeps what is counted and timed on this machine, in bounded memory: since the start, the last hour, the last minute.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::{Clock, Timestamp};
use annals_lambda::Metric;
use annals_lambda::metrics::Kind;
use chrono::TimeDelta;
use hdrhistogram::Histogram;

/// Upper ends of the buckets shown to Prometheus, in seconds.
pub(super) const BOUNDS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];
/// The longest time that percentiles tell apart: a day, in microseconds.
const LONGEST: u64 = 24 * 3600 * 1_000_000;
/// Percentiles are right to 1 %.
const DIGITS: u8 = 2;
/// The last hour of times is kept in six parts of ten minutes.
const PARTS: usize = 6;
const PART_SECONDS: i64 = 600;

/// Everything counted and timed since the process started.
pub(super) struct MetricsStore {
    clock: Arc<dyn Clock>,
    started: Timestamp,
    series: Mutex<HashMap<(Metric, &'static str), ByLabel>>,
}

/// The series of a metric of one service, by label.
type ByLabel = BTreeMap<String, Series>;

/// A metric of one service under one label.
enum Series {
    Count(Box<Counter>),
    Time(Box<Timing>),
}

/// How often, in three windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) minute: u64,
    pub(super) hour: u64,
    pub(super) total: u64,
}

/// How long, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Percentiles {
    pub(super) count: u64,
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) max: u64,
}

/// Times since the start as Prometheus wants them: how many in each of [`BOUNDS`], and beyond.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buckets {
    pub(super) counts: [u64; BOUNDS.len() + 1],
    pub(super) count: u64,
    pub(super) seconds: f64,
}

/// What is known of one series.
pub(super) struct Reading {
    pub(super) metric: Metric,
    pub(super) service: &'static str,
    pub(super) label: String,
    pub(super) value: Value,
}

/// A count, or times.
pub(super) enum Value {
    Count(Windows),
    Times(Buckets),
}

/// How long something takes in one service, whichever function does it.
pub(super) struct Latency {
    pub(super) metric: Metric,
    pub(super) service: &'static str,
    pub(super) hour: Percentiles,
    pub(super) total: Percentiles,
}

impl MetricsStore {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self { clock, started, series: Mutex::default() }
    }

    /// Since when it counts.
    pub(super) fn started(&self) -> Timestamp {
        self.started
    }

    pub(super) fn count(&self, service: &'static str, metric: Metric, value: u64, label: &str) {
        let second = self.clock.now().seconds();
        self.change(service, metric, label, |series| {
            if let Series::Count(counter) = series {
                counter.add(second, value);
            }
        });
    }

    pub(super) fn time(&self, service: &'static str, metric: Metric, took: TimeDelta, label: &str) {
        let second = self.clock.now().seconds();
        let micros = u64::try_from(took.num_microseconds().unwrap_or(i64::MAX)).unwrap_or(0);
        self.change(service, metric, label, |series| {
            if let Series::Time(timing) = series {
                timing.add(second, micros);
            }
        });
    }

    /// Every series, by metric, service and label.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let second = self.clock.now().seconds();
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readings: Vec<_> = series
            .iter()
            .flat_map(|(&(metric, service), labels)| {
                labels.iter().map(move |(label, series)| Reading { metric, service, label: label.clone(), value: series.value(second) })
            })
            .collect();
        readings.sort_by(|a, b| (a.metric, a.service, &a.label).cmp(&(b.metric, b.service, &b.label)));
        readings
    }

    /// The percentiles of every service, its labels taken together.
    pub(super) fn latencies(&self) -> Vec<Latency> {
        let second = self.clock.now().seconds();
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = |(&(metric, service), labels): (&(Metric, &'static str), &BTreeMap<String, Series>)| {
            let (mut hour, mut total) = (histogram(), histogram());
            for series in labels.values() {
                let Series::Time(timing) = series else { continue };
                timing.last_hour(second).for_each(|part| add(&mut hour, part));
                add(&mut total, &timing.all);
            }
            (metric.definition().kind == Kind::Latency).then(|| Latency {
                metric,
                service,
                hour: percentiles(&hour),
                total: percentiles(&total),
            })
        };
        series.iter().filter_map(latency).collect()
    }

    fn change(&self, service: &'static str, metric: Metric, label: &str, change: impl FnOnce(&mut Series)) {
        let definition = metric.definition();
        let label = if definition.label.is_some() { label } else { "" };
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = series.entry((metric, service)).or_default();
        if let Some(series) = labels.get_mut(label) {
            return change(series);
        }
        let new = if definition.kind == Kind::Latency { Series::Time(Box::new(Timing::new())) } else { Series::Count(Box::default()) };
        change(labels.entry(label.to_owned()).or_insert(new));
    }
}

impl Series {
    fn value(&self, second: i64) -> Value {
        match self {
            Self::Count(counter) => Value::Count(counter.windows(second)),
            Self::Time(timing) => Value::Times(timing.buckets.clone()),
        }
    }
}

/// Sums of the last 60 spans of time, each under the number of its span.
struct Ring([(i64, u64); 60]);

impl Ring {
    fn add(&mut self, span: i64, value: u64) {
        let slot = &mut self.0[span.rem_euclid(60) as usize];
        if slot.0 != span {
            *slot = (span, 0);
        }
        slot.1 += value;
    }

    /// This span and the 59 before it.
    fn sum(&self, span: i64) -> u64 {
        self.0.iter().filter(|(kept, _)| (span - 59..=span).contains(kept)).map(|(_, value)| value).sum()
    }
}

struct Counter {
    total: u64,
    seconds: Ring,
    minutes: Ring,
}

impl Default for Counter {
    fn default() -> Self {
        let empty = || Ring([(i64::MIN, 0); 60]);
        Self { total: 0, seconds: empty(), minutes: empty() }
    }
}

impl Counter {
    fn add(&mut self, second: i64, value: u64) {
        self.total += value;
        self.seconds.add(second, value);
        self.minutes.add(second.div_euclid(60), value);
    }

    fn windows(&self, second: i64) -> Windows {
        Windows { minute: self.seconds.sum(second), hour: self.minutes.sum(second.div_euclid(60)), total: self.total }
    }
}

/// Some hundred kilobytes at most, however many values.
struct Timing {
    all: Histogram<u64>,
    parts: [(i64, Histogram<u64>); PARTS],
    buckets: Buckets,
}

impl Timing {
    fn new() -> Self {
        let parts = std::array::from_fn(|_| (i64::MIN, histogram()));
        Self { all: histogram(), parts, buckets: Buckets { counts: [0; BOUNDS.len() + 1], count: 0, seconds: 0.0 } }
    }

    fn add(&mut self, second: i64, micros: u64) {
        self.all.saturating_record(micros);
        let part = second.div_euclid(PART_SECONDS);
        let (kept, values) = &mut self.parts[part.rem_euclid(PARTS as i64) as usize];
        if *kept != part {
            values.reset();
            *kept = part;
        }
        values.saturating_record(micros);
        let seconds = micros as f64 / 1e6;
        self.buckets.counts[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.buckets.count += 1;
        self.buckets.seconds += seconds;
    }

    /// The parts of the last hour: the one under way, and the five before it.
    fn last_hour(&self, second: i64) -> impl Iterator<Item = &Histogram<u64>> {
        let now = second.div_euclid(PART_SECONDS);
        self.parts.iter().filter(move |(part, _)| (now - PARTS as i64 + 1..=now).contains(part)).map(|(_, values)| values)
    }
}

fn add(sum: &mut Histogram<u64>, values: &Histogram<u64>) {
    sum.add(values).expect("all of them have the same bounds");
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("1 to a day, to two digits, is a range that it takes")
}

fn percentiles(values: &Histogram<u64>) -> Percentiles {
    let at = |quantile| values.value_at_quantile(quantile).min(values.max());
    Percentiles { count: values.len(), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: values.max() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct At(Mutex<i64>);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(*self.0.lock().unwrap()).unwrap()
        }
    }

    fn store(at: i64) -> (MetricsStore, Arc<At>) {
        let clock = Arc::new(At(Mutex::new(at)));
        (MetricsStore::new(clock.clone()), clock)
    }

    fn windows(store: &MetricsStore) -> Windows {
        match store.readings().remove(0).value {
            Value::Count(windows) => windows,
            Value::Times(_) => panic!("a count"),
        }
    }

    #[test]
    fn a_count_leaves_the_minute_after_a_minute_and_the_hour_after_an_hour() {
        let (store, clock) = store(3600);
        let mut seen = vec![];
        store.count("billing", Metric::RowWritten, 5, "");
        for passed in [0, 59, 60, 3599, 3600] {
            *clock.0.lock().unwrap() = 3600 + passed;
            let Windows { minute, hour, total } = windows(&store);
            seen.push((minute, hour, total));
        }
        assert_eq!(seen, [(5, 5, 5), (5, 5, 5), (0, 5, 5), (0, 5, 5), (0, 0, 5)]);
    }

    #[test]
    fn percentiles_are_right_to_one_percent_and_the_last_hour_forgets() {
        let (store, clock) = store(0);
        (1..=1000).for_each(|millis| store.time("billing", Metric::AppendToRow, TimeDelta::milliseconds(millis), ""));
        let times = |store: &MetricsStore| match store.readings().remove(0).value {
            Value::Times(buckets) => {
                let latency = store.latencies().remove(0);
                (latency.hour, latency.total, buckets)
            }
            Value::Count(_) => panic!("times"),
        };
        let (hour, total, buckets) = times(&store);
        assert_eq!((hour, total.count), (total, 1000));
        for (measured, true_value) in [(total.p50, 500_000), (total.p90, 900_000), (total.p99, 990_000), (total.max, 1_000_000)] {
            assert!(measured.abs_diff(true_value) <= true_value / 100, "{measured} for {true_value}");
        }
        // Up to and including 1 ms, 2.5 ms, 5 ms, ...
        assert_eq!(buckets.counts, [1, 1, 3, 5, 15, 25, 50, 150, 250, 500, 0, 0, 0, 0, 0, 0]);
        assert!((buckets.seconds - 500.5).abs() < 1e-6);
        *clock.0.lock().unwrap() = 3600;
        let (hour, total, _) = times(&store);
        assert_eq!((hour.count, total.count), (0, 1000));
    }

    proptest! {
        /// Law: whatever the order in which things are counted and timed, and from however many threads, the totals are the same.
        #[test]
        fn the_order_of_counts_changes_no_total(
            counts in proptest::collection::vec((0..3usize, 0..2usize, 0..100u64), 1..60),
            order in any::<proptest::sample::Index>(),
        ) {
            let metrics = [Metric::CommandCommitted, Metric::RowWritten, Metric::AppendToRow];
            let services = ["billing", "notifications"];
            let tell = |store: &MetricsStore, told: &[(usize, usize, u64)]| for &(metric, service, value) in told {
                match metrics[metric] {
                    Metric::AppendToRow => store.time(services[service], Metric::AppendToRow, TimeDelta::microseconds(value as i64), ""),
                    other => store.count(services[service], other, value, "f"),
                }
            };
            let mut other_order = counts.clone();
            other_order.rotate_left(order.index(counts.len()));
            other_order.reverse();
            let ((one, _), (other, _)) = (store(0), store(0));
            tell(&one, &counts);
            let (first, second) = other_order.split_at(other_order.len() / 2);
            std::thread::scope(|scope| {
                scope.spawn(|| tell(&other, first));
                scope.spawn(|| tell(&other, second));
            });
            let totals = |store: &MetricsStore| store.readings().into_iter().map(|reading| {
                let value = match reading.value {
                    Value::Count(windows) => (windows.total, vec![]),
                    Value::Times(buckets) => (buckets.count, buckets.counts.to_vec()),
                };
                (reading.metric, reading.service, value)
            }).collect::<Vec<_>>();
            let by_hand = |metric: usize, service: usize| counts.iter().filter(|told| (told.0, told.1) == (metric, service)).map(|told| told.2).sum::<u64>();
            prop_assert_eq!(totals(&one), totals(&other));
            for (metric, service, (total, _)) in totals(&one) {
                if metric != Metric::AppendToRow {
                    let metric = metrics.iter().position(|other| *other == metric).unwrap();
                    let service = services.iter().position(|other| *other == service).unwrap();
                    prop_assert_eq!(total, by_hand(metric, service));
                }
            }
        }
    }
}
