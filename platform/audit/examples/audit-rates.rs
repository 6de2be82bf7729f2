//! Prints what each question costs and how long it takes, at 10,000 commits and at a month of 1,000,000:
//! `cargo run --release -p annals-audit --example audit-rates`; another pair of sizes as arguments.
//!
//! Read capacity is what DynamoDB reports and does not depend on the machine; times are over the embedded database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use annals_audit::answer::{Go, Row};
use annals_audit::domain::{About, Deriving, Domain, Standing, State};
use annals_audit::proving::Place;
use annals_audit::{History, Question, Service, Sink};
use annals_kit::{Clock, CommandId, CustomerId, Generation, Ids, StoredEvent, StreamId, Timestamp, Version};
use annals_lambda::Account;
use annals_lambda::machine::MachineIds;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::{Memory, Objects, checkpoint_path};
use annals_ledger::records::Delivered;
use annals_ledger::signer::Signer;
use annals_ledger::{Fact, LedgerTable, Sequencer};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, Role, Store};
use annals_log::insert::insert;
use annals_log::{BoxError, Commit, CommitHash, Log, LogConfig, RequestHash};
use annals_reads::{Item, Reads};
use serde_json::{Value, json};
use uuid::Uuid;

const LOG: &str = "subscriptions-log";
const LEDGER: &str = "subscriptions-ledger";
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const DAYS: i64 = 30;
/// Commits of a batch of the log's stream.
const BATCH: usize = 100;
/// Commits of a stream.
const VERSIONS: usize = 4;
/// One commit in so many is the rare actor's.
const RARE: usize = 2_000;

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    for size in if sizes.is_empty() { vec![10_000, 1_000_000] } else { sizes } {
        measure(size).await;
    }
}

/// A time that the month's commits set.
struct MonthClock(AtomicI64);

impl Clock for MonthClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed)).expect("a time of January")
    }
}

/// Nothing is known of these streams but what their events say.
struct Plain;

struct Last(Value);

impl State for Last {
    fn apply(&mut self, commit: &Commit) -> Result<(), BoxError> {
        self.0 = commit.events.last().map(|event| Value::Object(event.payload.clone())).unwrap_or_default();
        Ok(())
    }

    fn value(&self) -> Value {
        self.0.clone()
    }
}

impl Domain for Plain {
    fn state(&self, _: &StreamId) -> Box<dyn State> {
        Box::new(Last(Value::Null))
    }

    fn effect(&self, _: &StreamId, _: &StoredEvent) -> Option<String> {
        None
    }

    fn derived<'a>(&'a self, _: &'a StreamId, _: Version) -> Deriving<'a> {
        Box::pin(async { Ok(vec![]) })
    }

    fn role_events(&self) -> &'static [&'static str] {
        &[]
    }

    fn standing(&self, _: &StoredEvent) -> Result<Option<Standing>, BoxError> {
        Ok(None)
    }

    fn about(&self, _: &StreamId, _: &StoredEvent, _: &CustomerId) -> Option<About> {
        None
    }

    fn sealed(&self, _: &StreamId, _: &StoredEvent) -> Vec<&'static str> {
        vec![]
    }

    fn certified(&self, _: &StoredEvent) -> Option<Timestamp> {
        None
    }
}

/// Counts rows and keeps none.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn row(&mut self, _: Row) -> Result<Go, BoxError> {
        self.0 += 1;
        Ok(Go::On)
    }
}

async fn account(clock: Arc<dyn Clock>) -> (Local, aws_sdk_dynamodb::Client) {
    let mut config = Config::new(Store::Memory, clock, Arc::new(Seeded::new(1)));
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

fn stream(number: usize) -> StreamId {
    StreamId::of("INV", Uuid::from_u128(number as u128))
}

/// The commit at a place of the month: streams interleave, a stream's commits lie days apart.
fn commit(place: usize, size: usize, previous: Option<CommitHash>, at: Timestamp) -> Commit {
    let streams = size / VERSIONS;
    let command = MachineIds.uuid();
    let payload = json!({ "amount": { "amount": 4900, "currency": "EUR" }, "note": "as agreed", "place": place });
    let event = StoredEvent { event_type: "PAYMENT_RECEIVED".into(), schema: 1, payload: payload.as_object().cloned().unwrap_or_default() };
    Commit {
        stream: stream(place % streams),
        version: Version::new((place / streams + 1) as u64).expect("versions begin at 1"),
        generation: Generation(0),
        recorded_at: at,
        tenant: "demo".parse().expect("a tenant"),
        actor: if place.is_multiple_of(RARE) { "rare".into() } else { format!("operator-{}", place % 7) }.parse().expect("an actor"),
        command: CommandId(command),
        request: RequestHash::of(command.as_bytes()),
        correlation: command,
        causation: None,
        previous,
        events: vec![event],
    }
}

/// A month of `size` commits in the ledger; in the log those that a question will read.
async fn month(size: usize) -> (Local, History, Reads, Reads, Arc<Memory>, Uuid) {
    let clock = Arc::new(MonthClock(AtomicI64::new(START * 1_000_000)));
    let (local, client) = account(clock.clone()).await;
    let of_ledger = Reads::new(client.clone(), access_patterns::billing());
    let of_log = Reads::new(client.clone(), access_patterns::billing());
    let table = LedgerTable::new(client.clone(), of_ledger.clone(), LEDGER);
    let sequencer = Sequencer::new(table.clone(), clock.clone(), Arc::new(MachineIds));
    let (mut hashes, mut asked, step) = (vec![None; size / VERSIONS], Uuid::nil(), DAYS * 86_400_000_000 / size as i64);
    let mut batch: Vec<Delivered> = vec![];
    for place in 0..size / VERSIONS * VERSIONS {
        clock.0.fetch_add(step, Ordering::Relaxed);
        let commit = commit(place, size, hashes[place % (size / VERSIONS)], clock.now());
        let item: Item = commit.to_item().expect("a commit has an item");
        hashes[place % (size / VERSIONS)] = Some(CommitHash::of(&item).expect("it was just made"));
        // What is sequenced on the 15th, when its batch is full; the rare actor's, and one stream.
        let sequenced = ((place / BATCH + 1) * BATCH) as i64 * step;
        if sequenced / 86_400_000_000 == 14 || place.is_multiple_of(RARE) || place % (size / VERSIONS) == 77 {
            insert(&client.clone().into(), LOG, item.clone()).await;
            asked = commit.correlation;
        }
        batch.push(Delivered { fact: Fact::of_insert(&item, ""), record: String::new(), created_at: clock.now() });
        if batch.len() == BATCH {
            sequencer.sequence(&batch).await.expect("nothing fails here");
            batch.clear();
        }
    }
    sequencer.sequence(&batch).await.expect("nothing fails here");
    let key = LedgerKey::generate(Origin::new("annals.example", "billing", Generation(0)), &MachineIds);
    let objects = Arc::new(Memory::default());
    Signer::new(table.clone(), objects.clone(), key.clone()).sign().await.expect("nothing fails here");
    let log = Log::new(client, of_log.clone(), LogConfig::new(LOG), clock, Arc::new(MachineIds));
    let service = Service { name: "billing", log, ledger: table, objects: objects.clone(), key: key.verifier() };
    (local, History::new(vec![service], Arc::new(Plain)), of_ledger, of_log, objects, asked)
}

async fn measure(size: usize) {
    let begun = Instant::now();
    let (_local, history, of_ledger, of_log, objects, correlation) = month(size).await;
    println!("{size} commits in {DAYS} days, in batches of {BATCH}; made in {:.0} s", begun.elapsed().as_secs_f64());
    // Sets the most back to what there is now. Source: proc_pid_clear_refs(5).
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let made = megabytes("VmRSS");
    let ask = |name: &str, pairs: &[(&str, String)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let parameter = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        Question::parse(name, parameter).expect("a question")
    };
    let one = ("stream", stream(77).to_string());
    let questions = [
        ("revisions", ask("revisions", std::slice::from_ref(&one))),
        ("as-of, a time", ask("as-of", &[one.clone(), ("moment", "2026-01-20".into())])),
        ("field", ask("field", &[one.clone(), ("field", "place".into())])),
        ("actor, one of eight", ask("actor", &[("actor", "operator-3".into())])),
        ("actor, one in 2,000", ask("actor", &[("actor", "rare".into())])),
        ("correlation", ask("correlation", &[("correlation", correlation.to_string())])),
        ("population", ask("population", &[("period", "2026-01".into())])),
        ("access", ask("access", &[])),
        ("notice", ask("notice", &[one])),
        ("day", ask("day", &[("period", "2026-01-15".into())])),
    ];
    let read = || [&of_ledger, &of_log].iter().flat_map(|reads| reads.consumed().units.into_values()).sum::<f64>();
    for (name, question) in questions {
        let (before, begun, mut count) = (read(), Instant::now(), Count::default());
        history.ask(&question, &mut count).await.expect("the history is whole");
        line(name, count.0, read() - before, begun);
    }
    let (before, begun) = (read(), Instant::now());
    // Of the 15th, whose commits are in the log.
    let place = Place::Position("billing".into(), annals_ledger::Position::new(size as u64 * 29 / 60));
    history.inclusion(&place).await.expect("the history is whole").expect("the commit is there");
    line("inclusion, a position", 1, read() - before, begun);
    let sizes = objects.checkpoints().await.expect("memory answers");
    let old = objects.read(&checkpoint_path(sizes[0])).await.expect("memory answers").unwrap_or_default();
    let (before, begun) = (read(), Instant::now());
    history.extension("billing", &old).await.expect("the history is whole");
    line("extension", 1, read() - before, begun);
    println!("  resident: {made} MB with the month in the store's memory, at most {} MB while it was asked", megabytes("VmHWM"));
}

fn line(name: &str, rows: u64, capacity: f64, begun: Instant) {
    println!("  {name:<22} {rows:>8} rows {capacity:>9.0} RCU {:>9.3} s", begun.elapsed().as_secs_f64());
}

/// So many megabytes of memory: `VmRSS` now, `VmHWM` the most since it was last set back.
fn megabytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}
