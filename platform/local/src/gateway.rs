//! Takes every request to AWS: finds service, operation and role, asks IAM, injects faults, runs it, tallies it.

use serde_json::Value;

use crate::access;
use crate::account::Account;
use crate::dynamodb;
use crate::events::Bus;
use crate::faults::{Call, Fault};
use crate::iam::{Need, Principal};
use crate::kms::Kms;
use crate::meter::Counted;
use crate::query;
use crate::ses;
use crate::sns;
use crate::sqs;
use crate::stream_api;
use crate::wire::{Answer, Request, answer};

/// What comes of a request.
pub(crate) enum Outcome {
    Answered(Answer),
    /// The connection broke: injected only.
    Lost,
}

/// A service and one of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operation<'a> {
    service: &'static str,
    name: &'a str,
}

/// Runs a request of a caller whose signature was checked, or needs no check.
pub(crate) async fn call(account: &Account, principal: &Principal, request: &Request) -> Outcome {
    let Some(operation) = operation(request) else {
        return Outcome::Answered(Answer::refused(
            "UnknownOperationException",
            "The requested operation is not recognized by the service.",
        ));
    };
    if operation.service == "sns" {
        let body = query::read(request.body());
        return match called(account, principal, operation, request, &body).await {
            Outcome::Answered(answer) => Outcome::Answered(query::write(operation.name, answer)),
            Outcome::Lost => Outcome::Lost,
        };
    }
    let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
        return Outcome::Answered(Answer::refused("SerializationException", "The request body is not JSON."));
    };
    called(account, principal, operation, request, &body).await
}

/// Runs an operation whose parameters were read.
async fn called(account: &Account, principal: &Principal, operation: Operation<'_>, request: &Request, body: &Value) -> Outcome {
    let needs = match admit(account, principal, operation, body) {
        Ok(needs) => needs,
        Err(refusal) => return counted(account, principal, operation, &[], refusal),
    };
    account.meter.does(&principal.name, &needs);
    match plan(account, principal, operation, &needs, body) {
        Fault::None => counted(account, principal, operation, &needs, run(account, principal, operation, &needs, request, body, &[]).await),
        Fault::FailEntries(failing) => {
            counted(account, principal, operation, &needs, run(account, principal, operation, &needs, request, body, &failing).await)
        }
        Fault::Throttle => counted(account, principal, operation, &needs, throttled(operation)),
        Fault::InternalError => counted(account, principal, operation, &needs, Answer::internal("injected")),
        Fault::LoseRequest => Outcome::Lost,
        Fault::LoseResponse => {
            counted(account, principal, operation, &needs, run(account, principal, operation, &needs, request, body, &[]).await);
            Outcome::Lost
        }
        Fault::Delay(time) => {
            let outcome =
                counted(account, principal, operation, &needs, run(account, principal, operation, &needs, request, body, &[]).await);
            tokio::time::sleep(time).await;
            outcome
        }
    }
}

/// The access key a request is signed with.
pub(crate) fn access_key_id(request: &Request) -> Option<&str> {
    let authorization = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next()
}

fn operation(request: &Request) -> Option<Operation<'_>> {
    if request.method() == http::Method::POST && request.uri().path() == "/v2/email/outbound-emails" {
        return Some(Operation { service: "ses", name: "SendEmail" });
    }
    if let Some(name) = query::operation(request) {
        return Some(Operation { service: "sns", name });
    }
    let (api, name) = request.headers().get("x-amz-target")?.to_str().ok()?.split_once('.')?;
    let service = match api {
        "DynamoDB_20120810" => "dynamodb",
        "DynamoDBStreams_20120810" => "streams",
        "AWSEvents" => "events",
        "AmazonSQS" => "sqs",
        "TrentService" => "kms",
        _ => return None,
    };
    Some(Operation { service, name })
}

/// What the call needs, if it may be made.
fn admit(account: &Account, principal: &Principal, operation: Operation<'_>, body: &Value) -> Result<Vec<Need>, Answer> {
    let needs = match operation.service {
        "dynamodb" | "streams" => access::needs(operation.name, body)?,
        "events" => Bus::needs(operation.name, body),
        "ses" => ses::needs(body),
        "sns" => sns::needs(operation.name, body),
        "sqs" => sqs::needs(operation.name, body),
        _ => Kms::needs(operation.name),
    };
    account.iam.authorize(principal, &needs)?;
    if let Some(guard) = account.config.read_guard.as_ref().filter(|_| access::is_guarded_read(operation.name) && !principal.administrator)
    {
        guard.admit(operation.name, body).map_err(|why| Answer::refused("ValidationException", &why))?;
    }
    Ok(needs)
}

fn plan(account: &Account, principal: &Principal, operation: Operation<'_>, needs: &[Need], body: &Value) -> Fault {
    let Some(faults) = &account.faults else { return Fault::None };
    let table = needs.first().and_then(|need| need.table.as_deref());
    faults.plan(&Call { service: operation.service, operation: operation.name, table, role: &principal.name, body })
}

async fn run(
    account: &Account,
    principal: &Principal,
    operation: Operation<'_>,
    needs: &[Need],
    request: &Request,
    body: &Value,
    failing: &[usize],
) -> Answer {
    match operation.service {
        "dynamodb" => run_dynamodb(account, principal, operation.name, needs, request, body).await,
        "streams" => stream_api::run(account, operation.name, body),
        "events" if operation.name == "PutEvents" => answer(account.bus.put_events(body, failing)),
        "events" if operation.name == "TestEventPattern" => answer(Bus::test_pattern(body)),
        "events" => Answer::refused("UnknownOperationException", ""),
        "sqs" => sqs::run(account, operation.name, request, body).await,
        "ses" => answer(ses::send(&account.outbox, body, &*account.config.randomness)),
        "sns" => answer(sns::run(account, operation.name, body)),
        _ => answer(account.kms.run(operation.name, body, &*account.config.randomness)),
    }
}

async fn run_dynamodb(
    account: &Account,
    principal: &Principal,
    operation: &str,
    needs: &[Need],
    request: &Request,
    body: &Value,
) -> Answer {
    let Ok(text) = std::str::from_utf8(request.body()) else {
        return Answer::refused("SerializationException", "The request body is not UTF-8.");
    };
    let work = match dynamodb::read(operation, text) {
        Ok(work) => work,
        Err(refusal) => return refusal,
    };
    if let (Some(table), Some(_)) = (body["TableName"].as_str(), body.get("TotalSegments"))
        && let Err(error) = account.engine.prepare_for_parts(table)
    {
        tracing::warn!(table, %error, "scans of the table in parts will be slow");
    }
    let ran = {
        let _turn = account.turns.take(&principal.name).await;
        account.engine.run(&*account.clock, work)
    };
    let mut answer = ran();
    if answer.is_ok() {
        needs.iter().filter(|need| access::writes(need.action)).filter_map(|need| need.table.as_deref()).for_each(|table| {
            account.streams.written(table);
        });
    }
    if access::changes_tables(operation) {
        account.engine.tables_changed();
        if let Err(error) = account.streams.refresh() {
            tracing::error!(%error, "streams could not be read");
            return Answer::internal("streams could not be read");
        }
    }
    if access::changes_tables(operation) || operation == "DescribeTable" {
        answer.body = with_stream_labels(account, &answer.body).into();
    }
    answer
}

/// The engine's own stream labels are no dates.
fn with_stream_labels(account: &Account, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body).into_owned();
    account.streams.all().iter().fold(body, |body, stream| body.replace(&stream.engine_label, &stream.label))
}

fn throttled(operation: Operation<'_>) -> Answer {
    match operation.service {
        "dynamodb" => {
            Answer::refused("ProvisionedThroughputExceededException", "The level of configured provisioned throughput was exceeded.")
        }
        "sqs" => sqs::refused("RequestThrottled", "RequestThrottled", "Rate exceeded"),
        "sns" => Answer::refused("Throttled", "Rate exceeded"),
        "ses" => Answer::error(429, "TooManyRequestsException", "Too many requests."),
        _ => Answer::refused("ThrottlingException", "Rate exceeded"),
    }
}

fn counted(account: &Account, principal: &Principal, operation: Operation<'_>, needs: &[Need], answer: Answer) -> Outcome {
    let counted = Counted {
        service: operation.service.to_owned(),
        operation: operation.name.to_owned(),
        table: needs.first().and_then(|need| need.table.clone()),
        role: principal.name.clone(),
    };
    account.meter.count(counted, answer.is_ok(), &answer.body);
    Outcome::Answered(answer)
}
