//! Prints how fast the local account is: bare inserts, and the same with projector, bus and queue running.
//!
//! `cargo run --release -p annals-local --example rates [inserts]`. On a file, 16 clients, SDK in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use annals_kit::{Clock, Timestamp};
use annals_local::randomness::Seeded;
use annals_local::{Config, Function, Local, Queue, QueueMapping, Role, Rule, Store, StreamMapping, Target};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(0)).expect("the machine's clock is in range")
    }
}

fn table(name: &str) -> Value {
    json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "PK", "KeyType": "HASH" }, { "AttributeName": "SK", "KeyType": "RANGE" }],
        "AttributeDefinitions": [{ "AttributeName": "PK", "AttributeType": "S" }, { "AttributeName": "SK", "AttributeType": "S" }],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" }
    })
}

macro_rules! client {
    ($service:ident, $local:expr) => {
        $service::Client::from_conf(
            $service::Config::builder()
                .behavior_version($service::config::BehaviorVersion::latest())
                .region($service::config::Region::new("eu-west-1"))
                .credentials_provider($local.credentials("admin").expect("there is an administrator"))
                .http_client($local.http_client())
                .build(),
        )
    };
}

#[tokio::main]
async fn main() {
    let inserts: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().expect("a folder for the measurement");
    let opened = Instant::now();
    let memory = Local::open(config(Store::Memory)).await.expect("memory opens");
    println!("open in memory                 {:>8.1} ms", opened.elapsed().as_secs_f64() * 1e3);
    drop(memory);
    for round in 0..3 {
        let bare = Local::open(config(Store::Directory(folder.path().join(format!("bare-{round}"))))).await.expect("a directory opens");
        let rate = measure(&bare, inserts).await;
        println!("bare inserts                   {rate:>8.0} /s");
        drop(bare);
        let path = folder.path().join(format!("whole-{round}"));
        let whole = Local::open(config(Store::Directory(path.clone()))).await.expect("a directory opens");
        let (rows, mails) = install(&whole);
        let running = whole.start();
        let began = Instant::now();
        let piped = measure(&whole, inserts).await;
        println!("with projector, bus and queue  {piped:>8.0} /s  {:.2} of bare", piped / rate);
        whole.settle().await;
        let drained = inserts as f64 / began.elapsed().as_secs_f64();
        println!(
            "  log to row, bus and queue    {drained:>8.0} /s  rows {} mails {}",
            rows.load(Ordering::Relaxed),
            mails.load(Ordering::Relaxed)
        );
        latency(&whole, &rows).await;
        running.stop().await;
        drop(whole);
        let opened = Instant::now();
        drop(Local::open(config(Store::Directory(path))).await.expect("it opens again"));
        println!("open {inserts} commits again    {:>8.1} ms, {} MB resident", opened.elapsed().as_secs_f64() * 1e3, resident());
    }
}

fn config(store: Store) -> Config {
    let mut config = Config::new(store, Arc::new(MachineClock), Arc::new(Seeded::new(1)));
    config.tables = ["log", "rows", "ledger", "more", "even-more", "most"].map(table).to_vec();
    config.roles = vec![Role {
        name: "admin".to_owned(),
        access_key_id: "AKIAADMIN".to_owned(),
        secret_access_key: "secret".to_owned(),
        policies: vec![json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } })],
    }];
    config.queues = vec![Queue::new("mail", None)];
    config.queue_mappings = vec![QueueMapping::new("mail", "mail", "mail")];
    config.rules = vec![Rule {
        name: "all".to_owned(),
        bus: "annals".to_owned(),
        pattern: json!({ "source": ["billing"] }),
        targets: vec![Target::new("mail", None)],
    }];
    config.stream_mappings = vec![StreamMapping::new("project", "log", "project")];
    config
}

/// A projector that writes a row and publishes an event per record, and a consumer.
fn install(local: &Local) -> (Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (rows, mails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (dynamodb, events) = (client!(aws_sdk_dynamodb, local), client!(aws_sdk_eventbridge, local));
    let counted = rows.clone();
    local.install(Function::new("project", move |event: Value, _| {
        let (dynamodb, events, counted) = (dynamodb.clone(), events.clone(), counted.clone());
        async move {
            let records = event["Records"].as_array().cloned().unwrap_or_default();
            for ten in records.chunks(10) {
                let entry = |record: &Value| {
                    let detail = record["dynamodb"]["NewImage"].to_string();
                    PutEventsRequestEntry::builder().event_bus_name("annals").source("billing").detail_type("X").detail(detail).build()
                };
                events.put_events().set_entries(Some(ten.iter().map(entry).collect())).send().await.expect("the bus accepts");
            }
            let mut latest = std::collections::BTreeMap::new();
            for record in &records {
                latest.insert(record["dynamodb"]["Keys"]["PK"]["S"].as_str().unwrap_or_default(), record);
            }
            for (pk, _) in latest {
                put(&dynamodb, "rows", pk, "META").await;
            }
            counted.fetch_add(records.len(), Ordering::Relaxed);
            Ok(json!({ "batchItemFailures": [] }))
        }
    }));
    let counted = mails.clone();
    local.install(Function::new("mail", move |event: Value, _| {
        counted.fetch_add(event["Records"].as_array().map_or(0, Vec::len), Ordering::Relaxed);
        async { Ok(json!({})) }
    }));
    (rows, mails)
}

async fn measure(local: &Local, inserts: usize) -> f64 {
    let began = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (dynamodb, next) = (client!(aws_sdk_dynamodb, local), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= inserts {
                        return;
                    }
                    put(&dynamodb, "log", &format!("SUB#{}", number / 5), &format!("{:020}", number % 5)).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("the client ends");
    }
    inserts as f64 / began.elapsed().as_secs_f64()
}

async fn put(dynamodb: &aws_sdk_dynamodb::Client, table: &str, pk: &str, sk: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = dynamodb.put_item().table_name(table).item("PK", text(pk)).item("SK", text(sk)).item("value", text(&"x".repeat(280)));
    put.send().await.expect("the item is put");
}

/// From append to the end of the projector's batch, one at a time.
async fn latency(local: &Local, rows: &AtomicUsize) {
    let dynamodb = client!(aws_sdk_dynamodb, local);
    let mut times = Vec::new();
    for number in 0..500 {
        let before = rows.load(Ordering::Relaxed);
        let began = Instant::now();
        put(&dynamodb, "log", "LATENCY", &number.to_string()).await;
        while rows.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await;
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100].max(Duration::from_nanos(1)).as_secs_f64() * 1e3;
    println!("  append to row                p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or(0) / 1024
}
