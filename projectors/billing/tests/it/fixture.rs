//! A log with a few invoices' histories, their stream records, and a bus whose events can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use annals_kit::ids::SeededIds;
use annals_kit::{Clock, CommandId, Generation, Ids, Money, StreamId, Timestamp, Version};
use annals_lambda::{Account, Host, Metric, Metrics};
use annals_local::randomness::Seeded;
use annals_local::{Call, Config, Fault, Faults, Local, Queue, Role, Rule, Store, Target};
use annals_log::{Commit, Expect, Log, LogConfig, Request, StreamHead, Streams};
use annals_projection::{Consumer, Found, Mode, Projector};
use annals_reads::{Item, Params, Reads};
use aws_sdk_dynamodb::types::AttributeValue;
use billing::invoice::{Happened, Invoice, InvoiceEvent, InvoiceIssued, IssueInvoice, Notice, RecordNotice};
use billing::rows::InvoiceRow;
use chrono::TimeDelta;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const LOG: &str = "subscriptions-log";
pub(crate) const ROWS: &str = "subscriptions";

struct TokioClock(tokio::time::Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let elapsed = chrono::TimeDelta::from_std(self.0.elapsed()).unwrap();
        Timestamp::from_seconds(1_767_225_600).unwrap().plus(elapsed)
    }
}

/// Faults by the number of the call, once armed; or one fault for every PutEvents.
#[derive(Default)]
pub(crate) struct Script {
    faults: Mutex<Vec<Fault>>,
    next: AtomicU64,
    bus: Mutex<Fault>,
}

impl Script {
    pub(crate) fn arm(&self, faults: Vec<Fault>) {
        *self.faults.lock().unwrap() = faults;
        self.next.store(0, Ordering::Relaxed);
    }

    pub(crate) fn calm(&self) {
        self.arm(vec![]);
        *self.bus.lock().unwrap() = Fault::None;
    }

    pub(crate) fn break_bus(&self, fault: Fault) {
        *self.bus.lock().unwrap() = fault;
    }
}

impl Faults for Script {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.operation == "PutEvents" && *self.bus.lock().unwrap() != Fault::None {
            return self.bus.lock().unwrap().clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed) as usize;
        self.faults.lock().unwrap().get(number).cloned().unwrap_or_default()
    }
}

/// What was counted, and how often something was timed.
#[derive(Default)]
pub(crate) struct Counts(Mutex<BTreeMap<Metric, u64>>);

impl Counts {
    pub(crate) fn of(&self, metric: Metric) -> u64 {
        self.0.lock().unwrap().get(&metric).copied().unwrap_or(0)
    }
}

impl Metrics for Counts {
    fn count(&self, _: &'static str, metric: Metric, value: u64, _: &str) {
        *self.0.lock().unwrap().entry(metric).or_default() += value;
    }

    fn time(&self, service: &'static str, metric: Metric, _: TimeDelta, about: &str) {
        self.count(service, metric, 1, about);
    }
}

pub(crate) struct Fixture {
    pub(crate) local: Local,
    pub(crate) account: Account,
    pub(crate) script: Arc<Script>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) reads: Reads,
    pub(crate) log: Log,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, on an account with something more or else.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock(tokio::time::Instant::now()));
        let ids: Arc<dyn Ids> = Arc::new(SeededIds::new(5));
        let script = Arc::new(Script::default());
        let mut config = Config::new(Store::Memory, clock.clone(), Arc::new(Seeded::new(5)));
        config.tables = access_patterns::billing().tables().iter().map(|table| table.create_table_json()).collect();
        let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        config.roles =
            vec![Role { name: "test".into(), access_key_id: "AKIATEST".into(), secret_access_key: "s".into(), policies: vec![everything] }];
        config.queues = vec![Queue::new("published", None)];
        let pattern = json!({ "source": ["billing"] });
        config.rules = vec![Rule { name: "all".into(), bus: "annals".into(), pattern, targets: vec![Target::new("published", None)] }];
        config.faults = Some(script.clone());
        change(&mut config);
        let local = Local::open(config).await.unwrap();
        let account = Account::new(local.http_client(), local.credentials("test").unwrap(), annals_local::arn::REGION);
        let reads = Reads::new(account.sdk_dynamodb(), access_patterns::billing()).with_jitter_seed(5);
        let log = Log::new(account.sdk_dynamodb(), reads.clone(), LogConfig::new(LOG), clock.clone(), ids.clone());
        Self { local, account, script, counts: Arc::default(), reads, log, clock, ids }
    }

    /// A projector with nothing in memory, as after a cold start.
    pub(crate) fn projector(&self) -> Projector {
        billing_projectors::projector(&self.host(), "annals")
    }

    pub(crate) fn host(&self) -> Host {
        let (account, metrics) = (self.account.clone(), self.counts.clone());
        Host { account, metrics, clock: self.clock.clone(), ids: self.ids.clone(), generation: Generation::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many read an invoice's stream: its row, and every projection beside it that says so.
    pub(crate) async fn readers(&self) -> u64 {
        let head = StreamHead { stream: StreamId::of("INV", Uuid::nil()), version: Version::FIRST, recorded_at: None, commits: vec![] };
        let mut readers = 1;
        for follower in self.projector().followers() {
            let found = follower.reconcile(std::slice::from_ref(&head), Mode::Look).await;
            readers += u64::from(found != [Found::NotRead]);
        }
        readers
    }

    /// An invoice with this many commits: issued, then failed attempts, and paid at last if `paid`.
    pub(crate) async fn invoice(&self, number: u128, commits: u32, paid: bool) -> StreamId {
        let streams = Streams::<Invoice>::new(self.log.clone());
        let stream = StreamId::of("INV", Uuid::from_u128(number));
        let issue = issue(number);
        let amount = issue.0.amount;
        streams.execute(&self.request(), &stream, Expect::New, &issue).await.unwrap();
        for attempt in 1..commits {
            let last = attempt == commits - 1;
            let happened = if last && paid { Happened::Paid(amount) } else { Happened::Failed { due: amount, attempt } };
            self.notice(&streams, &stream, attempt, happened).await;
        }
        stream
    }

    /// One failed attempt to pay more, whatever an invoice's state makes of it.
    pub(crate) async fn attempt(&self, stream: &StreamId, attempt: u32) {
        let due = Money::new(4900, "EUR".parse().unwrap()).unwrap();
        self.notice(&Streams::new(self.log.clone()), stream, attempt, Happened::Failed { due, attempt }).await;
    }

    /// The same where faults may be in the way.
    pub(crate) async fn try_attempt(&self, stream: &StreamId, attempt: u32) {
        let due = Money::new(4900, "EUR".parse().unwrap()).unwrap();
        let notice = Notice { event: format!("evt_{attempt}").parse().unwrap(), event_type: "t".into(), at: self.clock.now() };
        let command = RecordNotice { issue: None, happened: Happened::Failed { due, attempt }, notice };
        let streams = Streams::<Invoice>::new(self.log.clone());
        // Refused by an outage: then it is not in the log.
        let _ = streams.execute(&self.request(), stream, Expect::Existing, &command).await;
    }

    /// A stream's stored commits as far as faults let them be read.
    pub(crate) async fn try_items(&self, stream: &StreamId) -> Vec<Item> {
        self.log.from_version(stream, Version::FIRST, 1000, None).await.map(|page| page.items).unwrap_or_default()
    }

    async fn notice(&self, streams: &Streams<Invoice>, stream: &StreamId, attempt: u32, happened: Happened) {
        let notice = Notice { event: format!("evt_{attempt}").parse().unwrap(), event_type: "t".into(), at: self.clock.now() };
        let command = RecordNotice { issue: None, happened, notice };
        streams.execute(&self.request(), stream, Expect::Existing, &command).await.unwrap();
    }

    /// Appends a commit of a type that this code does not know, after the one in `last`.
    pub(crate) async fn append_unknown(&self, last: &Item) {
        let mut item = last.clone();
        let number: u64 = last["SK"].as_s().unwrap().parse().unwrap();
        let event = [
            ("t", AttributeValue::S("SOMETHING_STRANGE".into())),
            ("v", AttributeValue::N("1".into())),
            ("p", AttributeValue::M(Default::default())),
        ];
        item.insert("SK".into(), AttributeValue::S(format!("{:020}", number + 1)));
        item.insert("h".into(), AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0; 32])));
        item.insert("e".into(), AttributeValue::L(vec![AttributeValue::M(event.map(|(name, value)| (name.to_owned(), value)).into())]));
        self.account.sdk_dynamodb().put_item().table_name(LOG).set_item(Some(item)).send().await.unwrap();
    }

    fn request(&self) -> Request {
        Request::new(&"demo".parse().unwrap(), "tester".parse().unwrap(), CommandId(self.ids.uuid()), b"")
    }

    /// A stream's stored commits, oldest first.
    pub(crate) async fn items(&self, stream: &StreamId) -> Vec<Item> {
        self.log.from_version(stream, Version::FIRST, 1000, None).await.unwrap().items
    }

    /// The stored row, as far as faults let it be read.
    pub(crate) async fn try_row(&self, stream: &StreamId) -> Option<Item> {
        self.reads.get_item("get_invoice_strong", &Params::new().text("id", stream.id())).await.ok()?
    }

    /// The stored row: its version and content.
    pub(crate) async fn row(&self, stream: &StreamId) -> Option<Item> {
        self.reads.get_item("get_invoice_strong", &Params::new().text("id", stream.id())).await.unwrap()
    }

    /// The ids of the events on the bus, each as often as it came.
    pub(crate) fn published(&self) -> Vec<String> {
        let messages = self.local.peek("published", 100_000);
        messages
            .iter()
            .map(|message| {
                serde_json::from_str::<Value>(&message.body).unwrap()["detail"]["metadata"]["event_id"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    pub(crate) fn published_ids(&self) -> BTreeSet<String> {
        self.published().into_iter().collect()
    }
}

/// Issues the invoice of this number.
pub(crate) fn issue(number: u128) -> IssueInvoice {
    let day = "2026-01-01".parse().unwrap();
    IssueInvoice(InvoiceIssued {
        invoice_id: Uuid::from_u128(number),
        subscription_id: Uuid::from_u128(9),
        customer_id: "ada".parse().unwrap(),
        amount: Money::new(4900, "EUR".parse().unwrap()).unwrap(),
        issued_on: day,
        period_start: day,
        period_end: "2026-02-01".parse().unwrap(),
        tax: None,
        lines: vec![],
        number: None,
        provider_invoice: None,
    })
}

/// A stream record as AWS hands it to a function.
pub(crate) fn record(kind: &str, sequence: usize, item: &Item) -> Value {
    let image = serde_json::to_value(serde_dynamo::Item::from(item.clone())).unwrap();
    json!({
        "eventID": format!("{sequence}"), "eventName": kind, "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/subscriptions-log/stream/2026-01-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_767_225_600.0, "Keys": { "PK": image["PK"], "SK": image["SK"] },
            "NewImage": image, "SequenceNumber": format!("{}", 100_000_000_000_000_000_000u128 + sequence as u128), "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

/// Hands records to the projector as one batch; the number of the lowest record that must come again.
pub(crate) async fn deliver(projector: &Projector, records: &[Value]) -> Option<usize> {
    let event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let answer = annals_projection::handle(LambdaEvent::new(event, Context::default()), projector).await.unwrap();
    let lowest = answer.batch_item_failures.first()?.item_identifier.clone().unwrap();
    assert!(answer.batch_item_failures.len() == 1);
    Some(records.iter().position(|record| record["dynamodb"]["SequenceNumber"] == lowest).expect("the number is one of the batch"))
}

/// The row that a stream's history folds to.
pub(crate) fn fold(items: &[Item]) -> InvoiceRow {
    let mut row = None;
    for item in items {
        let commit = Commit::from_item(item).unwrap();
        let recorded = annals_kit::Recorded { version: commit.version, at: commit.recorded_at };
        for event in &commit.events {
            row = InvoiceRow::fold(row, &event.decode::<InvoiceEvent>().unwrap(), recorded);
        }
    }
    row.unwrap()
}

pub(crate) fn version(row: &Item) -> u64 {
    match &row["ver"] {
        AttributeValue::N(digits) => digits.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}
