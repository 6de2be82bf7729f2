//! What the ledger costs a commit, and how many it takes a second: `cargo run --release -p annals-ledger --example ledger-rates`.
//!
//! Capacity is what DynamoDB reports and does not depend on the machine; the rate is of the sequencer over the embedded database.

use std::sync::Arc;
use std::time::Instant;

use annals_kit::{Clock, CommandId, Generation, Ids, StoredEvent, StreamId, Timestamp, Version};
use annals_lambda::Account;
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::{Memory, Objects};
use annals_ledger::records::Delivered;
use annals_ledger::signer::Signer;
use annals_ledger::{Fact, LedgerTable, Reader, Sequencer};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, Role, Store};
use annals_log::{Commit, RequestHash};
use annals_reads::Reads;
use serde_json::json;

const LEDGER: &str = "subscriptions-ledger";
/// Commits of a cost measurement.
const COMMITS: usize = 10_000;
/// Commits of the rate measurement.
const SUSTAINED: usize = 40_000;

#[tokio::main]
async fn main() {
    println!("per 1,000 commits, each of a stream and a correlation of its own, signed once at the end of {COMMITS}:");
    for batch in [1, 10, 100, 1000] {
        cost(batch).await;
    }
    rate().await;
}

async fn account() -> (Local, aws_sdk_dynamodb::Client) {
    let mut config = Config::new(Store::Memory, Arc::new(MachineClock), Arc::new(Seeded::new(1)));
    config.tables = access_patterns::billing().tables().iter().map(|table| table.create_table_json()).collect();
    let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    config.roles =
        vec![Role { name: "all".into(), access_key_id: "AKIAALL".into(), secret_access_key: "s".into(), policies: vec![everything] }];
    let local = Local::open(config).await.expect("an account in memory opens");
    let credentials = local.credentials("all").expect("the role was configured");
    let account = Account::new(local.http_client(), credentials, annals_local::arn::REGION);
    let client = account.sdk_dynamodb();
    (local, client)
}

fn table(client: &aws_sdk_dynamodb::Client) -> LedgerTable {
    LedgerTable::new(client.clone(), Reads::new(client.clone(), access_patterns::billing()), LEDGER)
}

/// Commits as the log's stream delivers them: half of them a stream's first, with ids as the machine draws them.
fn delivered(count: usize) -> Vec<Delivered> {
    let now = MachineClock.now();
    (0..count).map(|number| Delivered { fact: fact(number, now), record: String::new(), created_at: now }).collect()
}

fn fact(number: usize, now: Timestamp) -> Fact {
    let command = MachineIds.uuid();
    let event = |event_type: &str| StoredEvent { event_type: event_type.into(), schema: 1, payload: serde_json::Map::new() };
    let commit = Commit {
        stream: StreamId::of(if number.is_multiple_of(2) { "INV" } else { "SUB" }, MachineIds.uuid()),
        version: Version::FIRST,
        generation: Generation(0),
        recorded_at: now,
        tenant: "demo".parse().expect("a tenant"),
        actor: format!("operator-{}", number % 7).parse().expect("an actor"),
        command: CommandId(command),
        request: RequestHash::of(command.as_bytes()),
        correlation: command,
        causation: None,
        previous: None,
        events: vec![event(if number.is_multiple_of(2) { "INVOICE_ISSUED" } else { "SUBSCRIPTION_CREATED" })],
    };
    Fact::of_insert(&commit.to_item().expect("a commit has an item"), "")
}

async fn cost(batch: usize) {
    let (local, client) = account().await;
    let sequencer = Sequencer::new(table(&client), Arc::new(MachineClock), Arc::new(MachineIds));
    for part in delivered(COMMITS).chunks(batch) {
        sequencer.sequence(part).await.expect("nothing fails here");
    }
    let written = local.meter().of("ExecuteStatement", LEDGER);
    local.meter().reset();
    let objects = Arc::new(Memory::default());
    let key = LedgerKey::generate(Origin::new("annals.example", "billing", Generation(0)), &MachineIds);
    Signer::new(table(&client), objects.clone(), key).sign().await.expect("nothing fails here");
    let (signed, read) = (local.meter().of("ExecuteStatement", LEDGER), local.meter().of("Query", LEDGER));
    let thousands = COMMITS as f64 / 1000.0;
    println!(
        "  batches of {batch:>4}: {:>6.1} WCU ({:.0} inserts); signing {:.1} WCU, {:.1} RCU, {} objects in all",
        (written.capacity + signed.capacity) / thousands,
        written.calls as f64 / thousands,
        signed.capacity / thousands,
        read.capacity / thousands,
        // Tiles of the lowest level, of the next, the checkpoint and the key.
        COMMITS.div_ceil(256) + 1 + objects.checkpoints().await.expect("memory answers").len() + 1,
    );
}

async fn rate() {
    let (_local, client) = account().await;
    let sequencer = Sequencer::new(table(&client), Arc::new(MachineClock), Arc::new(MachineIds));
    let all = delivered(SUSTAINED);
    let begun = Instant::now();
    for part in all.chunks(100) {
        sequencer.sequence(part).await.expect("nothing fails here");
    }
    let sequenced = begun.elapsed().as_secs_f64();
    let key = LedgerKey::generate(Origin::new("annals.example", "billing", Generation(0)), &MachineIds);
    let begun = Instant::now();
    Signer::new(table(&client), Arc::new(Memory::default()), key).sign().await.expect("nothing fails here");
    let signed = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let (mut walk, mut read) = (Reader::new(table(&client)).all(), 0);
    while let Some(entries) = walk.next_entries().await.expect("nothing fails here") {
        read += entries.len();
    }
    let of = |seconds: f64| SUSTAINED as f64 / seconds;
    println!(
        "commits a second in batches of 100: sequenced {:.0}, signed {:.0}, read {:.0}",
        of(sequenced),
        of(signed),
        read as f64 / begun.elapsed().as_secs_f64()
    );
}
