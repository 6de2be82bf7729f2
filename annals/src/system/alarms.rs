//! The alarms of this machine: which there are, and what answers for them.

use annals_lambda::Metric;
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::{Clears, Threshold};
use annals_local::{Acknowledged, Alarm, AlarmRule, AlarmState, Config, Local, Unreadable, Watched};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use super::api::Acknowledgement;
use super::services::Owners;

/// What an acknowledgement may say.
const LONGEST_REASON: usize = 500;

/// The name of a metric's alarm on one service, mapping or queue.
pub(super) fn name(metric: Metric, subject: &str) -> String {
    let threshold = metric.definition().alarm.expect("only metrics with a threshold are asked for their alarm");
    format!("{}-{subject}", threshold.name)
}

/// One alarm per log, mapping, consumed queue and dead-letter queue, by the thresholds of the metrics' definitions.
pub(super) fn rules(config: &Config, owners: &Owners) -> Vec<AlarmRule> {
    let mut rules = vec![];
    let mut services: Vec<_> = config.stream_mappings.iter().map(|mapping| owners.mapping(&mapping.name)).collect();
    services.sort_unstable();
    services.dedup();
    for service in services {
        rules.push(rule(Metric::LogTampered, service, reported));
        rules.push(rule(Metric::StreamParked, service, reported));
        rules.push(rule(Metric::StreamLacking, service, reported));
        rules.push(rule(Metric::WorkFailed, service, reported));
        rules.push(rule(Metric::LedgerRefused, service, reported));
        rules.push(rule(Metric::LedgerBehind, service, reported));
    }
    for mapping in &config.stream_mappings {
        rules.push(rule(Metric::IteratorAge, &mapping.name, |name, _| Watched::IteratorAge { mapping: name.to_owned() }));
        rules.push(rule(Metric::RecordsDiscarded, &mapping.name, reported));
    }
    for queue in &config.queues {
        match owners.holds_dead_letters(&queue.name) {
            true => rules.push(rule(Metric::DeadLetters, &queue.name, |name, _| Watched::QueueDepth { queue: name.to_owned() })),
            false => rules.push(rule(Metric::QueueAge, &queue.name, |name, _| Watched::QueueAge { queue: name.to_owned() })),
        }
    }
    rules
}

fn rule(metric: Metric, subject: &str, watched: impl Fn(&str, &Threshold) -> Watched) -> AlarmRule {
    let definition = metric.definition();
    let threshold = definition.alarm.expect("only metrics with a threshold have alarms");
    AlarmRule {
        name: name(metric, subject),
        metric: format!("{metric:?} of {subject}"),
        above: threshold.value,
        watched: watched(subject, &threshold),
    }
}

fn reported(_: &str, threshold: &Threshold) -> Watched {
    Watched::Reports { needs_acknowledgement: threshold.clears == Clears::ByAcknowledgement }
}

/// Answers with every alarm there may be, those that are on first.
pub(super) async fn list(_: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    Ok(answer(local.alarms().map(|alarms| items(alarms.iter().map(alarm_json)))))
}

/// Answers with everything that turned an alarm on or ended it, oldest first.
pub(super) async fn history(_: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    let changes = local.alarm_history().map(|changes| {
        items(
            changes
                .iter()
                .map(|change| json!({ "name": change.name, "at": change.at, "state": state(change.state), "detail": change.detail })),
        )
    });
    Ok(answer(changes))
}

/// Ends an alarm that a person has looked at. The body says why: `{"reason": "..."}`.
pub(super) async fn acknowledge(event: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    Ok(end(&event.payload, local).unwrap_or_else(|problem| problem.response()))
}

fn end(event: &ApiGatewayV2httpRequest, local: &Local) -> Result<Response, Problem> {
    let name: String = http::path(event, "name", "alarm")?;
    let asked: Acknowledgement = http::json_body(event, 4096)?;
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(Problem::new(422, "reason-needed", format!("`reason` says in 1 to {LONGEST_REASON} characters what you found")));
    }
    match local.acknowledge(&name, &format!("acknowledged: {reason}")) {
        Ok(Acknowledged::Ended) => Ok(http::json(200, &json!({ "name": name, "state": "OK" }))),
        Ok(Acknowledged::NotOn) => Err(Problem::new(404, "not-found", format!("no alarm {name} is on"))),
        Ok(Acknowledged::EndsByItself) => Err(Problem::new(
            409,
            "ends-by-itself",
            format!("{name} ends by itself, once what it watches is no longer above its threshold"),
        )),
        Err(error) => Err(unreadable(&error)),
    }
}

/// An alarm as JSON.
pub(super) fn alarm_json(alarm: &Alarm) -> Value {
    json!({
        "name": alarm.name, "watches": alarm.watches, "state": state(alarm.state), "since": alarm.since,
        "details": alarm.details, "needs_acknowledgement": alarm.needs_acknowledgement,
    })
}

fn state(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Ok => "OK",
        AlarmState::Alarm => "ALARM",
    }
}

fn items(items: impl Iterator<Item = Value>) -> Value {
    json!({ "items": items.collect::<Vec<_>>() })
}

/// What is read, or that it cannot be.
pub(super) fn answer(read: Result<Value, Unreadable>) -> Response {
    match read {
        Ok(value) => http::json(200, &value),
        Err(error) => unreadable(&error).response(),
    }
}

fn unreadable(error: &Unreadable) -> Problem {
    tracing::error!(%error, "unreadable");
    Problem::new(500, "unreadable", error.to_string())
}
