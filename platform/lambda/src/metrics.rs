//! What functions count, in CloudWatch's embedded metric format: one JSON line each.
//!
//! Source: CloudWatch User Guide, "Specification: Embedded metric format".

use annals_kit::Timestamp;

/// Everything that is counted. The names are defined here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// An item of a log was changed or deleted; any value above zero is an alarm.
    LogTampered,
    /// A stream could not be read by a projection and waits; any value above zero is an alarm.
    StreamParked,
    /// A command was carried out.
    CommandCommitted,
    /// A command was refused by the domain.
    CommandRefused,
    /// A row was written.
    RowWritten,
    /// An event was accepted by the bus.
    EventPublished,
    /// An effect, such as an email, was done.
    EffectDone,
}

impl Metric {
    /// Every metric.
    const ALL: [Self; 7] = [
        Self::LogTampered,
        Self::StreamParked,
        Self::CommandCommitted,
        Self::CommandRefused,
        Self::RowWritten,
        Self::EventPublished,
        Self::EffectDone,
    ];

    /// The counts of a line of embedded metric format: each metric in it that is ours, and its value.
    pub fn counts(line: &serde_json::Value) -> impl Iterator<Item = (Self, u64)> {
        Self::ALL.into_iter().filter_map(|metric| Some((metric, line.get(metric.name())?.as_u64()?)))
    }

    /// The name in CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Self::LogTampered => "LogTampered",
            Self::StreamParked => "StreamParked",
            Self::CommandCommitted => "CommandCommitted",
            Self::CommandRefused => "CommandRefused",
            Self::RowWritten => "RowWritten",
            Self::EventPublished => "EventPublished",
            Self::EffectDone => "EffectDone",
        }
    }

    /// Whether any value above zero needs a person.
    pub fn is_alarm(self) -> bool {
        matches!(self, Self::LogTampered | Self::StreamParked)
    }
}

/// Where counts go: standard output on AWS, the local system's own tally on one machine.
pub trait Metrics: Send + Sync {
    /// Counts `value` of `metric` for `service`; `detail` names what it was about, without personal data.
    fn count(&self, service: &'static str, metric: Metric, value: u64, detail: &str);
}

/// Prints each count as one line of embedded metric format on standard output.
pub struct EmbeddedMetrics<C> {
    clock: C,
}

impl<C: annals_kit::Clock> EmbeddedMetrics<C> {
    /// Counts stamped by `clock`.
    pub fn new(clock: C) -> Self {
        Self { clock }
    }
}

impl<C: annals_kit::Clock> Metrics for EmbeddedMetrics<C> {
    fn count(&self, service: &'static str, metric: Metric, value: u64, detail: &str) {
        println!("{}", embedded_line(self.clock.now(), service, metric, value, detail));
    }
}

/// One count as a line of embedded metric format.
pub fn embedded_line(at: Timestamp, service: &str, metric: Metric, value: u64, detail: &str) -> String {
    let name = metric.name();
    serde_json::json!({
        "_aws": {
            "Timestamp": at.micros() / 1000,
            "CloudWatchMetrics": [{ "Namespace": "Annals", "Dimensions": [["service"]], "Metrics": [{ "Name": name, "Unit": "Count" }] }],
        },
        "service": service,
        name: value,
        "detail": detail,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_one_line_that_cloudwatch_reads() {
        let line = embedded_line(Timestamp::from_seconds(1).unwrap(), "billing", Metric::LogTampered, 2, "PK=SUB#1");
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        let directive = &json["_aws"]["CloudWatchMetrics"][0];
        assert!(!line.contains('\n'));
        assert_eq!(json["_aws"]["Timestamp"], 1000);
        assert_eq!(json[directive["Metrics"][0]["Name"].as_str().unwrap()], 2);
        assert_eq!(Metric::counts(&json).collect::<Vec<_>>(), [(Metric::LogTampered, 2)]);
        assert_eq!(json[directive["Dimensions"][0][0].as_str().unwrap()], "billing");
    }
}
