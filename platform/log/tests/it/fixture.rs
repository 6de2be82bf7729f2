//! A log of its own for every test: in memory, tokio's clock, seeded ids, and an account whose balance may not go below zero.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use annals_kit::ids::SeededIds;
use annals_kit::{Aggregate, Clock, Command, CommandId, Event, Ids, Recorded, Schema, StreamId, Timestamp};
use annals_lambda::Account;
use annals_local::randomness::Seeded;
use annals_local::{Call, Config, Fault, Faults, Local, Role, Store};
use annals_log::{Log, LogConfig, Request, Streams};
use annals_reads::{Item, Reads};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An account: deposits and withdrawals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Balance {
    pub(crate) minor: i64,
    /// Every change, for comparison with what was asked.
    pub(crate) changes: Vec<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub(crate) enum BalanceEvent {
    #[serde(rename = "BALANCE_CHANGED")]
    Changed { by: i64, note: String },
}

impl Event for BalanceEvent {
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "BALANCE_CHANGED", upcasts: &[], published: false }];
}

impl Aggregate for Balance {
    const STREAM_TYPE: &'static str = "SUB";
    const FOLD_REVISION: u32 = 1;
    type Event = BalanceEvent;

    fn evolve(&mut self, event: &BalanceEvent, _: Recorded) {
        let BalanceEvent::Changed { by, .. } = event;
        self.minor += by;
        self.changes.push(*by);
    }
}

/// Changes the balance; refused where it would go below zero, nothing where it changes by nothing.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) by: i64,
    pub(crate) note: String,
}

pub(crate) fn change(by: i64) -> Change {
    Change { by, note: String::new() }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overdrawn {
    pub(crate) balance: i64,
}

impl Command for Change {
    type Aggregate = Balance;
    type Refusal = Overdrawn;

    fn decide(&self, state: &Balance, _: Timestamp) -> Result<Vec<BalanceEvent>, Overdrawn> {
        match self.by {
            0 => Ok(vec![]),
            by if state.minor + by < 0 => Err(Overdrawn { balance: state.minor }),
            by => Ok(vec![BalanceEvent::Changed { by, note: self.note.clone() }]),
        }
    }
}

/// Tokio's clock from a fixed start, shifted by as much as a test wants.
pub(crate) struct TestClock {
    start: tokio::time::Instant,
    shift_seconds: std::sync::atomic::AtomicI64,
}

impl TestClock {
    fn new() -> Self {
        Self { start: tokio::time::Instant::now(), shift_seconds: 0.into() }
    }

    pub(crate) fn shift(&self, seconds: i64) {
        self.shift_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = TimeDelta::from_std(self.start.elapsed()).unwrap();
        Timestamp::from_seconds(1_767_225_600 + self.shift_seconds.load(Ordering::Relaxed)).unwrap().plus(elapsed)
    }
}

/// Faults by the number of the call; none after the last.
pub(crate) struct Script {
    faults: std::sync::Mutex<Vec<Fault>>,
    next: AtomicU64,
}

impl Faults for Script {
    fn plan(&self, _: &Call<'_>) -> Fault {
        let call = self.next.fetch_add(1, Ordering::Relaxed) as usize;
        self.faults.lock().unwrap().get(call).cloned().unwrap_or_default()
    }
}

pub(crate) struct Fixture {
    script: Arc<Script>,
    pub(crate) local: Local,
    pub(crate) log: Log,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ids: Arc<SeededIds>,
    pub(crate) client: aws_sdk_dynamodb::Client,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_faults(vec![]).await
    }

    pub(crate) async fn with_faults(faults: Vec<Fault>) -> Self {
        let clock = Arc::new(TestClock::new());
        let ids = Arc::new(SeededIds::new(7));
        let matrix = access_patterns::billing();
        let mut config = Config::new(Store::Memory, clock.clone(), Arc::new(Seeded::new(7)));
        config.tables = matrix.tables().iter().map(|table| table.create_table_json()).collect();
        config.roles = vec![Role {
            name: "test".into(),
            access_key_id: "AKIATEST".into(),
            secret_access_key: "secret".into(),
            policies: vec![
                serde_json::json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }),
            ],
        }];
        let script = Arc::new(Script { faults: faults.into(), next: 0.into() });
        config.faults = Some(script.clone());
        let local = Local::open(config).await.unwrap();
        let account = Account::new(local.http_client(), local.credentials("test").unwrap(), annals_local::arn::REGION);
        let client = account.sdk_dynamodb();
        let reads = Reads::new(client.clone(), matrix).with_jitter_seed(7);
        let log = Log::new(client.clone(), reads, LogConfig::new("subscriptions-log"), clock.clone(), ids.clone());
        Self { script, local, log, clock, ids, client }
    }

    /// These faults from the next call on.
    pub(crate) fn arm(&self, faults: Vec<Fault>) {
        *self.script.faults.lock().unwrap() = faults;
        self.script.next.store(0, Ordering::Relaxed);
    }

    /// No more faults.
    pub(crate) fn calm(&self) {
        self.script.next.store(1 << 40, Ordering::Relaxed);
    }

    pub(crate) fn streams(&self) -> Streams<Balance> {
        Streams::new(self.log.clone())
    }

    pub(crate) fn stream(&self) -> StreamId {
        StreamId::of("SUB", Uuid::from_u128(1))
    }

    /// A request under a new command id.
    pub(crate) fn request(&self) -> Request {
        request(CommandId(self.ids.uuid()))
    }

    /// The stream as it is stored, oldest first.
    pub(crate) async fn items(&self) -> Vec<Item> {
        let first = annals_kit::Version::FIRST;
        let (mut items, mut after) = (vec![], None);
        loop {
            let page = self.log.from_version(&self.stream(), first, 100, after).await.unwrap();
            items.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return items,
            }
        }
    }

    /// Calls of an operation so far.
    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.local.meter().of(operation, "subscriptions-log").calls
    }
}

pub(crate) fn request(command: CommandId) -> Request {
    Request::new(&"demo".parse().unwrap(), "tester".parse().unwrap(), command, b"change")
}
