//! The way of the SDKs: the HTTP client of one function's environment, what its requests ask, and what they are answered.

use std::fmt;
use std::sync::{Arc, Weak};

use annals_reads::Item;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use serde_json::{Value, json};

use super::Network;
use super::call::{Answer, Call, Carried, Wired, digest, digest_of_text};
use super::environment::Environment;
use crate::bus::{Entry, Put};
use crate::memory::expressions::insertion;
use crate::tables::Wrote;

/// The client. It does not keep the network: the network's own functions hold it.
#[derive(Clone)]
pub struct Wire {
    network: Weak<Network>,
    environment: Arc<Environment>,
    aws: Option<SharedHttpConnector>,
}

impl Wire {
    /// The client of this environment.
    pub fn new(network: &Arc<Network>, environment: Arc<Environment>) -> Self {
        Self { network: Arc::downgrade(network), environment, aws: None }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let network = self.network.upgrade();
        let local = network.as_ref().and_then(|network| network.aws.embedded());
        let aws = local.map(|local| local.http_client().http_connector(settings, components));
        SharedHttpConnector::new(Self { aws, ..self.clone() })
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (network, aws, environment) = (self.network.upgrade(), self.aws.clone(), self.environment.clone());
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io("the connection broke".into());
            let (network, aws) = network.zip(aws).ok_or_else(lost)?;
            let answer = network.ask(read(request, aws), environment);
            drop(network);
            // Who ended has nobody left to tell.
            let Ok(answer) = answer.await else { return std::future::pending().await };
            let Some(Answer::Wire(status, body)) = answer else { return Err(lost()) };
            let response = http::Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
            let response = response.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The call that a request is.
fn read(request: HttpRequest, aws: SharedHttpConnector) -> Call {
    let target = request.headers().get("x-amz-target").and_then(|target| target.split_once('.'));
    let operation = target.map_or("SendEmail", |(_, operation)| operation).to_owned();
    let body: Value = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    // A transaction's token is drawn for each: two that ask the same are the same.
    let digest = digest(&body) ^ digest_of_text(&operation);
    let table = table(&body);
    let entity = entity(&body).unwrap_or_else(|| format!("{digest:016x}"));
    let reads = matches!(operation.as_str(), "GetItem" | "Query" | "BatchGetItem");
    let eventual = reads && !body.to_string().contains("\"ConsistentRead\":true");
    Call { operation, table, entity, digest, eventual, carried: Carried::Wire(Box::new(Wired { request, body, aws })) }
}

/// The answer with this error.
pub(super) fn refused(status: u16, code: &str) -> Answer {
    Answer::Wire(status, json!({ "__type": code, "message": "injected" }).to_string().into())
}

/// The entries of a PutEvents.
pub(super) fn entries(body: &Value) -> Vec<Entry<'_>> {
    list(&body["Entries"])
        .map(|entry| Entry {
            source: entry["Source"].as_str().unwrap_or_default(),
            detail_type: entry["DetailType"].as_str().unwrap_or_default(),
            detail: entry["Detail"].as_str().unwrap_or_default(),
        })
        .collect()
}

/// What a PutEvents is answered.
pub(super) fn put(results: &[Put]) -> Answer {
    let answers: Vec<_> = results
        .iter()
        .map(|one| match one {
            Put::Accepted(id) => json!({ "EventId": id }),
            Put::Failed => json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "injected" }),
        })
        .collect();
    let failed = results.iter().filter(|one| matches!(one, Put::Failed)).count();
    Answer::Wire(200, json!({ "FailedEntryCount": failed, "Entries": answers }).to_string().into())
}

/// The effect that an email is for.
pub(super) fn effect(body: &Value) -> &str {
    body["EmailTags"][0]["Value"].as_str().unwrap_or_default()
}

/// What a SendEmail is answered.
pub(super) fn sent(message: &str) -> Answer {
    Answer::Wire(200, json!({ "MessageId": message }).to_string().into())
}

/// Asks the embedded account; none where it cannot be reached.
pub(super) async fn ask(request: HttpRequest, aws: &SharedHttpConnector) -> Option<(u16, Bytes)> {
    let response = aws.call(request).await.ok()?;
    Some((response.status().as_u16(), Bytes::copy_from_slice(response.body().bytes().unwrap_or_default())))
}

/// What a successful write has written.
pub(super) fn wrote(operation: &str, entity: &str, body: &Value) -> Vec<Wrote> {
    let put = |put: &Value| Some(Wrote::item(put["TableName"].as_str()?, item(&put["Item"])?));
    let deleted = |delete: &Value| Some(Wrote::Deleted { table: delete["TableName"].as_str()?.to_owned(), key: key(&delete["Key"])? });
    match operation {
        "PutItem" => put(body).into_iter().collect(),
        "TransactWriteItems" => {
            let action = |action: &Value| put(&action["Put"]).or_else(|| deleted(&action["Delete"]));
            list(&body["TransactItems"]).filter_map(action).collect()
        }
        "ExecuteStatement" => inserted(body).into_iter().collect(),
        "ExecuteTransaction" => list(&body["TransactStatements"]).filter_map(inserted).collect(),
        "UpdateItem" if body.to_string().contains("erased_at") => vec![Wrote::Erased { key: entity.to_owned() }],
        _ => vec![],
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn item(value: &Value) -> Option<Item> {
    serde_json::from_value::<serde_dynamo::Item>(value.clone()).ok().map(Item::from)
}

fn inserted(statement: &Value) -> Option<Wrote> {
    let (table, value) = inserted_value(statement)?;
    Some(Wrote::item(table, item(&value)?))
}

fn inserted_value(statement: &Value) -> Option<(&str, Value)> {
    let (table, names) = insertion(statement["Statement"].as_str()?)?;
    let item = names.zip(list(&statement["Parameters"])).map(|(name, value)| (name.to_owned(), value.clone()));
    Some((table, Value::Object(item.collect())))
}

fn table(body: &Value) -> String {
    let named = body["TableName"].as_str();
    let of_transaction = || list(&body["TransactItems"]).find_map(|action| action.as_object()?.values().next()?["TableName"].as_str());
    let of_batch = || body["RequestItems"].as_object()?.keys().next().map(String::as_str);
    let of_statement = || body["Statement"].as_str().or(body["TransactStatements"][0]["Statement"].as_str())?.split('"').nth(1);
    named.or_else(of_transaction).or_else(of_batch).or_else(of_statement).unwrap_or_default().to_owned()
}

fn key(item: &Value) -> Option<String> {
    Some(format!("{} {}", item["PK"]["S"].as_str()?, item["SK"]["S"].as_str()?))
}

/// The first item's key, `<PK> <SK>`.
fn entity(body: &Value) -> Option<String> {
    let first = list(&body["TransactItems"]).next().and_then(|action| action.as_object()?.values().next());
    let of_batch = || key(&body["RequestItems"].as_object()?.values().next()?["Keys"][0]);
    key(&body["Key"])
        .or_else(|| key(&body["Item"]))
        .or_else(|| first.and_then(|action| key(&action["Item"]).or_else(|| key(&action["Key"]))))
        .or_else(of_batch)
        .or_else(|| key(&inserted_value(body)?.1))
        .or_else(|| key(&inserted_value(&body["TransactStatements"][0])?.1))
}
