//! `GET /metrics`: everything that is measured, as OpenMetrics 1.0 text for Prometheus.

use std::fmt::Error as FormatError;

use annals_lambda::http::{self, Response};
use annals_lambda::metrics::{Definition, Unit, definition};
use annals_lambda::{Metric, Problem};
use annals_local::{AlarmState, Unreadable};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit as BaseUnit};

use super::measurements::Measurements;
use super::store::{BOUNDS, Buckets, Reading, Value};

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers with everything that is measured now.
pub(super) async fn answer(_: LambdaEvent<ApiGatewayV2httpRequest>, measurements: &Measurements) -> Result<Response, Error> {
    Ok(match Exposition::of(measurements).map(|exposition| exposition.text()) {
        Ok(Ok(text)) => http::text(200, CONTENT_TYPE, text),
        Ok(Err(FormatError)) => Problem::internal().response(),
        Err(error) => Problem::new(500, "unreadable", error.to_string()).response(),
    })
}

/// What is shown, read at one moment.
#[derive(Debug)]
struct Exposition {
    started_seconds: f64,
    samples: Vec<(Metric, Labels, Sample)>,
    alarms: Vec<(Labels, i64)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Sample {
    Count(u64),
    Level(f64),
    Times(Buckets),
}

impl Exposition {
    fn of(measurements: &Measurements) -> Result<Self, Unreadable> {
        let mut samples: Vec<_> = measurements.store.readings().into_iter().map(sample).collect();
        for level in measurements.levels()? {
            // The parts of a second count in OpenMetrics, where all times are seconds.
            let value = if level.metric.definition().unit == Unit::Milliseconds { level.value / 1000.0 } else { level.value };
            samples.push((level.metric, labels(level.metric, level.service, &level.subject), Sample::Level(value)));
        }
        let alarms = measurements.local.alarms()?;
        let alarms = alarms.into_iter().map(|alarm| (vec![("alarm", alarm.name)], i64::from(alarm.state == AlarmState::Alarm))).collect();
        Ok(Self { started_seconds: measurements.store.started().micros() as f64 / 1e6, samples, alarms })
    }

    fn text(self) -> Result<String, FormatError> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

fn sample(reading: Reading) -> (Metric, Labels, Sample) {
    let labels = labels(reading.metric, reading.service, &reading.label);
    match reading.value {
        Value::Count(windows) => (reading.metric, labels, Sample::Count(windows.total)),
        Value::Times(buckets) => (reading.metric, labels, Sample::Times(buckets)),
    }
}

fn labels(metric: Metric, service: &'static str, label: &str) -> Labels {
    let own = metric.definition().label.map(|name| (name, label.to_owned()));
    [("service", service.to_owned())].into_iter().chain(own).collect()
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), FormatError> {
        for definition in &definition::ALL {
            let of_metric: Vec<_> = self.samples.iter().filter(|(metric, ..)| *metric == definition.metric).collect();
            let Some((_, _, first)) = of_metric.first() else { continue };
            let unit = base_unit(definition);
            let mut family = encoder.encode_descriptor(definition.open_metrics, definition.meaning, unit.as_ref(), first.kind())?;
            for (_, labels, sample) in of_metric {
                sample.encode(family.encode_family(labels)?)?;
            }
        }
        let meaning = "whether an alarm is on";
        let mut family = encoder.encode_descriptor("annals_alarm", meaning, None, MetricType::Gauge)?;
        for (labels, on) in &self.alarms {
            ConstGauge::new(*on).encode(family.encode_family(labels)?)?;
        }
        let meaning = "when counting began, in seconds since 1970";
        let began = encoder.encode_descriptor("annals_start_time", meaning, Some(&BaseUnit::Seconds), MetricType::Gauge)?;
        ConstGauge::new(self.started_seconds).encode(began)
    }
}

impl Sample {
    fn kind(&self) -> MetricType {
        match self {
            Self::Count(_) => MetricType::Counter,
            Self::Level(_) => MetricType::Gauge,
            Self::Times(_) => MetricType::Histogram,
        }
    }

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), FormatError> {
        match self {
            Self::Count(total) => ConstCounter::new(*total).encode(encoder),
            Self::Level(value) => ConstGauge::new(*value).encode(encoder),
            Self::Times(times) => {
                // The last bucket has no end, which the encoder writes for the largest number.
                let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
                let buckets: Vec<_> = bounds.zip(times.counts).collect();
                encoder.encode_histogram::<NoLabelSet>(times.seconds, times.count, &buckets, None)
            }
        }
    }
}

fn base_unit(definition: &Definition) -> Option<BaseUnit> {
    match definition.unit {
        Unit::Count => None,
        Unit::Milliseconds | Unit::Seconds => Some(BaseUnit::Seconds),
    }
}
