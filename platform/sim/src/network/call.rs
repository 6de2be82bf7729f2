//! What is read of a request to AWS, and the answers that faults make to it.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::chance::mix;

/// A request, as far as the network looks into it.
#[derive(Debug)]
pub struct Call {
    /// Such as `PutItem`.
    pub operation: String,
    /// The table, where it names one.
    pub table: String,
    /// What it is about: the first key in it.
    pub entity: String,
    /// The body.
    pub body: Value,
    /// The same for the same request, whatever the order of attributes in it.
    pub digest: u64,
    /// Whether it is a read that may show what was there before.
    pub eventual: bool,
}

impl Call {
    /// Reads a request.
    pub fn read(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").and_then(|target| target.split_once('.'));
        let operation = target.map_or("SendEmail", |(_, operation)| operation).to_owned();
        let body: Value = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        // A transaction's token is drawn for each: two that ask the same are the same.
        let digest = digest(&body) ^ digest(&Value::String(operation.clone()));
        let table = table(&body);
        let entity = entity(&body).unwrap_or_else(|| format!("{digest:016x}"));
        let reads = matches!(operation.as_str(), "GetItem" | "Query" | "BatchGetItem");
        let eventual = reads && !body.to_string().contains("\"ConsistentRead\":true");
        Self { operation, table, entity, body, digest, eventual }
    }

    /// Refused for now.
    pub fn throttled(&self) -> (u16, Bytes) {
        let code = match self.operation.as_str() {
            "PutEvents" | "GenerateDataKey" | "Decrypt" => "ThrottlingException",
            "SendEmail" => return (429, json!({ "message": "Too many requests." }).to_string().into()),
            _ => "ProvisionedThroughputExceededException",
        };
        (400, json!({ "__type": code, "message": "slow down" }).to_string().into())
    }

    /// Failed inside.
    pub fn internal_error(&self) -> (u16, Bytes) {
        (500, json!({ "__type": "InternalServerError", "message": "injected" }).to_string().into())
    }
}

/// The items that a successful write puts, by table: of PutItem, of transactions, of PartiQL inserts.
pub fn written(call: &Call) -> Vec<(String, Value)> {
    let body = &call.body;
    let put = |put: &Value| Some((put["TableName"].as_str()?.to_owned(), put["Item"].clone()));
    match call.operation.as_str() {
        "PutItem" => put(body).into_iter().collect(),
        "TransactWriteItems" => list(&body["TransactItems"]).filter_map(|action| put(&action["Put"])).collect(),
        "ExecuteStatement" => inserted(body).into_iter().collect(),
        "ExecuteTransaction" => list(&body["TransactStatements"]).filter_map(inserted).collect(),
        _ => vec![],
    }
}

/// The keys that a successful transaction deletes, by table.
pub fn deleted(call: &Call) -> Vec<(String, Value)> {
    let delete = |action: &Value| Some((action["Delete"]["TableName"].as_str()?.to_owned(), action["Delete"]["Key"].clone()));
    list(&call.body["TransactItems"]).filter_map(delete).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `INSERT INTO "<table>" VALUE {'<name>': ?, …}` and its values.
fn inserted(statement: &Value) -> Option<(String, Value)> {
    let (table, rest) = statement["Statement"].as_str()?.strip_prefix("INSERT INTO \"")?.split_once('"')?;
    let names = rest.split('\'').skip(1).step_by(2);
    let item = names.zip(list(&statement["Parameters"])).map(|(name, value)| (name.to_owned(), value.clone()));
    Some((table.to_owned(), Value::Object(item.collect())))
}

fn table(body: &Value) -> String {
    let named = body["TableName"].as_str();
    let of_transaction = || list(&body["TransactItems"]).find_map(|action| action.as_object()?.values().next()?["TableName"].as_str());
    let of_batch = || body["RequestItems"].as_object()?.keys().next().map(String::as_str);
    let of_statement = || body["Statement"].as_str().or(body["TransactStatements"][0]["Statement"].as_str())?.split('"').nth(1);
    named.or_else(of_transaction).or_else(of_batch).or_else(of_statement).unwrap_or_default().to_owned()
}

/// The first item's key, `<PK> <SK>`.
fn entity(body: &Value) -> Option<String> {
    let key = |item: &Value| Some(format!("{} {}", item["PK"]["S"].as_str()?, item["SK"]["S"].as_str()?));
    let first = list(&body["TransactItems"]).next().and_then(|action| action.as_object()?.values().next());
    let of_batch = || key(&body["RequestItems"].as_object()?.values().next()?["Keys"][0]);
    key(&body["Key"])
        .or_else(|| key(&body["Item"]))
        .or_else(|| first.and_then(|action| key(&action["Item"]).or_else(|| key(&action["Key"]))))
        .or_else(of_batch)
        .or_else(|| key(&inserted(body)?.1))
        .or_else(|| key(&inserted(&body["TransactStatements"][0])?.1))
}

/// A hash of a JSON value that does not depend on the order of an object's members.
pub fn digest(value: &Value) -> u64 {
    let text = |text: &str| text.bytes().fold(17, |hash, byte| mix(hash ^ u64::from(byte)));
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                if name == "ClientRequestToken" { 0 } else { mix(text(name) ^ digest(value).rotate_left(7)) }
            };
            mix(members.iter().map(member).fold(1, u64::wrapping_add))
        }
        Value::Array(items) => items.iter().fold(2, |hash, item| mix(hash ^ digest(item))),
        Value::String(string) => text(string),
        other => text(&other.to_string()).wrapping_add(3),
    }
}
