//! Every metric there is: name, unit, dimensions, meaning, and at which value a person must look.
//!
//! `infra/metrics.json` is this table for dashboards and alarms on AWS: `cargo run -p annals-lambda --example metrics` writes it.

use serde::Serialize;

/// Everything that is counted, timed or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Metric {
    /// A command was carried out.
    CommandCommitted,
    /// A command was refused by the domain.
    CommandRefused,
    /// An event was accepted by the bus.
    EventPublished,
    /// A row was written.
    RowWritten,
    /// An effect, such as an email, was done.
    EffectDone,
    /// A command failed, or its outcome is unknown.
    CommandFailed,
    /// A batch of stream records must come again, whole or in part.
    BatchFailed,
    /// A stream could not be read by a projection and waits.
    StreamParked,
    /// A stream that waited goes on.
    StreamUnparked,
    /// The bus did not accept an event, all attempts used up.
    EventRejected,
    /// A message of a queue must come again.
    MessageFailed,
    /// An effect can never be done, such as an email without an address.
    EffectGivenUp,
    /// An item of a log was changed or deleted.
    LogTampered,
    /// The reconciler found a stream whose rows, or another consumer, lacked commits that the log has.
    StreamLacking,
    /// The commits that were lacking.
    CommitLacking,
    /// A scheduled function could not work on something that was due.
    WorkFailed,
    /// A ledger and what was signed of it do not agree.
    LedgerRefused,
    /// A signer has signed all that it has read of its ledger.
    LedgerSigned,
    /// A function threw, panicked or ran out of time.
    FunctionError,
    /// An invocation was turned away: as many as may run at once were running.
    FunctionThrottled,
    /// Stream records were given up on.
    RecordsDiscarded,
    /// A message went to a dead-letter queue.
    DeadLettered,
    /// From a commit's recorded_at until its row was written.
    AppendToRow,
    /// From an event's recorded_at until the bus accepted it.
    AppendToBus,
    /// From an event on the bus until its effect was done.
    BusToEffect,
    /// How long a command took, its answer included.
    CommandDuration,
    /// How old the oldest record is that a stream mapping has not handled.
    IteratorAge,
    /// Messages in a queue.
    QueueDepth,
    /// How old the oldest message in a queue is.
    QueueAge,
    /// Messages in a dead-letter queue.
    DeadLetters,
    /// Streams that wait in a projection.
    ParkedStreams,
}

/// What a metric is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Work done. The failure rate is failures / (volume + failures).
    Volume,
    /// Work that failed.
    Failure,
    /// Something a person may want to know; neither volume nor failure.
    Notice,
    /// How long something took.
    Latency,
    /// How much there is now.
    Level,
}

/// CloudWatch's name of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration, counted in milliseconds on CloudWatch and in seconds in OpenMetrics.
    Milliseconds,
    /// A duration, counted in seconds everywhere.
    Seconds,
}

/// What a metric is called on CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CloudWatch {
    /// `Annals` for what our functions print; AWS's own otherwise.
    pub namespace: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Its sets of dimensions.
    pub dimensions: &'static [&'static [&'static str]],
}

/// From which value on a person must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// The alarm's name; the service, function, queue or mapping is appended: `dead-letters-send-email-dlq`.
    pub name: &'static str,
    /// On which side of `value` the alarm is on.
    pub when: When,
    /// In the metric's unit.
    pub value: u64,
    /// CloudWatch's statistic over the period.
    pub statistic: &'static str,
    /// CloudWatch's period.
    pub period_seconds: u32,
    /// How it ends.
    pub clears: Clears,
}

/// On which side of its value an alarm is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// While there is more. Silence is well.
    Above,
    /// While there is less: silence is what is wrong. CloudWatch alone can tell; whoever is silent cannot.
    Below,
}

/// How an alarm ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clears {
    /// When the value is no longer above the threshold.
    ByItself,
    /// When a person has looked and says why it may end: what happened does not become undone.
    ByAcknowledgement,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Which.
    pub metric: Metric,
    /// What for.
    pub kind: Kind,
    /// Its unit on CloudWatch.
    pub unit: Unit,
    /// In words.
    pub meaning: &'static str,
    /// The label beside `service`: `function`, `mapping` or `queue`.
    pub label: Option<&'static str>,
    /// Its name at `/metrics`, without the suffixes of unit and type.
    pub open_metrics: &'static str,
    /// Its name on CloudWatch; `None` where CloudWatch has no such metric.
    pub cloudwatch: Option<CloudWatch>,
    /// When it needs a person; what to do then is in `docs/runbooks/<name>.md`.
    pub alarm: Option<Threshold>,
}

/// What our functions print.
pub(super) const NAMESPACE: &str = "Annals";
const BY_SERVICE: &[&[&str]] = &[&["service"]];
const BY_FUNCTION: &[&[&str]] = &[&["service"], &["service", "function"]];

/// Every metric, in the order of [`Metric`].
pub const ALL: [Definition; 31] = [
    counted(Metric::CommandCommitted, Kind::Volume, "annals_commands", "commands carried out").by_function("CommandCommitted"),
    counted(Metric::CommandRefused, Kind::Volume, "annals_commands_refused", "commands refused by the domain").by_function("CommandRefused"),
    counted(Metric::EventPublished, Kind::Volume, "annals_events", "events accepted by the bus").printed("EventPublished"),
    counted(Metric::RowWritten, Kind::Volume, "annals_rows", "rows written").printed("RowWritten"),
    counted(Metric::EffectDone, Kind::Volume, "annals_effects", "effects done, such as emails sent").by_function("EffectDone"),
    counted(Metric::CommandFailed, Kind::Failure, "annals_command_failures", "commands that failed, or whose outcome is unknown").by_function("CommandFailed"),
    counted(Metric::BatchFailed, Kind::Failure, "annals_batch_failures", "batches of stream records that must come again, whole or in part").printed("BatchFailed"),
    counted(Metric::StreamParked, Kind::Failure, "annals_streams_parked", "streams that a projection could not read, each time one was parked").printed("StreamParked").alarm("stream-parked", 0, Clears::ByItself),
    counted(Metric::StreamUnparked, Kind::Notice, "annals_streams_unparked", "streams that were parked and go on").printed("StreamUnparked"),
    counted(Metric::EventRejected, Kind::Failure, "annals_events_rejected", "events that the bus did not accept, all attempts used up").printed("EventRejected"),
    counted(Metric::MessageFailed, Kind::Failure, "annals_message_failures", "messages of a queue that must come again").by_function("MessageFailed"),
    counted(Metric::EffectGivenUp, Kind::Failure, "annals_effects_given_up", "effects that can never be done, such as an email without an address").by_function("EffectGivenUp"),
    counted(Metric::LogTampered, Kind::Notice, "annals_log_tampered", "items of a log that were changed or deleted").printed("LogTampered").alarm("log-tampered", 0, Clears::ByAcknowledgement),
    counted(Metric::StreamLacking, Kind::Notice, "annals_streams_lacking", "streams of which rows or another consumer lacked commits that the log has").printed("StreamLacking").alarm("stream-lacking", 0, Clears::ByAcknowledgement),
    counted(Metric::CommitLacking, Kind::Notice, "annals_commits_lacking", "commits that were lacking").printed("CommitLacking"),
    counted(Metric::WorkFailed, Kind::Failure, "annals_work_failures", "things due that a scheduled function could not work on").printed("WorkFailed").alarm("work-failed", 0, Clears::ByAcknowledgement),
    counted(Metric::LedgerRefused, Kind::Notice, "annals_ledger_refused", "times a ledger and what was signed of it did not agree").printed("LedgerRefused").alarm("ledger-refused", 0, Clears::ByAcknowledgement),
    counted(Metric::LedgerSigned, Kind::Notice, "annals_ledger_signed", "times a signer had signed all of its ledger").printed("LedgerSigned").alarm("checkpoint-stale", 1, Clears::ByItself).below().every(900),
    counted(Metric::FunctionError, Kind::Failure, "annals_function_errors", "invocations that threw, panicked or ran out of time")
        .labelled("function", CloudWatch { namespace: "AWS/Lambda", name: "Errors", dimensions: &[&["FunctionName"]] })
        .alarm("function-errors", 0, Clears::ByItself)
        .every(300),
    counted(Metric::FunctionThrottled, Kind::Failure, "annals_function_throttles", "invocations that were turned away, as too many were running")
        .labelled("function", CloudWatch { namespace: "AWS/Lambda", name: "Throttles", dimensions: &[&["FunctionName"]] })
        .alarm("function-throttled", 0, Clears::ByItself)
        .every(300),
    counted(Metric::RecordsDiscarded, Kind::Failure, "annals_records_discarded", "stream records given up on, all attempts used up or too old")
        .labelled("mapping", CloudWatch { namespace: "AWS/Lambda", name: "DroppedEventCount", dimensions: &[&["EventSourceMappingUUID"]] })
        .alarm("records-discarded", 0, Clears::ByAcknowledgement),
    Definition {
        label: Some("queue"),
        ..counted(Metric::DeadLettered, Kind::Failure, "annals_dead_lettered", "messages that went to a dead-letter queue")
    },
    timed(Metric::AppendToRow, "annals_append_to_row", "from a commit's recorded_at until its row was written").printed("AppendToRow"),
    timed(Metric::AppendToBus, "annals_append_to_bus", "from an event's recorded_at until the bus had accepted it").printed("AppendToBus"),
    timed(Metric::BusToEffect, "annals_bus_to_effect", "from an event's time until its effect was done; EventBridge's time has whole seconds, so the queue's SentTimestamp counts where it is within that second")
        .by_function("BusToEffect"),
    timed(Metric::CommandDuration, "annals_command_duration", "how long a command took, its answer included").by_function("CommandDuration"),
    level(Metric::IteratorAge, Unit::Milliseconds, "annals_iterator_age", "how old the oldest record is that a stream mapping has not handled")
        .labelled("mapping", CloudWatch { namespace: "AWS/Lambda", name: "IteratorAge", dimensions: &[&["FunctionName"]] })
        .alarm("iterator-age", 600_000, Clears::ByItself),
    level(Metric::QueueDepth, Unit::Count, "annals_queue_messages", "messages in a queue")
        .labelled("queue", CloudWatch { namespace: "AWS/SQS", name: "ApproximateNumberOfMessagesVisible", dimensions: &[&["QueueName"]] }),
    level(Metric::QueueAge, Unit::Seconds, "annals_queue_age", "how old the oldest message in a queue is")
        .labelled("queue", CloudWatch { namespace: "AWS/SQS", name: "ApproximateAgeOfOldestMessage", dimensions: &[&["QueueName"]] })
        .alarm("queue-age", 900, Clears::ByItself),
    level(Metric::DeadLetters, Unit::Count, "annals_dead_letters", "messages in a dead-letter queue")
        .labelled("queue", CloudWatch { namespace: "AWS/SQS", name: "ApproximateNumberOfMessagesVisible", dimensions: &[&["QueueName"]] })
        .alarm("dead-letters", 0, Clears::ByItself),
    level(Metric::ParkedStreams, Unit::Count, "annals_parked_streams", "streams that wait in a projection"),
];

impl Metric {
    /// Its definition.
    pub fn definition(self) -> &'static Definition {
        &ALL[self as usize]
    }

    /// Its own name.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

const fn counted(metric: Metric, kind: Kind, open_metrics: &'static str, meaning: &'static str) -> Definition {
    Definition { metric, kind, unit: Unit::Count, meaning, label: None, open_metrics, cloudwatch: None, alarm: None }
}

const fn timed(metric: Metric, open_metrics: &'static str, meaning: &'static str) -> Definition {
    Definition { unit: Unit::Milliseconds, ..counted(metric, Kind::Latency, open_metrics, meaning) }
}

const fn level(metric: Metric, unit: Unit, open_metrics: &'static str, meaning: &'static str) -> Definition {
    Definition { unit, ..counted(metric, Kind::Level, open_metrics, meaning) }
}

impl Definition {
    /// Whether our functions print it; otherwise AWS measures it, or only the local system does.
    pub fn is_printed(&self) -> bool {
        self.cloudwatch.is_some_and(|cloudwatch| cloudwatch.namespace == NAMESPACE)
    }

    const fn printed(self, name: &'static str) -> Self {
        Self { cloudwatch: Some(CloudWatch { namespace: NAMESPACE, name, dimensions: BY_SERVICE }), ..self }
    }

    const fn by_function(self, name: &'static str) -> Self {
        self.labelled("function", CloudWatch { namespace: NAMESPACE, name, dimensions: BY_FUNCTION })
    }

    const fn labelled(self, label: &'static str, cloudwatch: CloudWatch) -> Self {
        Self { label: Some(label), cloudwatch: Some(cloudwatch), ..self }
    }

    const fn alarm(self, name: &'static str, value: u64, clears: Clears) -> Self {
        let statistic = if matches!(self.kind, Kind::Level) { "Maximum" } else { "Sum" };
        Self { alarm: Some(Threshold { name, when: When::Above, value, statistic, period_seconds: 60, clears }), ..self }
    }

    const fn below(self) -> Self {
        match self.alarm {
            Some(alarm) => Self { alarm: Some(Threshold { when: When::Below, ..alarm }), ..self },
            None => self,
        }
    }

    const fn every(self, period_seconds: u32) -> Self {
        match self.alarm {
            Some(alarm) => Self { alarm: Some(Threshold { period_seconds, ..alarm }), ..self },
            None => self,
        }
    }
}

/// The table as JSON, as `infra/metrics.json` holds it.
pub fn json() -> String {
    serde_json::to_string_pretty(&ALL).expect("a table of names and numbers is JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_is_defined_at_its_own_place_under_names_of_its_own() {
        for (place, definition) in ALL.iter().enumerate() {
            assert_eq!(definition.metric as usize, place, "{:?}", definition.metric);
            // On CloudWatch what we print is called as here.
            if definition.is_printed() {
                assert_eq!(definition.cloudwatch.unwrap().name, definition.metric.name());
            }
        }
        let names: BTreeSet<_> = ALL.iter().map(|definition| definition.open_metrics).collect();
        let alarms: BTreeSet<_> = ALL.iter().filter_map(|definition| definition.alarm).map(|alarm| alarm.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!(alarms.len(), ALL.iter().filter(|definition| definition.alarm.is_some()).count());
    }

    #[test]
    fn the_committed_table_for_dashboards_is_this_one() {
        let committed = include_str!("../../../../infra/metrics.json");
        assert_eq!(json(), committed, "run `cargo run -q -p annals-lambda --example metrics > infra/metrics.json`");
    }
}
