//! 25 hours without consumers: the streams forget, no further commit comes, and the reconciler brings everyone, the ledgers too, to what the
//! log has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals::cli::{Cli, Command};
use annals::commands;
use annals::outcome::Answer;
use annals::session::Session;
use annals_kit::{Event, Recorded};
use annals_ledger::{LedgerTable, Reader};
use annals_local::{Call, Fault, Faults};
use annals_log::Commit;
use annals_reads::{Item, Reads};
use billing::rows::{InvoiceRow, SubscriptionRow, WebhookRow};
use clap::Parser;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::{World, notice};

/// What was put on the bus, by event id, and whether every walk of a log read strongly. It breaks nothing.
#[derive(Default)]
struct Observer {
    published: Mutex<BTreeSet<String>>,
    scans: Mutex<Vec<bool>>,
}

impl Faults for Observer {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.operation == "PutEvents" {
            let entries = call.body["Entries"].as_array().unwrap().iter();
            let details = entries.map(|entry| serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap()).unwrap());
            self.published.lock().unwrap().extend(details.map(|detail| detail["metadata"]["event_id"].as_str().unwrap().to_owned()));
        }
        if call.operation == "Scan" && call.role.ends_with("-reconciler") {
            self.scans.lock().unwrap().push(call.body["ConsistentRead"] == true);
        }
        Fault::None
    }
}

/// Every stream's history, as its log has it.
async fn histories(world: &World) -> BTreeMap<String, Vec<Commit>> {
    let mut histories = BTreeMap::<String, Vec<Commit>>::new();
    for item in world.items("subscriptions-log").await {
        let commit = Commit::from_item(&item).unwrap();
        histories.entry(commit.stream.to_string()).or_default().push(commit);
    }
    histories.values_mut().for_each(|commits| commits.sort_by_key(|commit| commit.version));
    histories
}

fn fold<E: Event, R>(commits: &[Commit], step: impl Fn(Option<R>, &E, Recorded) -> Option<R>) -> Option<R> {
    let mut row = None;
    for commit in commits {
        let recorded = Recorded { version: commit.version, at: commit.recorded_at };
        row = commit.events.iter().fold(row, |row, event| step(row, &event.decode::<E>().unwrap(), recorded));
    }
    row
}

fn shown<R: DeserializeOwned>(row: &Item) -> Option<R> {
    Some(serde_dynamo::from_item(row.clone()).unwrap())
}

/// The streams whose row is not the fold of their history.
async fn behind(world: &World) -> Vec<String> {
    // Under a stream's key there may be further rows.
    let first = world.items("subscriptions").await.into_iter().filter(|row| row["SK"].as_s().unwrap() == "META");
    let rows: BTreeMap<String, Item> = first.map(|row| (row["PK"].as_s().unwrap().clone(), row)).collect();
    let mut behind = vec![];
    for (stream, commits) in histories(world).await {
        let row = rows.get(&stream);
        let id = stream.split_once('#').unwrap().1.to_owned();
        let equal = match stream.split('#').next().unwrap() {
            "SUB" => row.and_then(shown::<SubscriptionRow>) == fold(&commits, SubscriptionRow::fold),
            "INV" => row.and_then(shown::<InvoiceRow>) == fold(&commits, InvoiceRow::fold),
            "HOOK" => row.and_then(shown::<WebhookRow>) == fold(&commits, |row, event, at| WebhookRow::fold(&id, row, event, at)),
            _ => true,
        };
        if !equal {
            behind.push(stream);
        }
    }
    behind
}

/// The events that the bus should have had, by id.
async fn to_publish(world: &World) -> BTreeSet<String> {
    let published = [
        "SUBSCRIPTION_CREATED",
        "SUBSCRIPTION_BECAME_PAST_DUE",
        "SUBSCRIPTION_ARREARS_SETTLED",
        "INVOICE_ISSUED",
        "PAYMENT_RECEIVED",
        "PAYMENT_FAILED",
        "DUNNING_STARTED",
        "DUNNING_STOPPED",
    ];
    let histories = histories(world).await;
    let events = histories.values().flatten().flat_map(|commit| commit.events.iter().enumerate().map(move |(n, event)| (commit, n, event)));
    events
        .filter(|(_, _, event)| published.contains(&event.event_type.as_str()))
        .map(|(commit, n, _)| commit.event_id(n).to_string())
        .collect()
}

/// A service's log and ledger.
const LEDGERS: [(&str, &str); 3] =
    [("subscriptions-log", "subscriptions-ledger"), ("users-log", "users-ledger"), ("notifications-log", "notifications-ledger")];

/// The keys of the commits in a ledger, each as often as it is there, sorted.
async fn sequenced(world: &World, ledger: &'static str) -> Vec<(String, String)> {
    let client = world.system.account("auditor").sdk_dynamodb();
    let has_it = |matrix: &Arc<access_patterns::Matrix>| matrix.tables().iter().any(|table| table.name() == ledger);
    let matrix = access_patterns::all().into_iter().find(has_it).unwrap();
    let (mut walk, mut keys) = (Reader::new(LedgerTable::new(client.clone(), Reads::new(client, matrix), ledger)).all(), vec![]);
    while let Some(entries) = walk.next_entries().await.unwrap() {
        keys.extend(entries.iter().map(|entry| entry.fact.key()));
    }
    keys.sort();
    keys
}

/// The keys of the commits in a log, sorted.
async fn committed(world: &World, log: &str) -> Vec<(String, String)> {
    let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let mut keys: Vec<_> = world.items(log).await.iter().map(|item| (text(item, "PK"), text(item, "SK"))).collect();
    keys.sort();
    keys
}

/// `annals verify`.
async fn verifies(world: &World) -> bool {
    let command = Cli::parse_from(["annals", "verify"]).command.unwrap();
    assert!(matches!(command, Command::Verify(_)));
    let answer = commands::ask(&Session::of(world.system.clone()), command, Path::new("unused")).await.unwrap();
    matches!(answer, Answer::Yes)
}

#[tokio::test(start_paused = true)]
async fn after_25_hours_without_consumers_rows_bus_emails_and_ledgers_converge_by_the_reconciler() {
    let observer = Arc::new(Observer::default());
    let mut world = World::that_forgets(observer.clone()).await;
    let early = world.invoice(&world.subscribe("early", "ada").await).await;
    world.settle().await;
    world.pause().await;
    // The row of one stream is behind, that of another is missing.
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &early, 4900, 1)).await.status, 200);
    let late = world.invoice(&world.subscribe("late", "bob").await).await;
    assert_eq!(world.webhook(&notice("evt_2", "invoice.payment_failed", &late, 0, 1)).await.status, 200);
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    world.system.local().trim();

    let has = sequenced(&world, "subscriptions-ledger").await;
    let lacks = committed(&world, "subscriptions-log").await.into_iter().filter(|key| !has.contains(key));
    let unsequenced = lacks.map(|(stream, _)| stream).collect::<BTreeSet<_>>().len();
    world.resume();
    world.settle().await;
    // The records are gone: what comes now, the reconciler brings, woken by its schedule; the alarm below says how much it was.
    for _ in 0..2 {
        for function in ["billing-reconciler", "identity-reconciler", "notifications-reconciler"] {
            let report = world.system.local().invoke(function, json!({ "source": "aws.scheduler" })).await.unwrap();
            assert_eq!((&report["finished"], &report["stopped"]), (&json!(true), &Value::Null), "{report}");
        }
        world.settle().await;
        assert_eq!(behind(&world).await, Vec::<String>::new());
        for (log, ledger) in LEDGERS {
            assert_eq!(sequenced(&world, ledger).await, committed(&world, log).await, "{ledger} has every commit exactly once");
        }
        assert!(verifies(&world).await);
        let mut published = observer.published.lock().unwrap().clone();
        // Of identity's events, those of the founding and of contacts are here: this is about billing's.
        published.retain(|event| ["/SUB#", "/INV#", "/HOOK#"].iter().any(|kind| event.contains(kind)));
        assert_eq!(published, to_publish(&world).await);
        assert_eq!(world.system.local().mail().unwrap().len(), 2, "one receipt and one notice, and none again");
    }
    let scans = observer.scans.lock().unwrap().clone();
    assert!(!scans.is_empty() && scans.iter().all(|strong| *strong), "a walk reads strongly: {scans:?}");
    let lacking = world.alarms().into_iter().find(|alarm| alarm.name == "stream-lacking-billing").unwrap();
    assert!(unsequenced >= 3);
    for said in [format!("ledger lacked {unsequenced} streams"), "rows lacked 3 streams".to_owned()] {
        assert!(lacking.details.iter().any(|detail| detail.contains(&said)), "{said}: {lacking:?}");
    }
}
