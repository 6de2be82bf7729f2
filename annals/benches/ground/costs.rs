//! What each projection costs per 1,000 commits, at several batch sizes.

use std::sync::Arc;

use annals::session::Session;
use annals::system::{Options, System};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Durability, Store, Trim};
use annals_log::Log;
use annals_projection::{Projector, ProjectorDeps};
use annals_reads::Item;
use billing_projectors::account_balances::AccountBalances;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::credit_notes::CreditNotes;
use billing_projectors::mrr_movements::MrrMovements;
use billing_projectors::open_invoices::OpenInvoices;
use billing_projectors::payments::Payments;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;
use billing_projectors::rows::{Invoices, Plans, Subscriptions, Webhooks};
use identity_projectors::rows::{ApiKeys, Contacts, Invitations, Members, Organisations, Users};
use notifications_projectors::rows::Notifications;
use serde_json::{Value, json};

use crate::histories::{self, COMMITS};
use crate::pipeline::{Model, fill};

/// A service with a log, and what its projections read.
#[derive(Clone, Copy)]
pub(crate) struct Of {
    service: &'static str,
    pub(crate) log: &'static str,
    matrix: fn() -> Arc<access_patterns::Matrix>,
}

pub(crate) const BILLING: Of = Of { service: "billing", log: "subscriptions-log", matrix: access_patterns::billing };
const IDENTITY: Of = Of { service: "identity", log: "users-log", matrix: access_patterns::identity };
const NOTIFICATIONS: Of = Of { service: "notifications", log: "notifications-log", matrix: access_patterns::notifications };

/// A way to a projector of one projection.
type Made = fn(ProjectorDeps) -> Projector;

pub(crate) async fn run() {
    println!("a projection's cost per {COMMITS} commits; table and indexes together, bus aside");
    of_billing().await;
    of_identity().await;
    println!(" of emails, half of the commits intend one, half say that it was sent, in this order");
    costs(NOTIFICATIONS, histories::emails, &[("notifications", |deps| Projector::new(deps).with::<Notifications>())]).await;
}

async fn of_billing() {
    println!(" of subscriptions, each new, all of one customer");
    let projections: [(&str, Made); 3] = [
        ("subscriptions", |deps| Projector::new(deps).with::<Subscriptions>()),
        ("mrr-movements", |deps| Projector::new(deps).with_totals::<MrrMovements>()),
        ("active-customers", |deps| Projector::new(deps).with_totals::<ActiveCustomers>()),
    ];
    cost_of_each(BILLING, &projections, &subscriptions().await).await;
    println!(" of invoices, half of the commits issue one, half are its payment, in this order");
    let projections: [(&str, Made); 6] = [
        ("invoices", |deps| Projector::new(deps).with::<Invoices>()),
        ("payments", |deps| Projector::new(deps).with_rows::<Payments>()),
        ("open-invoices", |deps| Projector::new(deps).with_rows::<OpenInvoices>()),
        ("revenue-by-month", |deps| Projector::new(deps).with_totals::<RevenueByMonth>()),
        ("receivables-by-customer", |deps| Projector::new(deps).with_totals::<ReceivablesByCustomer>()),
        ("account-balances", |deps| Projector::new(deps).with_totals::<AccountBalances>()),
    ];
    costs(BILLING, histories::paid_invoices, &projections).await;
    println!(" of invoices, half of the commits issue one, half credit it, in this order");
    costs(BILLING, histories::credited_invoices, &[("credit-notes", |deps| Projector::new(deps).with_rows::<CreditNotes>())]).await;
    println!(" of plans, each drafted, and of webhooks that were kept");
    costs(BILLING, histories::plans, &[("plans", |deps| Projector::new(deps).with::<Plans>())]).await;
    costs(BILLING, histories::webhooks, &[("webhooks", |deps| Projector::new(deps).with::<Webhooks>())]).await;
}

async fn of_identity() {
    println!(" of people, organisations with one member, invitations, keys and contacts, each new");
    costs(IDENTITY, histories::users, &[("users", |deps| Projector::new(deps).with::<Users>())]).await;
    let projections: [(&str, Made); 2] = [
        ("organisations", |deps| Projector::new(deps).with::<Organisations>()),
        ("members", |deps| Projector::new(deps).with_rows::<Members>()),
    ];
    costs(IDENTITY, histories::organisations, &projections).await;
    costs(IDENTITY, histories::invitations, &[("invitations", |deps| Projector::new(deps).with::<Invitations>())]).await;
    costs(IDENTITY, histories::api_keys, &[("api-keys", |deps| Projector::new(deps).with::<ApiKeys>())]).await;
    costs(IDENTITY, histories::contacts, &[("contacts", |deps| Projector::new(deps).with::<Contacts>())]).await;
}

/// What these projections cost for a history, as the log's stream hands it over.
async fn costs<F: Future<Output = ()>>(of: Of, history: impl FnOnce(Log) -> F, projections: &[(&str, Made)]) {
    let log = deps(&in_memory().await, "administrator", of).log;
    history(log.clone()).await;
    cost_of_each(of, projections, &records(of, &log).await).await;
}

/// Each of them on a system of its own, which has read nothing yet.
async fn cost_of_each(of: Of, projections: &[(&str, Made)], records: &[Value]) {
    for (name, made) in projections {
        for batch in [1, 10, 100, 1_000] {
            let system = in_memory().await;
            let projector = made(deps(&system, "administrator", of));
            system.local().meter().reset();
            for records in records.chunks(batch) {
                let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
                assert!(projector.handle(event).await.batch_item_failures.is_empty());
            }
            println!("  {name:<23} batches of {batch:>4}: {}", spent(&system));
        }
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

/// Subscriptions as the system creates them.
async fn subscriptions() -> Vec<Value> {
    let system = in_memory().await;
    system.found_demo().await.expect("a demo organisation");
    let model = Model::of(&system).await;
    fill(&system, &model, COMMITS, 1).await;
    records(BILLING, &deps(&system, "administrator", BILLING).log).await
}

/// A system with nothing in it.
pub(crate) async fn in_memory() -> Arc<System> {
    let (clock, ids) = (Arc::new(MachineClock), Arc::new(MachineIds));
    let options = Options { store: Store::Memory, durability: Durability::Process, clock, ids, trim: Trim::OncePassed, faults: None };
    Arc::new(System::open(options).await.expect("the system opens"))
}

pub(crate) fn deps(system: &Arc<System>, role: &str, of: Of) -> ProjectorDeps {
    let host = Session::of((**system).clone()).host(role);
    ProjectorDeps::new(&host, of.service, of.log, (of.matrix)(), "annals")
}

/// The log's commits as its table has them.
pub(crate) async fn items(log: &Log) -> Vec<Item> {
    let (mut items, mut after) = (vec![], None);
    loop {
        let page = log.scan(after).await.expect("a page");
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
}

/// The log's commits as records of its stream, first commits first.
async fn records(of: Of, log: &Log) -> Vec<Value> {
    let record = |(sequence, item): (usize, Item)| {
        let image = serde_json::to_value(serde_dynamo::Item::from(item)).expect("JSON");
        json!({
            "eventID": sequence.to_string(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "eventSourceARN": format!("arn:aws:dynamodb:eu-west-1:000000000000:table/{}/stream/2026-01-01T00:00:00.000", of.log),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600.0, "Keys": { "PK": image["PK"], "SK": image["SK"] }, "NewImage": image,
                "SequenceNumber": (100_000_000_000_000_000_000u128 + sequence as u128).to_string(), "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    };
    let mut items = items(log).await;
    items.sort_by_key(|item| item["SK"].as_s().expect("a version").clone());
    items.into_iter().enumerate().map(record).collect()
}
