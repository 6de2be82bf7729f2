//! Gives tests an account of their own: paused time, seeded ids, one table, an administrator.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{Arc, Mutex};

use annals_kit::{Clock, Timestamp};
use annals_local::randomness::Seeded;
use annals_local::{Config, Function, FunctionError, Local, Role, Store};
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A clock that runs with tokio's, from a fixed instant.
pub struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-03-01T12:00:00.000000Z".parse().unwrap();
        start.plus(TimeDelta::from_std(self.0.elapsed()).unwrap())
    }
}

/// An account with a table `log` that has a stream, a table `rows`, and an administrator.
pub fn config(store: Store) -> Config {
    let mut config = Config::new(store, Arc::new(TokioClock(Instant::now())), Arc::new(Seeded::new(7)));
    config.tables = vec![table("log"), table("rows")];
    config.roles = vec![role("admin", json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }))];
    config
}

/// A table with keys PK and SK, and a stream.
pub fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{ "AttributeName": "PK", "KeyType": "HASH" }, { "AttributeName": "SK", "KeyType": "RANGE" }],
        "AttributeDefinitions": [
            { "AttributeName": "PK", "AttributeType": "S" },
            { "AttributeName": "SK", "AttributeType": "S" }
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" }
    })
}

pub fn role(name: &str, statement: Value) -> Role {
    Role {
        name: name.to_owned(),
        access_key_id: format!("AKIA{}", name.to_uppercase()),
        secret_access_key: format!("secret of {name}"),
        policies: vec![json!({ "Version": "2012-10-17", "Statement": statement })],
    }
}

/// A DynamoDB client of a role.
pub fn dynamodb(local: &Local, role: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(local.credentials(role).unwrap())
            .http_client(local.http_client())
            .build(),
    )
}

pub async fn put(client: &aws_sdk_dynamodb::Client, table: &str, pk: &str, sk: &str, value: &str) {
    let item = [("PK", pk), ("SK", sk), ("value", value)];
    let item = item.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into();
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

/// What a function was handed, batch by batch.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    pub fn batches(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }

    pub fn push(&self, event: Value) {
        self.0.lock().unwrap().push(event);
    }

    /// The values of the `value` attribute of every record seen, in order.
    pub fn values(&self) -> Vec<String> {
        let of = |record: &Value| record["dynamodb"]["NewImage"]["value"]["S"].as_str().unwrap_or_default().to_owned();
        self.batches().iter().flat_map(|batch| batch["Records"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()).collect()
    }

    /// A function that notes what it gets and answers what `answer` says.
    pub fn function(&self, name: &str, answer: impl Fn(usize, &Value) -> Result<Value, FunctionError> + Send + Sync + 'static) -> Function {
        let seen = self.clone();
        let answer = Arc::new(answer);
        Function::new(name, move |event, _context| {
            let (seen, answer) = (seen.clone(), answer.clone());
            async move {
                let number = seen.batches().len();
                seen.push(event.clone());
                answer(number, &event)
            }
        })
    }
}

pub fn failure() -> FunctionError {
    FunctionError::new("Test", "as planned")
}
