//! Everything of one run: the account and the network before it, the three services' functions, and what is remembered to be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::StreamId;
use annals_lambda::Host;
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, OpenError, Role, Store};
use annals_planted::{Bug, planted};
use annals_reads::Item;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use serde_json::json;
use tokio::sync::RwLock;
use uuid::Uuid;

use crate::bus::Bus;
use crate::chance::Chance;
use crate::clock::SimClock;
use crate::directory::Directory;
use crate::faults::Faults;
use crate::functions::{Function, Machine};
use crate::history::History;
use crate::network::{Aws, Network};
use crate::plan::{Layer, Plan};
use crate::provider::Provider;
use crate::services::{Commands, Pipeline, Service, identity, matrices};
use crate::tables::Tables;
use crate::trace::Trace;

/// The role of every function: who may do what is tested elsewhere.
pub const ROLE: &str = "sim";
/// The key that wraps person keys.
pub const VAULT_KEY: &str = "alias/vault";

/// One run's world.
pub struct World {
    /// What is left to chance.
    pub chance: Chance,
    /// The time.
    pub clock: Arc<SimClock>,
    /// The way to AWS.
    pub network: Arc<Network>,
    /// Where functions run.
    pub machine: Machine,
    /// What was asked and answered.
    pub history: History,
    /// Billing's commands.
    pub commands: Function<Commands>,
    /// Identity's.
    pub identity: Function<identity_service::Deps>,
    /// Who sends emails.
    pub send_email: Function<notifications_service::Deps>,
    /// Who fills inboxes.
    pub add_to_inbox: Function<notifications_service::InboxDeps>,
    /// What follows each log.
    pub pipelines: Vec<Pipeline>,
    /// Closed while billing's log is restored.
    pub gate: RwLock<()>,
    /// Organisations that were asked for, and their owners.
    pub founded: Mutex<BTreeMap<String, Uuid>>,
    /// Those of which somebody was told that they are founded.
    pub acknowledged: Mutex<BTreeSet<String>>,
    /// Streams that have a commit which no code knows.
    pub strange: Mutex<BTreeSet<String>>,
    /// The generation that billing writes in.
    pub generation: Arc<AtomicU32>,
    reader: Host,
}

impl World {
    /// An empty world.
    pub async fn new(plan: &Plan, keeps_trace: bool) -> Result<Arc<Self>, OpenError> {
        let chance = Chance::new(plan.seed);
        // Midnight comes while things break.
        let clock = Arc::new(SimClock::new(3 + chance.below(plan.seconds.max(4) - 3, &["midnight"], 0)));
        let aws = match plan.layer {
            Layer::Sdk => Aws::Embedded(Box::new(Local::open(config(&clock, plan.seed)).await?)),
            Layer::Ports => Aws::Memory(Box::default()),
        };
        let faults = Arc::new(Faults::new(chance, plan.faults.clone(), (plan.window.0 * 1000, plan.window.1 * 1000)));
        let trace = Arc::new(Trace::new(keeps_trace));
        let parts = (Arc::new(Bus::default()), Arc::new(Provider::default()), Arc::new(Tables::default()));
        let network = Arc::new(Network::new((clock.clone(), faults, trace), parts, aws));
        let machine = Machine::new(network.clone(), chance);
        let (_, reader) = machine.environment("check", false);
        let generation = Arc::new(AtomicU32::new(0));
        let (writes, sender, filler) = (generation.clone(), network.clone(), network.clone());
        let from = if planted(Bug::LatestNotTrimHorizon) { 3 } else { 0 };
        Ok(Arc::new(Self {
            chance,
            clock,
            commands: Function::new("billing", move |host| Commands::new(host, writes.load(Ordering::Relaxed))),
            identity: Function::new("identity", identity),
            send_email: Function::new("send-email", move |host| send_email(host, &sender)),
            add_to_inbox: Function::new("add-to-inbox", move |host| add_to_inbox(host, &filler)),
            pipelines: Service::ALL.map(|service| Pipeline::new(service, &network, from)).into(),
            network,
            machine,
            history: History::default(),
            gate: RwLock::new(()),
            founded: Mutex::default(),
            acknowledged: Mutex::default(),
            strange: Mutex::default(),
            generation,
            reader,
        }))
    }

    /// What checks read by: nothing is in its way.
    pub fn reader(&self) -> &Host {
        &self.reader
    }

    /// The functions on a service's log.
    pub fn pipeline(&self, service: Service) -> &Pipeline {
        &self.pipelines[service as usize]
    }

    /// Every item of a table, in the order of its keys.
    pub async fn table(&self, table: &str) -> Vec<Item> {
        if let Aws::Memory(memory) = &self.network.aws {
            return memory.database.items(table);
        }
        let mut pages =
            self.reader.account.sdk_dynamodb().scan().table_name(table).limit(1000).consistent_read(true).into_paginator().items().send();
        let mut items = vec![];
        while let Some(item) = pages.next().await {
            items.push(item.expect("nothing is in the way of a check"));
        }
        items.sort_by_cached_key(|item| (text(item, "PK").to_owned(), text(item, "SK").to_owned()));
        items
    }

    /// A stream's commits, oldest first.
    pub async fn items(&self, service: Service, stream: &StreamId) -> Vec<Item> {
        if let Aws::Memory(memory) = &self.network.aws {
            return memory.database.partition(service.log(), &stream.to_string());
        }
        let query = self.reader.account.sdk_dynamodb().query().table_name(service.log()).limit(1000).consistent_read(true);
        let query = query.key_condition_expression("PK = :pk").expression_attribute_values(":pk", AttributeValue::S(stream.to_string()));
        let mut pages = query.into_paginator().items().send();
        let mut items = vec![];
        while let Some(item) = pages.next().await {
            items.push(item.expect("nothing is in the way of a check"));
        }
        items
    }

    /// How many commits a stream has.
    pub fn head(&self, service: Service, stream: &StreamId) -> u64 {
        self.network.tables.head(service.log(), &stream.to_string())
    }

    /// Whether a stream has a commit which no code knows.
    pub fn is_strange(&self, stream: &StreamId) -> bool {
        self.strange.lock().unwrap_or_else(PoisonError::into_inner).contains(&stream.to_string())
    }

    /// Whether any stream has one.
    pub fn has_strange(&self) -> bool {
        !self.strange.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Deletes items: only a restore does.
    pub async fn delete(&self, table: &str, items: &[Item]) {
        if let Aws::Memory(memory) = &self.network.aws {
            return memory.database.forget(table, items);
        }
        for some in items.chunks(25) {
            let delete = |item: &Item| {
                let delete = DeleteRequest::builder().key("PK", item["PK"].clone()).key("SK", item["SK"].clone()).build();
                WriteRequest::builder().delete_request(delete.expect("it has a key")).build()
            };
            let deletes = self.reader.account.sdk_dynamodb().batch_write_item();
            let deleted =
                deletes.request_items(table, some.iter().map(delete).collect()).send().await.expect("nothing is in the way of a restore");
            assert!(deleted.unprocessed_items().is_none_or(|left| left.is_empty()), "nothing is in the way of a restore");
        }
    }
}

/// A text attribute; empty where there is none.
pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

fn send_email(host: &Host, network: &Arc<Network>) -> notifications_service::Deps {
    let settings = notifications_service::Settings {
        identity_url: "https://api.example".into(),
        identity_key: "key".into(),
        from: "billing@annals.example".into(),
    };
    notifications_service::Deps::new(host, Arc::new(Directory(network.clone())), settings)
}

fn add_to_inbox(host: &Host, network: &Arc<Network>) -> notifications_service::InboxDeps {
    notifications_service::InboxDeps::new(host, Arc::new(Directory(network.clone())), "https://api.example", "key")
}

fn config(clock: &Arc<SimClock>, seed: u64) -> Config {
    let mut config = Config::new(Store::Memory, clock.clone(), Arc::new(Seeded::new(seed)));
    config.tables =
        matrices().iter().flat_map(|matrix| matrix.tables().iter().map(|table| table.create_table_json()).collect::<Vec<_>>()).collect();
    let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    config.roles =
        vec![Role { name: ROLE.into(), access_key_id: "AKIASIM".into(), secret_access_key: "s".into(), policies: vec![everything] }];
    config
}
