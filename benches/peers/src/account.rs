//! The embedded DynamoDB that all contestants share: everyone's tables as their documentation makes them, a role each, the meter, the
//! loopback endpoint, and what is broken between a contestant and its database.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use annals_lambda::machine::MachineClock;
use annals_local::randomness::Seeded;
use annals_local::{Call, Config, Fault, Faults, Local, Role, Store};
use annals_log::size::item_size;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::contestant::Contestant;
use crate::way::Way;
use crate::{adapter, annals, cqrs};

/// Seeds ids, jitter of the account, and lost answers.
pub const SEED: u64 = 10;

/// The account, open.
pub struct Account {
    local: Local,
    endpoint: SocketAddr,
    faults: Arc<Injected>,
    serving: JoinHandle<()>,
}

/// What calls of a contestant came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Spent {
    /// Calls.
    pub calls: f64,
    /// Write capacity units, as the database reports them: of writes that were done.
    pub wcu: f64,
    /// Read capacity units.
    pub rcu: f64,
    /// Writes that were refused, which AWS bills like those that are done.
    pub refused: f64,
}

impl Spent {
    /// A share of it.
    pub fn per(self, count: u64) -> Self {
        let share = |all: f64| all / count.max(1) as f64;
        Self { calls: share(self.calls), wcu: share(self.wcu), rcu: share(self.rcu), refused: share(self.refused) }
    }
}

impl Account {
    /// Opens it, with everyone's tables.
    pub async fn open(store: Store) -> Result<Self, String> {
        let faults = Arc::new(Injected::default());
        let mut config = Config::new(store, Arc::new(MachineClock), Arc::new(Seeded::new(SEED)));
        config.tables = tables();
        config.roles = Contestant::ALL.iter().map(|one| role(one.slug())).collect();
        config.faults = Some(faults.clone());
        let local = Local::open(config).await.map_err(|error| error.to_string())?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let endpoint = listener.local_addr().map_err(|error| error.to_string())?;
        let served = local.clone();
        let serving = tokio::spawn(async move { served.serve_aws(listener).await });
        Ok(Self { local, endpoint, faults, serving })
    }

    /// Ends it; what it has stays in its directory, which nothing writes to any more.
    pub async fn close(self) {
        self.local.stop_serving();
        // It holds the database open too. A panic there is nothing to wait for.
        let _ = self.serving.await;
    }

    /// The way of this contestant in process.
    pub fn here(&self, contestant: Contestant, metered: bool) -> Way {
        let credentials = self.local.credentials(contestant.slug()).expect("every contestant has a role");
        Way { http: self.local.http_client(), credentials, endpoint: None, metered }
    }

    /// The loopback endpoint's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.endpoint)
    }

    /// What this contestant has spent since the last time.
    pub fn spent(&self, contestant: Contestant) -> Spent {
        let mut spent = Spent::default();
        for (counted, reading) in self.local.meter().readings() {
            if counted.role != contestant.slug() || counted.service != "dynamodb" {
                continue;
            }
            spent.calls += reading.calls as f64;
            match counted.operation.as_str() {
                "GetItem" | "BatchGetItem" | "Query" | "Scan" => spent.rcu += reading.capacity,
                _ => {
                    spent.wcu += reading.capacity;
                    spent.refused += reading.errors as f64;
                }
            }
        }
        spent
    }

    /// Forgets what was spent.
    pub fn forget_spent(&self) {
        self.local.meter().reset();
    }

    /// From now on this goes wrong for the contestant.
    pub fn arm(&self, contestant: Contestant, plan: Plan) {
        self.faults.0.lock().unwrap_or_else(PoisonError::into_inner).insert(contestant.slug().to_owned(), plan);
    }

    /// Bytes of everything this contestant stores, as DynamoDB counts them, and of its entries in indexes.
    pub async fn bytes(&self, contestant: Contestant) -> Result<u64, String> {
        let client = self.here(contestant, false).client();
        let mut bytes = 0;
        for table in contestant.tables() {
            let mut pages = client.scan().table_name(&table).into_paginator().send();
            while let Some(page) = pages.next().await {
                for item in page.map_err(|error| error.to_string())?.items() {
                    bytes += item_size(item) as u64;
                }
            }
        }
        if contestant == Contestant::Castore {
            let mut entries = client.scan().table_name(CASTORE).index_name("initialEvents").into_paginator().send();
            while let Some(page) = entries.next().await {
                bytes += page.map_err(|error| error.to_string())?.items().iter().map(|item| item_size(item) as u64).sum::<u64>();
            }
        }
        Ok(bytes)
    }
}

/// castore's table.
pub const CASTORE: &str = "castore-events";

fn role(name: &str) -> Role {
    Role {
        name: name.into(),
        access_key_id: format!("AKIA{}", name.to_uppercase()),
        secret_access_key: "secret".into(),
        policies: vec![json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] })],
    }
}

fn tables() -> Vec<Value> {
    let mut tables: Vec<Value> = annals::matrix().tables().iter().map(|table| table.create_table_json()).collect();
    for contestant in [Contestant::Cqrs, Contestant::CqrsSnapshots] {
        let [events, snapshots] = cqrs::tables(contestant.slug());
        tables.push(followed(table(&events, &[("AggregateTypeAndId", "S"), ("AggregateIdSequence", "N")])));
        tables.push(table(&snapshots, &[("AggregateTypeAndId", "S")]));
        tables.extend((1..=3).map(|round| table(&cqrs::view(contestant.slug(), round), &[("ViewId", "S")])));
    }
    let [journal, snapshot, head, index] = adapter::TABLES;
    tables.push(followed(table(journal, &[("aid", "S"), ("seq_nr", "N")])));
    tables.push(indexed(table(snapshot, &[("aid", "S"), ("skey", "N")]), index, [("aid", "S"), ("active_history_seq_nr", "N")]));
    tables.push(table(head, &[("aid", "S")]));
    let castore = table(CASTORE, &[("aggregateId", "S"), ("version", "N")]);
    tables.push(indexed(followed(castore), "initialEvents", [("eventStoreId", "S"), ("timestamp", "S")]));
    tables
}

fn key_schema(keys: &[(&str, &str)]) -> Value {
    keys.iter().zip(["HASH", "RANGE"]).map(|((name, _), kind)| json!({ "AttributeName": name, "KeyType": kind })).collect()
}

fn table(name: &str, keys: &[(&str, &str)]) -> Value {
    let attributes: Value = keys.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
    json!({ "TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": key_schema(keys), "AttributeDefinitions": attributes })
}

/// The same with a stream of changes, without which nothing could follow the events on AWS.
fn followed(mut table: Value) -> Value {
    table["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
    table
}

/// The same with a global index of keys only.
fn indexed(mut table: Value, index: &str, keys: [(&str, &str); 2]) -> Value {
    let attributes = table["AttributeDefinitions"].as_array_mut().expect("a table has attributes");
    for (name, kind) in keys {
        if !attributes.iter().any(|attribute| attribute["AttributeName"] == name) {
            attributes.push(json!({ "AttributeName": name, "AttributeType": kind }));
        }
    }
    table["GlobalSecondaryIndexes"] =
        json!([{ "IndexName": index, "KeySchema": key_schema(&keys), "Projection": { "ProjectionType": "KEYS_ONLY" } }]);
    table
}

/// What goes wrong for one contestant.
#[derive(Clone, Copy, Debug)]
pub enum Plan {
    /// Nothing.
    Calm,
    /// The next write is done and its answer lost.
    LoseNextWrite,
    /// The next write is done and its answer lost, and so is every answer after it.
    LoseAllFromNextWrite,
    /// Every answer is lost; what it says is done.
    LoseAll,
    /// Of a hundred writes the answers of so many are lost, by a draw that the seed decides.
    LoseSome {
        /// Of a hundred.
        percent: u64,
        /// Writes so far.
        writes: u64,
    },
}

/// The plans, by role.
#[derive(Default)]
struct Injected(Mutex<HashMap<String, Plan>>);

impl Faults for Injected {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(plan) = plans.get_mut(call.role) else { return Fault::None };
        let write = matches!(call.operation, "ExecuteStatement" | "PutItem" | "TransactWriteItems");
        match plan {
            Plan::LoseAll => Fault::LoseResponse,
            Plan::LoseNextWrite if write => {
                *plan = Plan::Calm;
                Fault::LoseResponse
            }
            Plan::LoseAllFromNextWrite if write => {
                *plan = Plan::LoseAll;
                Fault::LoseResponse
            }
            Plan::LoseSome { percent, writes } if write => {
                *writes += 1;
                if drawn(*writes) % 100 < *percent { Fault::LoseResponse } else { Fault::None }
            }
            _ => Fault::None,
        }
    }
}

/// SplitMix64 of the seed and a number.
fn drawn(number: u64) -> u64 {
    let mut z = SEED.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
