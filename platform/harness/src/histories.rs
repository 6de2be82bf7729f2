//! Streams of a service's stored events, and their commits delivered in whatever order and batches: for the law that each projection keeps.
//!
//! The law: a projection is the fold of its streams. What is compared with the folds is what the kit has stored on an account in memory.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use access_patterns::{Matrix, Table};
use annals_kit::event::schema_of;
use annals_kit::ids::SeededIds;
use annals_kit::{Clock, CommandId, Event, Generation, StoredEvent, StreamId, Tenant, Timestamp, Version};
use annals_lambda::{Account, Host};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, Store, arn};
use annals_log::{Commit, CommitHash, RequestHash};
use annals_projection::story::{Given, given};
use annals_projection::{Consumer, Projector, ProjectorDeps, Rows, Totals};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{ADMINISTRATOR, Nowhere, administrator};

/// Says which stream and projection wrote a row.
const OWNER: &str = "owner";
/// The attributes that the kit adds to a row.
const BY_THE_KIT: [&str; 6] = ["PK", "SK", "rev", "ver", "tenant", OWNER];

/// The newest stored form of an event of this type, as the service's golden files have it (`domain/<service>/tests/golden`).
///
/// # Panics
/// Where there is no such file, or it holds something else.
pub fn golden<E: Event>(service: &str, event_type: &str) -> E {
    let version = schema_of::<E>(event_type).unwrap_or_else(|| panic!("these streams have no {event_type}")).version();
    let file = format!("../../domain/{service}/tests/golden/{event_type}-{version}.json");
    let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let stored: StoredEvent = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    stored.decode().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Some streams, and batches of their commits as a function may get them: late, again, in any order, or never.
#[derive(Clone, Debug)]
pub struct Told<E> {
    /// Each stream's commits, oldest first: days since the one before, and its events.
    pub streams: Vec<Vec<(u16, Vec<E>)>>,
    /// Places in the list of all commits.
    pub batches: Vec<Vec<Index>>,
}

/// Up to four streams of the service's golden events in any order, and up to five batches of their commits.
pub fn told<E: Event + Clone + Debug + 'static>(service: &str) -> impl Strategy<Value = Told<E>> + use<E> {
    let events: Vec<E> = E::SCHEMAS.iter().map(|schema| golden(service, schema.event_type)).collect();
    // Often on one day, and now and then over the end of a month.
    let days = prop_oneof![Just(0u16), 1u16..40];
    let commit = (days, prop::collection::vec(prop::sample::select(events), 1..3));
    let streams = prop::collection::vec(prop::collection::vec(commit, 1..7), 1..5);
    let batches = prop::collection::vec(prop::collection::vec(any::<Index>(), 0..8), 0..6);
    (streams, batches).prop_map(|(streams, batches)| Told { streams, batches })
}

/// Delivers the commits to a projection of totals and compares every total with the sum of the folds of the streams.
///
/// # Panics
/// Where they differ.
pub fn totals_are_the_folds<P: Totals<Event: Clone>>(service: &'static str, log: &'static str, told: &Told<P::Event>) {
    run(async {
        let stage = Stage::of(service, log, told, P::STREAM_TYPE).await;
        let projector = stage.projector().with_totals::<P>();
        stage.deliver(&projector, told).await;
        let mut folds = BTreeMap::new();
        for (key, sum, count) in
            stage.histories.iter().flat_map(|history| up_to_parking(history, |given| given.totals::<P>().ok())).flatten()
        {
            let total: &mut (i128, i128) = folds.entry(key).or_default();
            *total = (total.0 + sum, total.1 + count);
        }
        folds.retain(|_, total| *total != (0, 0));
        let follower = &projector.followers()[0];
        // Readers see a revision above the first when a walk has found nothing lacking: here, everything was delivered.
        follower.walked().await.expect("the administrator may");
        let stored = follower.totals(&tenant()).await.expect("the administrator may");
        let stored: BTreeMap<_, _> = stored.into_iter().map(|(key, amount)| (key.to_string(), (amount.sum, amount.count))).collect();
        assert_eq!(stored, folds, "the stored totals, and the sums of the folds");
    });
}

/// Delivers the commits to a projection of rows and compares what is stored with the rows of the folds of the streams.
///
/// Golden events of every stream name the same ids: rows take theirs from the stream.
///
/// # Panics
/// Where they differ.
pub fn rows_are_the_folds<P: Rows<Event: Clone>>(service: &'static str, log: &'static str, told: &Told<P::Event>) {
    run(async {
        let stage = Stage::of(service, log, told, P::STREAM_TYPE).await;
        stage.deliver(&stage.projector().with_rows::<P>(), told).await;
        let folds = stage.histories.iter().flat_map(|history| up_to_parking(history, |given| given.rows::<P>().ok())).flatten();
        let mut folds: Vec<Value> = folds.map(|(_, row)| plain(row)).collect();
        let mut stored = stage.rows().await;
        stored.retain(|row| folds.iter().position(|fold| fold == row).map(|same| folds.swap_remove(same)).is_none());
        assert!(stored.is_empty() && folds.is_empty(), "only stored: {stored:#?}; only in the folds: {folds:#?}");
    });
}

/// One stream's commits, and what they hold.
struct History<E> {
    stream: StreamId,
    commits: Vec<(Timestamp, Vec<E>)>,
}

/// What the history's longest part without an event that cannot be folded comes to: there the stream is parked.
fn up_to_parking<E: Clone, T>(history: &History<E>, fold: impl Fn(Given<E>) -> Option<T>) -> Option<T> {
    (0..=history.commits.len()).rev().find_map(|commits| {
        let events = history.commits[..commits].iter().flat_map(|(at, events)| events.iter().map(|event| (*at, event.clone())));
        fold(events.fold(given(history.stream.clone()), |given, (at, event)| given.on(at, event)))
    })
}

/// An account in memory with the service's tables, and the streams in its log.
struct Stage<E> {
    service: &'static str,
    log: &'static str,
    matrix: Arc<Matrix>,
    host: Host,
    histories: Vec<History<E>>,
    commits: Vec<Item>,
    _local: Local,
}

impl<E: Event + Clone> Stage<E> {
    async fn of(service: &'static str, log: &'static str, told: &Told<E>, stream_type: &'static str) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Still(first_day()));
        let matrix = access_patterns::all().into_iter().find(|matrix| matrix.service() == service).expect("the service has a matrix");
        let mut config = Config::new(Store::Memory, clock.clone(), Arc::new(Seeded::new(23)));
        config.tables = matrix.tables().iter().map(Table::definition_json).collect();
        config.roles = vec![administrator()];
        let local = Local::open(config).await.expect("an account in memory opens");
        let credentials = local.credentials(ADMINISTRATOR).expect("the account has one");
        let account = Account::new(local.http_client(), credentials, arn::REGION);
        let host =
            Host { account, metrics: Arc::new(Nowhere), clock, ids: Arc::new(SeededIds::new(23)), generation: Generation::default() };
        let histories = histories(told, stream_type);
        let commits: Vec<Item> = histories.iter().flat_map(items).collect();
        for item in &commits {
            let put = host.account.sdk_dynamodb().put_item().table_name(log).set_item(Some(item.clone()));
            put.send().await.expect("the administrator may");
        }
        Self { service, log, matrix, host, histories, commits, _local: local }
    }

    fn projector(&self) -> Projector {
        Projector::new(ProjectorDeps::new(&self.host, self.service, self.log, self.matrix.clone(), "annals"))
    }

    /// The batches, and then each stream's last commit, as something has to tell that the stream has gone on.
    async fn deliver(&self, projector: &Projector, told: &Told<E>) {
        let batches = told.batches.iter().map(|batch| batch.iter().map(|index| index.get(&self.commits)).collect::<Vec<_>>());
        let last = |history: &History<E>| {
            let key = AttributeValue::S(history.stream.to_string());
            self.commits.iter().rfind(|item| item["PK"] == key).expect("a stream has commits")
        };
        let last = self.histories.iter().map(last).collect();
        for batch in batches.chain([last]) {
            let records: Vec<Value> = batch.iter().enumerate().map(|(sequence, item)| self.record(sequence, item)).collect();
            let event = serde_json::from_value(json!({ "Records": records })).expect("this is how AWS writes records");
            let answer = projector.handle(event).await;
            assert!(answer.batch_item_failures.is_empty(), "no fault is in the way");
        }
    }

    /// A stream record as AWS hands it to a function.
    fn record(&self, sequence: usize, item: &Item) -> Value {
        let image = serde_json::to_value(serde_dynamo::Item::from(item.clone())).expect("an item is JSON");
        json!({
            "eventID": sequence.to_string(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": arn::REGION,
            "eventSourceARN": format!("arn:aws:dynamodb:{}:{}:table/{}/stream/2026-01-01T00:00:00.000", arn::REGION, arn::ACCOUNT, self.log),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600.0, "Keys": { "PK": image["PK"], "SK": image["SK"] }, "NewImage": image,
                "SequenceNumber": format!("{}", 100_000_000_000_000_000_000u128 + sequence as u128), "SizeBytes": 1,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    }

    /// Every stored row, without what the kit adds.
    async fn rows(&self) -> Vec<Value> {
        let mut rows = vec![];
        for table in self.matrix.tables().iter().filter(|table| !table.append_only()) {
            let scan =
                self.host.account.sdk_dynamodb().scan().table_name(table.name()).limit(1000).send().await.expect("the administrator may");
            rows.extend(scan.items().iter().filter(|item| item.contains_key(OWNER)).cloned().map(plain));
        }
        rows
    }
}

/// The histories, with ids and times: the streams are `1`, `2` and so on, as UUIDs.
fn histories<E: Event + Clone>(told: &Told<E>, stream_type: &'static str) -> Vec<History<E>> {
    let numbered = (1u128..).zip(&told.streams);
    let history = |(number, commits): (u128, &Vec<(u16, Vec<E>)>)| {
        let at = commits.iter().scan(first_day(), |at, (days, events)| {
            *at = at.plus(TimeDelta::days((*days).into()));
            Some((*at, events.clone()))
        });
        History { stream: StreamId::of(stream_type, Uuid::from_u128(number)), commits: at.collect() }
    };
    numbered.map(history).collect()
}

/// A history's commits as the log stores them, each with the hash of the one before.
fn items<E: Event>(history: &History<E>) -> Vec<Item> {
    let (mut items, mut version, mut previous) = (vec![], None, None);
    for (at, events) in &history.commits {
        let this = Version::after(version);
        let commit = Commit {
            stream: history.stream.clone(),
            version: this,
            generation: Generation(0),
            recorded_at: *at,
            tenant: tenant(),
            actor: "tester".parse().expect("an actor"),
            command: CommandId(Uuid::from_u128(this.get().into())),
            request: RequestHash([0; 16]),
            correlation: Uuid::from_u128(this.get().into()),
            causation: None,
            previous,
            events: events.iter().map(StoredEvent::encode).collect(),
        };
        let item = commit.to_item().expect("golden events can be stored");
        (version, previous) = (Some(this), Some(CommitHash::of(&item).expect("a commit's item has a hash")));
        items.push(item);
    }
    items
}

fn plain(mut row: Item) -> Value {
    BY_THE_KIT.iter().for_each(|name| drop(row.remove(*name)));
    serde_json::to_value(serde_dynamo::Item::from(row)).expect("an item is JSON")
}

fn tenant() -> Tenant {
    "demo".parse().expect("a tenant")
}

fn first_day() -> Timestamp {
    "2026-01-01T00:00:00.000000Z".parse().expect("a time")
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime for one thread").block_on(test);
}

/// A clock that stands still: no projection of rows or totals asks it for anything.
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}
