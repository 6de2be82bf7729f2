//! The tampering drill: whatever is done to log or ledger behind the system's back, it is detected, and the report names the check.

use std::path::Path;

use annals::cli::Cli;
use annals::commands;
use annals::outcome::Answer;
use annals::session::Session;
use annals_ledger::objects::checkpoint_path;
use annals_ledger::verify::{Population, Verifier};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;
use serde_json::{Value, json};

use crate::world::World;

const LOG: &str = "subscriptions-log";
const LEDGER: &str = "subscriptions-ledger";

/// Subscriptions and invoices, sequenced and signed.
async fn world() -> World {
    let world = World::new().await;
    for customer in ["ada", "bob", "eve"] {
        world.invoice(&world.subscribe(customer, customer).await).await;
        world.settle().await;
    }
    sign(&world).await.unwrap();
    assert_eq!(report(&world).await, "yes");
    world
}

async fn sign(world: &World) -> Result<Value, String> {
    let told = world.system.local().invoke("billing-signer", json!({})).await.map_err(|error| format!("{error:?}"))?;
    match told["refused"].as_str() {
        Some(refused) => Err(refused.to_owned()),
        None => Ok(told),
    }
}

/// What `annals verify` says: the exit code, and of the ledger the check that failed.
async fn report(world: &World) -> String {
    let cli = Cli::try_parse_from(["annals", "verify"]).unwrap();
    let answer = commands::ask(&Session::of(world.system.clone()), cli.command.unwrap(), Path::new("unused")).await.unwrap();
    let found = check(world).await;
    assert_eq!(answer == Answer::Yes, found == "yes", "{found}");
    found
}

/// The check that fails on billing's ledger and log; `chain` where it is the log's own.
async fn check(world: &World) -> String {
    let session = Session::of(world.system.clone());
    let ledger = world.system.ledgers().of_service("billing").clone();
    let table = (annals::logs::ServiceLog::of("billing").ledger)(&session.host("auditor"));
    let verifier = Verifier { table, objects: &*ledger.objects, key: Some(ledger.key.verifier()) };
    let walked = match verifier.walk([7; 32]).await.unwrap() {
        Ok(walked) => walked,
        Err(finding) => return finding.check.to_owned(),
    };
    let client = world.system.account("auditor").sdk_dynamodb();
    let reads = annals_reads::Reads::new(client.clone(), access_patterns::billing());
    let ids = std::sync::Arc::new(annals_kit::ids::SeededIds::new(1));
    let log = annals_log::Log::new(client, reads, annals_log::LogConfig::new(LOG), world.clock.clone(), ids);
    let (mut population, mut chains) = (Population::new([7; 32]), std::collections::BTreeMap::new());
    let mut items = world.items(LOG).await;
    items.sort_by_key(|item| item["SK"].as_s().unwrap().clone());
    for item in &items {
        population.add(item);
        let stream: annals_kit::StreamId = item["PK"].as_s().unwrap().parse().unwrap();
        let chain = chains.entry(stream.clone()).or_insert_with(|| annals_log::verify::Chain::new(stream));
        if chain.check(item).is_err() {
            return "chain".into();
        }
    }
    match verifier.compare(walked, &population, &log, world.clock.now()).await.unwrap() {
        Ok(_) => "yes".into(),
        Err(finding) => finding.check.into(),
    }
}

async fn put(world: &World, table: &str, item: &Item) {
    let client = world.system.account("administrator").sdk_dynamodb();
    client.put_item().table_name(table).set_item(Some(item.clone())).send().await.unwrap();
}

async fn delete(world: &World, table: &str, item: &Item) {
    let client = world.system.account("administrator").sdk_dynamodb();
    let call = client.delete_item().table_name(table).key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
    call.send().await.unwrap();
}

/// The batches of the ledger, in order.
async fn batches(world: &World) -> Vec<Item> {
    let mut batches: Vec<_> = world.items(LEDGER).await.into_iter().filter(|item| item.contains_key("e")).collect();
    batches.sort_by_key(|item| item["SK"].as_s().unwrap().clone());
    batches
}

#[tokio::test(start_paused = true)]
async fn a_byte_of_any_commit() {
    let mut world = world().await;
    world.pause().await;
    for item in world.items(LOG).await {
        let mut changed = item.clone();
        changed.insert("a".into(), AttributeValue::S("mallory".into()));
        put(&world, LOG, &changed).await;
        let found = report(&world).await;
        assert!(["commit-hash", "chain"].contains(&found.as_str()), "{found}");
        put(&world, LOG, &item).await;
        assert_eq!(report(&world).await, "yes");
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_commit_deleted() {
    let mut world = world().await;
    world.pause().await;
    let items = world.items(LOG).await;
    let newest = items.iter().max_by_key(|item| item["t"].as_s().unwrap().clone()).unwrap();
    delete(&world, LOG, newest).await;
    assert_eq!(report(&world).await, "commit-lost");
    // While the system runs, the log's own stream tells at once.
    put(&world, LOG, newest).await;
    world.resume();
    delete(&world, LOG, newest).await;
    world.settle().await;
    assert!(world.alarms().iter().any(|alarm| alarm.name == "log-tampered-billing"));
}

#[tokio::test(start_paused = true)]
async fn ledger_items_deleted_or_reordered() {
    let mut world = world().await;
    world.pause().await;
    let batches = batches(&world).await;
    assert!(batches.len() >= 3);
    let last = batches.len() - 1;
    for (place, batch) in batches.iter().enumerate() {
        delete(&world, LEDGER, batch).await;
        let found = report(&world).await;
        assert_eq!(found, if place == last { "checkpoint-beyond-ledger" } else { "ledger-order" });
        put(&world, LEDGER, batch).await;
    }
    // Two change places, each with the other's content.
    let (one, other) = (&batches[0], &batches[1]);
    let with = |place: &Item, content: &Item| {
        let mut item = content.clone();
        item.insert("SK".into(), place["SK"].clone());
        item
    };
    put(&world, LEDGER, &with(one, other)).await;
    put(&world, LEDGER, &with(other, one)).await;
    let found = report(&world).await;
    assert!(["ledger-order", "checkpoint-root"].contains(&found.as_str()), "{found}");
}

#[tokio::test(start_paused = true)]
async fn an_older_copy_restored_and_gone_on_with() {
    let mut world = world().await;
    let (log, ledger) = (world.items(LOG).await, world.items(LEDGER).await);
    world.invoice(&world.subscribe("late", "late").await).await;
    world.settle().await;
    sign(&world).await.unwrap();
    world.pause().await;
    // Both tables go back to the copy; the checkpoints, which are elsewhere, do not.
    for (table, copy) in [(LOG, &log), (LEDGER, &ledger)] {
        for item in world.items(table).await.iter().filter(|item| !copy.contains(item)) {
            delete(&world, table, item).await;
        }
    }
    assert_eq!(report(&world).await, "checkpoint-beyond-ledger");
    assert!(sign(&world).await.unwrap_err().contains("checkpoint-beyond-ledger"));
    // And goes on: as many entries again, and other ones.
    world.resume();
    for customer in ["new", "newer"] {
        world.invoice(&world.subscribe(customer, customer).await).await;
    }
    world.settle().await;
    // A sequencer that was not restarted leaves a gap; one that was writes over what was signed.
    let found = report(&world).await;
    assert!(["ledger-order", "checkpoint-root"].contains(&found.as_str()), "{found}");
    assert!(sign(&world).await.is_err());
    assert!(world.alarms().iter().any(|alarm| alarm.name == "ledger-refused-billing"));
}

#[tokio::test(start_paused = true)]
async fn the_log_forked_with_a_ledger_of_its_own() {
    let world = world().await;
    let ours = world.system.ledgers().of_service("billing").clone();
    let size = ours.objects.newest_checkpoint().await.unwrap().unwrap();
    // Whoever holds the key shows another history to somebody else.
    let other = World::new().await;
    for customer in ["x", "y", "z", "w"] {
        other.invoice(&other.subscribe(customer, customer).await).await;
        other.settle().await;
    }
    let table = (annals::logs::ServiceLog::of("billing").ledger)(&Session::of(other.system.clone()).host("auditor"));
    let forked = annals_ledger::objects::Memory::default();
    let objects = std::sync::Arc::new(forked);
    annals_ledger::signer::Signer::new(table.clone(), objects.clone(), ours.key.clone()).sign().await.unwrap();
    // Whoever kept our checkpoint asks for the proof that theirs extends it, and there is none.
    let kept = ours.objects.read(&checkpoint_path(size)).await.unwrap().unwrap();
    let key = ours.key.verifier();
    let proofs = annals_ledger::proofs::Proofs::newest(&*objects, &key, None).await.unwrap().unwrap();
    let refused = proofs.extension(key.open(&kept).unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("does not begin with"), "{refused}");
    // And their ledger does not have our checkpoint's root.
    let verifier = Verifier { table, objects: &*ours.objects, key: Some(key) };
    assert_eq!(verifier.walk([7; 32]).await.unwrap().err().unwrap().check, "checkpoint-root");
}
