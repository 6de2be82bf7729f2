//! What a projection costs per 1,000 commits at several batch sizes, how fast its fold is, and how fast it is rebuilt.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use annals::session::Session;
use annals::system::{Options, System};
use annals_kit::{Clock, CommandId, Money, Recorded, StreamId};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Durability, Store, Trim};
use annals_log::{Commit, Expect, Log, Request, Streams};
use annals_projection::{CannotFold, Contributions, Mode, Projector, ProjectorDeps, Reconciler, Totals, Walk};
use annals_reads::{Item, Reads};
use aws_sdk_dynamodb::types::AttributeValue;
use billing::invoice::{Happened, Invoice, InvoiceIssued, IssueInvoice, Notice, RecordNotice};
use billing::subscription::SubscriptionEvent;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::mrr_movements::{MrrMovements, Recurring};
use billing_projectors::open_invoices::OpenInvoices;
use billing_projectors::payments::Payments;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;
use billing_projectors::rows::{Invoices, Subscriptions};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::pipeline::{Model, fill};
use crate::process::resident_megabytes;
use crate::speed::open;

const LOG: &str = "subscriptions-log";
const COMMITS: u64 = 1_000;
const REBUILT: u64 = 10_000;
const FOLDED: u64 = 2_000_000;

/// MRR again, as a later revision: what a rebuild is for.
struct Later;

impl Totals for Later {
    const NAME: &'static str = MrrMovements::NAME;
    const STREAM_TYPE: &'static str = MrrMovements::STREAM_TYPE;
    const REVISION: u32 = 9;
    type Event = SubscriptionEvent;
    type State = Recurring;

    fn fold(
        stream: &StreamId,
        state: &mut Recurring,
        event: &SubscriptionEvent,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        MrrMovements::fold(stream, state, event, recorded, totals)
    }
}

pub(crate) async fn run() {
    folds().await;
    rebuild().await;
    costs().await;
}

/// A way to a projector of one projection.
type Made = fn(ProjectorDeps) -> Projector;

async fn costs() {
    println!("a projection's cost per {COMMITS} commits; table and indexes together, bus aside");
    println!(" of subscriptions, each new");
    let projections: [(&str, Made); 3] = [
        ("subscriptions", |deps| Projector::new(deps).with::<Subscriptions>()),
        ("mrr-movements", |deps| Projector::new(deps).with_totals::<MrrMovements>()),
        ("active-customers", |deps| Projector::new(deps).with_totals::<ActiveCustomers>()),
    ];
    let system = in_memory().await;
    let model = Model::of(&system).await;
    fill(&system, &model, COMMITS, 1).await;
    cost_of_each(&projections, &records(&system).await).await;
    println!(" of invoices, half of them issued, half paid, in this order");
    let projections: [(&str, Made); 5] = [
        ("invoices", |deps| Projector::new(deps).with::<Invoices>()),
        ("payments", |deps| Projector::new(deps).with_rows::<Payments>()),
        ("open-invoices", |deps| Projector::new(deps).with_rows::<OpenInvoices>()),
        ("revenue-by-month", |deps| Projector::new(deps).with_totals::<RevenueByMonth>()),
        ("receivables-by-customer", |deps| Projector::new(deps).with_totals::<ReceivablesByCustomer>()),
    ];
    let system = in_memory().await;
    issue_and_pay(&deps(&system, "administrator").log, COMMITS / 2).await;
    cost_of_each(&projections, &records(&system).await).await;
}

/// Each of them on a system of its own, which has read nothing yet.
async fn cost_of_each(projections: &[(&str, Made)], records: &[Value]) {
    for (name, made) in projections {
        for batch in [1, 10, 100, 1_000] {
            let system = in_memory().await;
            let projector = made(deps(&system, "administrator"));
            system.local().meter().reset();
            for records in records.chunks(batch) {
                let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
                assert!(projector.handle(event).await.batch_item_failures.is_empty());
            }
            println!("  {name:<23} batches of {batch:>4}: {}", spent(&system));
        }
    }
}

/// So many invoices of as many customers: all issued, then all paid.
async fn issue_and_pay(log: &Log, invoices: u64) {
    let streams = Streams::<Invoice>::new(log.clone());
    let id = |number: u64| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes());
    let request = |number: u64| {
        let (tenant, actor) = ("demo".parse().expect("a tenant"), "bench".parse().expect("an actor"));
        Request::new(&tenant, actor, CommandId(id(number + (1 << 32))), b"")
    };
    let (day, amount) = ("2026-11-01".parse().expect("a day"), Money::new(4900, "EUR".parse().expect("a currency")).expect("an amount"));
    for number in 0..invoices {
        let issue = IssueInvoice(InvoiceIssued {
            invoice_id: id(number),
            subscription_id: id(number),
            customer_id: format!("customer-{number}").parse().expect("a customer"),
            amount,
            tax: None,
            lines: vec![],
            number: None,
            issued_on: day,
            period_start: day,
            period_end: "2026-12-01".parse().expect("a day"),
            provider_invoice: None,
        });
        streams.execute(&request(number), &StreamId::of("INV", id(number)), Expect::New, &issue).await.expect("an invoice");
    }
    for number in 0..invoices {
        let notice =
            Notice { event: format!("evt_{number}").parse().expect("an id"), event_type: "invoice.paid".into(), at: MachineClock.now() };
        let paid = RecordNotice { issue: None, happened: Happened::Paid(amount), notice };
        let stream = StreamId::of("INV", id(number));
        streams.execute(&request(invoices + number), &stream, Expect::Existing, &paid).await.expect("a payment");
    }
}

/// Calls to DynamoDB, and what they consumed.
fn spent(system: &System) -> String {
    let (mut calls, mut read, mut written) = (0, 0.0, 0.0);
    for (counted, reading) in system.local().meter().readings() {
        if counted.service != "dynamodb" {
            continue;
        }
        calls += reading.calls;
        let reads = ["GetItem", "BatchGetItem", "Query"].contains(&counted.operation.as_str());
        *if reads { &mut read } else { &mut written } += reading.capacity;
    }
    format!("{calls:>5} calls, {written:>6.0} WCU, {read:>5.0} RCU")
}

/// How fast commits are folded, on one processor.
async fn folds() {
    let system = in_memory().await;
    let model = Model::of(&system).await;
    fill(&system, &model, 1_000, 1).await;
    let commits: Vec<Commit> = items(&system).await.iter().map(|item| Commit::from_item(item).expect("a commit")).collect();
    let decode =
        |commit: &Commit| -> Vec<SubscriptionEvent> { commit.events.iter().map(|event| event.decode().expect("an event")).collect() };
    let decoded: Vec<_> = commits.iter().map(decode).collect();
    let pure = folded(&commits, |n| Cow::Borrowed(&decoded[n]));
    let whole = folded(&commits, |n| Cow::Owned(decode(&commits[n])));
    println!("folding on one processor: {pure:.0} commits a second, {whole:.0} with decoding their events");
}

/// Commits folded a second, each a stream of its own.
fn folded<'a>(commits: &[Commit], events: impl Fn(usize) -> Cow<'a, Vec<SubscriptionEvent>>) -> f64 {
    let (mut totals, began) = (Contributions::default(), Instant::now());
    for n in 0..FOLDED {
        let n = n as usize % commits.len();
        let (commit, mut state) = (&commits[n], Recurring::default());
        for event in events(n).iter() {
            let recorded = Recorded { version: commit.version, at: commit.recorded_at };
            MrrMovements::fold(&commit.stream, &mut state, event, recorded, &mut totals).expect("a fold");
        }
        black_box(&state);
    }
    black_box(totals);
    FOLDED as f64 / began.elapsed().as_secs_f64()
}

/// The whole rebuild of a projection, against scanning the log and writing an item a stream.
async fn rebuild() {
    println!("rebuilding mrr-movements at a new revision from {REBUILT} commits, against a scan of the log and a conditional put a stream");
    for commits in [1, 10] {
        let directory = tempfile::tempdir().expect("a directory");
        let system = open(directory.path(), Durability::Process).await;
        let model = Model::of(&system).await;
        fill(&system, &model, REBUILT, commits).await;
        system.local().settle().await;
        let began = Instant::now();
        let streams = scan_and_write(&system).await;
        let bare = REBUILT as f64 / began.elapsed().as_secs_f64();
        let (reconciler, clock) = rebuilding(&system);
        let mut walk = Walk::new(clock.now());
        let began = Instant::now();
        reconciler.go_on(&mut walk, Mode::Rebuild, None).await.expect("a walk");
        assert!(walk.finished_at.is_some() && walk.tally.all().mended >= streams);
        let rebuilt = REBUILT as f64 / began.elapsed().as_secs_f64();
        println!(
            "  streams of {commits:>2}: scan and write {bare:>6.0} commits/s, rebuild {rebuilt:>6.0}/s, ratio {:.2}; {} MB resident",
            rebuilt / bare,
            resident_megabytes()
        );
    }
}

/// What rebuilds MRR at a later revision, and its clock.
pub(crate) fn rebuilding(system: &Arc<System>) -> (Reconciler, Arc<dyn Clock>) {
    let deps = deps(system, "billing-reconciler");
    let (reconciler, clock) = (Reconciler::new(deps.log.clone(), deps.clock.clone()), deps.clock.clone());
    (reconciler.feeding(Projector::new(deps).with_totals::<Later>().followers()[0].clone()), clock)
}

async fn scan_and_write(system: &System) -> u64 {
    let client = system.account("administrator").dynamodb();
    let (mut streams, mut after) = (0, None);
    loop {
        let page = client.scan().table_name(LOG).limit(1_000).set_exclusive_start_key(after).send().await.expect("a page");
        let first = AttributeValue::S(format!("{:020}", 1));
        let begin = page.items().iter().filter(|item| item.get("SK") == Some(&first)).map(|item| put(&client, &item["PK"]));
        let puts: Vec<_> = begin.collect();
        streams += puts.len() as u64;
        futures_util::stream::iter(puts).buffer_unordered(16).collect::<Vec<_>>().await;
        after = page.last_evaluated_key;
        if after.is_none() {
            return streams;
        }
    }
}

async fn put(client: &aws_sdk_dynamodb::Client, stream: &AttributeValue) {
    let pk = AttributeValue::S(format!("BARE#{}", stream.as_s().expect("a text")));
    let put = client.put_item().table_name("subscriptions").item("PK", pk).item("SK", AttributeValue::S("META".into()));
    let put = put.item("rev", AttributeValue::N("9".into())).item("ver", AttributeValue::N("1".into()));
    put.condition_expression("attribute_not_exists(PK)").send().await.expect("a put");
}

async fn in_memory() -> Arc<System> {
    let (clock, ids) = (Arc::new(MachineClock), Arc::new(MachineIds));
    let options = Options { store: Store::Memory, durability: Durability::Process, clock, ids, trim: Trim::OncePassed, faults: None };
    let system = System::open(options).await.expect("the system opens");
    system.found_demo().await.expect("a demo organisation");
    Arc::new(system)
}

fn deps(system: &Arc<System>, role: &str) -> ProjectorDeps {
    let host = Session::of((**system).clone()).host(role);
    ProjectorDeps::new(&host, "billing", LOG, access_patterns::billing(), "annals")
}

async fn items(system: &System) -> Vec<Item> {
    let reads = Reads::new(system.account("auditor").dynamodb(), access_patterns::billing());
    let (mut items, mut after) = (vec![], None);
    loop {
        let page = reads.scan_page("verify_log", None, after, None).await.expect("a page");
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
}

/// The log's commits as records of its stream, first commits first.
async fn records(system: &System) -> Vec<Value> {
    let record = |(sequence, item): (usize, Item)| {
        let image = serde_json::to_value(serde_dynamo::Item::from(item)).expect("JSON");
        json!({
            "eventID": sequence.to_string(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/subscriptions-log/stream/2026-01-01T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600.0, "Keys": { "PK": image["PK"], "SK": image["SK"] }, "NewImage": image,
                "SequenceNumber": (100_000_000_000_000_000_000u128 + sequence as u128).to_string(), "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    };
    let mut items = items(system).await;
    items.sort_by_key(|item| item["SK"].as_s().expect("a version").clone());
    items.into_iter().enumerate().map(record).collect()
}
