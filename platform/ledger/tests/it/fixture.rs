//! A ledger of its own for every test: in memory, a clock that tests set, commits made by hand, faults by the number of the call.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use annals_kit::ids::SeededIds;
use annals_kit::{Clock, CommandId, Generation, StoredEvent, StreamId, Timestamp, Version};
use annals_lambda::Account;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::Memory;
use annals_ledger::records::facts;
use annals_ledger::signer::Signer;
use annals_ledger::verify::{Finding, Population, Verified, Verifier};
use annals_ledger::window::Retention;
use annals_ledger::{Entry, LedgerTable, Reader, Sequencer};
use annals_local::randomness::Seeded;
use annals_local::{Call, Config, Fault, Faults, Local, Role, Store};
use annals_log::insert::{Inserted, insert};
use annals_log::{Commit, CommitHash, Log, LogConfig, RequestHash};
use annals_reads::{Item, Reads};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const LEDGER: &str = "subscriptions-ledger";
pub(crate) const LOG: &str = "subscriptions-log";
/// 2026-01-01T23:50:00Z: a day ends soon.
const START: i64 = 1_767_311_400;

/// True time as tests advance it, and how far this machine's clock is off.
#[derive(Default)]
pub(crate) struct TestClock {
    seconds: AtomicI64,
    skew: AtomicI64,
}

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn skew(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn truth(&self) -> Timestamp {
        Timestamp::from_seconds(START + self.seconds.load(Ordering::Relaxed)).unwrap()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.truth().seconds() + self.skew.load(Ordering::Relaxed)).unwrap()
    }
}

/// Faults by the number of the call to the ledger table, none after the last; and what was asked of it.
#[derive(Default)]
pub(crate) struct Script {
    faults: Mutex<Vec<Fault>>,
    next: AtomicU64,
    pub(crate) asked: Mutex<Vec<(String, Value)>>,
}

impl Faults for Script {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.table != Some(LEDGER) {
            return Fault::None;
        }
        self.asked.lock().unwrap().push((call.operation.to_owned(), call.body.clone()));
        let number = self.next.fetch_add(1, Ordering::Relaxed) as usize;
        self.faults.lock().unwrap().get(number).cloned().unwrap_or_default()
    }
}

pub(crate) struct Fixture {
    pub(crate) script: Arc<Script>,
    pub(crate) local: Local,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) log: Log,
    pub(crate) objects: Arc<Memory>,
    pub(crate) key: LedgerKey,
    ids: Arc<SeededIds>,
    sequence: AtomicU64,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::of(Generation(0)).await
    }

    /// The ledger of this generation, empty.
    pub(crate) async fn of(generation: Generation) -> Self {
        let (clock, ids, script) = (Arc::new(TestClock::default()), Arc::new(SeededIds::new(3)), Arc::new(Script::default()));
        let matrix = access_patterns::billing();
        let mut config = Config::new(Store::Memory, clock.clone(), Arc::new(Seeded::new(3)));
        config.tables = matrix.tables().iter().map(|table| table.create_table_json()).collect();
        let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        config.roles =
            vec![Role { name: "test".into(), access_key_id: "AKIATEST".into(), secret_access_key: "s".into(), policies: vec![everything] }];
        config.faults = Some(script.clone());
        let local = Local::open(config).await.unwrap();
        let credentials = local.credentials("test").unwrap();
        let account = Account::new(local.http_client(), credentials, annals_local::arn::REGION);
        let client = account.sdk_dynamodb();
        let reads = Reads::new(client.clone(), matrix).with_jitter_seed(3);
        let log = Log::new(client.clone(), reads, LogConfig::new(LOG), clock.clone(), ids.clone());
        let key = LedgerKey::generate(Origin::new("annals.example", "billing", generation), &*ids);
        Self { script, local, clock, client, log, objects: Arc::default(), key, ids, sequence: AtomicU64::new(1) }
    }

    /// These faults from the next call to the ledger on.
    pub(crate) fn arm(&self, faults: Vec<Fault>) {
        *self.script.faults.lock().unwrap() = faults;
        self.script.next.store(0, Ordering::Relaxed);
    }

    pub(crate) fn calm(&self) {
        self.arm(vec![]);
    }

    pub(crate) fn table(&self) -> LedgerTable {
        let reads = Reads::new(self.client.clone(), access_patterns::billing()).with_jitter_seed(3);
        LedgerTable::new(self.client.clone(), reads, LEDGER)
    }

    /// AWS as whoever may do everything reaches it.
    pub(crate) fn account(&self) -> Account {
        let credentials = self.local.credentials("test").unwrap();
        Account::new(self.local.http_client(), credentials, annals_local::arn::REGION)
    }

    /// A vault in this account.
    pub(crate) fn vault(&self) -> annals_vault::Vault {
        let account = self.account();
        let reads = Reads::new(account.sdk_dynamodb(), access_patterns::billing());
        annals_vault::Vault::new(account.dynamodb(), account.kms(), reads, ("billing-vault", "vault"), self.clock.clone(), self.ids.clone())
    }

    /// A sequencer with nothing in memory, as after a cold start.
    pub(crate) fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.table(), self.clock.clone(), self.ids.clone())
    }

    /// How often the ledger was asked for this.
    pub(crate) fn asked(&self, operation: &str) -> usize {
        self.script.asked.lock().unwrap().iter().filter(|(asked, _)| asked == operation).count()
    }

    /// A sequencer with little memory.
    pub(crate) fn forgetful_sequencer(&self) -> Sequencer {
        self.sequencer().remembering(Retention { exact: 2, page: 3 })
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::new(self.table(), self.objects.clone(), self.key.clone())
    }

    /// Appends commits 1 to `versions` of a stream to the log; their items.
    pub(crate) async fn commits(&self, stream: u32, versions: u64) -> Vec<Item> {
        let mut items: Vec<Item> = vec![];
        for version in 1..=versions {
            let previous = items.last().map(|item| CommitHash::of(item).unwrap());
            let item = commit(stream, version, previous, self.clock.truth()).to_item().unwrap();
            assert!(matches!(insert(&self.client.clone().into(), LOG, item.clone()).await, Inserted::Written));
            items.push(item);
        }
        items
    }

    /// A stream record, as AWS hands it to a function, created now.
    pub(crate) fn record(&self, kind: &str, item: &Item) -> Value {
        let image = serde_json::to_value(serde_dynamo::Item::from(item.clone())).unwrap();
        let number = 100_000_000_000_000_000_000u128 + u128::from(self.sequence.fetch_add(1, Ordering::Relaxed));
        let mut record = json!({
            "eventID": number.to_string(), "eventName": kind, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/subscriptions-log/stream/2026-01-01T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": self.clock.truth().seconds() as f64, "Keys": { "PK": image["PK"], "SK": image["SK"] },
                "SequenceNumber": number.to_string(), "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        });
        record["dynamodb"][if kind == "REMOVE" { "OldImage" } else { "NewImage" }] = image;
        record
    }

    pub(crate) fn records(&self, items: &[Item]) -> Vec<Value> {
        items.iter().map(|item| self.record("INSERT", item)).collect()
    }

    /// Every entry, in order; reading checks positions, times and epochs.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let (mut walk, mut entries) = (Reader::new(self.table()).all(), vec![]);
        while let Some(more) = walk.next_entries().await.unwrap() {
            entries.extend(more);
        }
        entries
    }

    /// How many items the ledger table has, and the entries that they say they hold, reachable or not.
    pub(crate) async fn stored(&self) -> Vec<Item> {
        let mut pages = self.client.scan().table_name(LEDGER).limit(500).into_paginator().items().send();
        let mut items = vec![];
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items
    }

    /// `annals verify`, as far as the ledger goes.
    pub(crate) async fn verify(&self) -> Result<Verified, Finding> {
        let verifier = Verifier { table: self.table(), objects: &*self.objects, key: Some(self.key.verifier()) };
        let walked = verifier.walk([7; 32]).await.unwrap()?;
        let (mut scanned, mut after) = (Population::new([7; 32]), None);
        loop {
            let page = self.log.scan(after).await.unwrap();
            page.items.iter().for_each(|item| scanned.add(item));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        verifier.compare(walked, &scanned, &self.log, self.clock.truth()).await.unwrap()
    }

    /// The check that fails.
    pub(crate) async fn found(&self) -> &'static str {
        self.verify().await.expect_err("something was changed").check
    }

    /// Changes one attribute of an item behind everyone's back.
    pub(crate) async fn change(&self, table: &str, item: &Item, name: &str, value: AttributeValue) {
        let call = self.client.update_item().table_name(table).key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
        let call = call.update_expression("SET #a = :a").expression_attribute_names("#a", name);
        call.expression_attribute_values(":a", value).send().await.unwrap();
    }

    pub(crate) async fn delete(&self, table: &str, item: &Item) {
        let call = self.client.delete_item().table_name(table).key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
        call.send().await.unwrap();
    }
}

pub(crate) fn commit(stream: u32, version: u64, previous: Option<CommitHash>, at: Timestamp) -> Commit {
    let command = Uuid::from_u128(u128::from(stream) << 64 | u128::from(version));
    let payload = serde_json::Map::from_iter([("amount".to_owned(), json!(version))]);
    Commit {
        stream: StreamId::of("SUB", Uuid::from_u128(u128::from(stream))),
        version: Version::new(version).unwrap(),
        generation: Generation(0),
        recorded_at: at,
        tenant: "demo".parse().unwrap(),
        actor: format!("actor-{}", stream % 3).parse().unwrap(),
        command: CommandId(command),
        request: RequestHash::of(b"request"),
        correlation: command,
        causation: None,
        previous,
        events: vec![StoredEvent { event_type: "SOMETHING_HAPPENED".into(), schema: 1, payload }],
    }
}

/// Hands records to a sequencer, as one batch.
pub(crate) async fn deliver(sequencer: &Sequencer, records: &[Value]) -> bool {
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    sequencer.sequence(&facts(event)).await.is_ok()
}

/// The key of the commit that an entry is about, for comparison.
pub(crate) fn keys(entries: &[Entry]) -> Vec<(String, String)> {
    entries.iter().map(|entry| entry.fact.key()).collect()
}

pub(crate) fn keys_of(items: &[Item]) -> Vec<(String, String)> {
    let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    items.iter().map(|item| (text(item, "PK"), text(item, "SK"))).collect()
}
