//! Commands a second against bare inserts, whether that stays flat, delays, and resident memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals::notice::{Notice, webhook};
use annals::system::{IN_PROCESS_API, Options, System};
use annals_kit::Clock;
use annals_lambda::Web;
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_local::{Durability, Running, Store, Trim};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use tempfile::TempDir;

use crate::pipeline::{Model, fill};
use crate::process::{Used, resident_megabytes};

const CLIENTS: u64 = 16;
const BATCH: u64 = 4_000;

pub(crate) async fn against_bare_inserts() {
    for durability in [Durability::Process, Durability::Power] {
        compare(durability).await;
    }
}

pub(crate) async fn open(directory: &Path, durability: Durability) -> Arc<System> {
    let store = Store::Directory(directory.to_owned());
    let options =
        Options { store, durability, clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), trim: Trim::OncePassed, faults: None };
    let system = System::open(options).await.expect("the system opens");
    system.found_demo().await.expect("a demo organisation");
    Arc::new(system)
}

/// The API as the owner of the demo organisation asks it.
pub(crate) fn keyed(system: &System) -> Arc<dyn Web> {
    let key = annals::system::demo::organisation(system.credentials()).key();
    Arc::new(Keyed(system.web(), format!("Bearer {key}")))
}

struct Keyed(Arc<dyn Web>, String);

impl Web for Keyed {
    fn call(&self, mut request: http::Request<Bytes>) -> annals_lambda::web::Answering<'_> {
        request.headers_mut().insert("authorization", self.1.parse().expect("a key is a header's value"));
        self.0.call(request)
    }
}

async fn compare(durability: Durability) {
    println!("commands a second, file, {durability:?} durability, {CLIENTS} clients, projector and bus running");
    let mut ratios = vec![];
    for round in 1..=3 {
        let directory = tempfile::tempdir().expect("a directory");
        let system = open(directory.path(), durability).await;
        let count = if durability == Durability::Power { BATCH / 4 } else { BATCH };
        let bare = bare_inserts(&system, count).await;
        let alone = commands(&system, count / 2, &format!("alone{round}")).await;
        system.local().settle().await;
        let running = system.local().start();
        let commands = commands(&system, count, &format!("r{round}")).await;
        let behind = Instant::now();
        system.local().settle().await;
        println!(
            "  round {round}: bare inserts {bare:>6.0}/s, commands with nothing else running {alone:>6.0}/s, \
             with projector and bus {commands:>6.0}/s, ratio {:.2}; rows and bus caught up {:.0} ms later",
            commands / bare,
            behind.elapsed().as_secs_f64() * 1000.0
        );
        ratios.push(commands / bare);
        running.stop().await;
    }
    ratios.sort_by(f64::total_cmp);
    println!("  median ratio {:.2}", ratios[1]);
}

/// Inserts of items as commands make them, by the same statement, with nothing else running.
async fn bare_inserts(system: &Arc<System>, count: u64) -> f64 {
    let system = system.clone();
    rate(count, move |n| {
        let client = system.account("create-subscription").sdk_dynamodb();
        async move {
            for n in n {
                let item = commit_like(n);
                let names: Vec<_> = item.keys().map(|name| format!("'{name}': ?")).collect();
                let statement = format!("INSERT INTO \"subscriptions-log\" VALUE {{{}}}", names.join(", "));
                let values = item.into_values().collect();
                client.execute_statement().statement(statement).set_parameters(Some(values)).send().await.expect("an insert");
            }
        }
    })
    .await
}

/// The size and form of a SUBSCRIPTION_CREATED commit, under a stream type that nothing projects.
fn commit_like(n: u64) -> Item {
    let s = |text: &str| AttributeValue::S(text.into());
    let b = |length: usize| AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(vec![7; length]));
    let payload = [
        ("customer_id", s("customer-1234")),
        ("plan", s("pro")),
        ("interval", s("month")),
        ("subscription_id", s(&uuid::Uuid::nil().to_string())),
    ];
    let price = AttributeValue::M([("amount".into(), AttributeValue::N("4900".into())), ("currency".into(), s("EUR"))].into());
    let mut payload: Item = payload.map(|(name, value)| (name.into(), value)).into();
    payload.insert("price".into(), price);
    let event =
        [("t".into(), s("SUBSCRIPTION_CREATED")), ("v".into(), AttributeValue::N("1".into())), ("p".into(), AttributeValue::M(payload))];
    Item::from([
        ("PK".into(), s(&format!("ACCESS#bare-{n:036}"))),
        ("SK".into(), s(&format!("{:020}", 1))),
        ("g".into(), AttributeValue::N("0".into())),
        ("t".into(), s("2026-01-31T09:30:00.000000Z")),
        ("o".into(), s("demo")),
        ("a".into(), s("operator")),
        ("c".into(), b(16)),
        ("r".into(), b(16)),
        ("e".into(), AttributeValue::L(vec![AttributeValue::M(event.into())])),
    ])
}

/// `POST /v1/subscriptions` through the same JSON as over TCP.
async fn commands(system: &Arc<System>, count: u64, prefix: &str) -> f64 {
    let (web, prefix) = (keyed(system), prefix.to_owned());
    rate(count, move |n| {
        let (web, prefix) = (web.clone(), prefix.clone());
        async move {
            for n in n {
                create(&*web, &format!("{prefix}-{n}")).await;
            }
        }
    })
    .await
}

/// Creates a subscription that starts today; its id and first day.
pub(crate) async fn create(web: &dyn Web, key: &str) -> (String, String) {
    let body =
        format!(r#"{{"customer_id":"{}","plan":"pro","price":{{"amount":4900,"currency":"EUR"}},"interval":"month"}}"#, customer_of(key));
    let answer = post(web, "/v1/subscriptions", key, body).await;
    assert_eq!(answer.status(), 201, "{:?}", answer.body());
    let said: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
    (said["id"].as_str().expect("an id").to_owned(), said["recorded_at"].as_str().expect("a time")[..10].to_owned())
}

/// Whose subscription a command creates: one of a few.
fn customer_of(key: &str) -> String {
    format!("customer-{}", key.len())
}

async fn post(web: &dyn Web, path: &str, key: &str, body: String) -> http::Response<Bytes> {
    send(web, http::Method::POST, path, key, body).await
}

async fn send(web: &dyn Web, method: http::Method, path: &str, key: &str, body: String) -> http::Response<Bytes> {
    let request = http::Request::builder().method(method).uri(format!("{IN_PROCESS_API}{path}"));
    let request = request.header("content-type", "application/json").header("idempotency-key", key);
    web.call(request.body(Bytes::from(body)).expect("a request")).await.expect("an answer")
}

/// Runs `work` over `count` numbers shared by [`CLIENTS`] tasks; how many a second.
pub(crate) async fn rate<F, W>(count: u64, work: F) -> f64
where
    F: Fn(Box<dyn Iterator<Item = u64> + Send>) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let next = next.clone();
            tokio::spawn(work(Box::new(std::iter::from_fn(move || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < count)))))
        })
        .collect();
    for client in clients {
        client.await.expect("a client ends");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

/// Commands a second at four sizes of the table, each in a process of its own, alone: idle systems beside the measured one still deliver.
pub(crate) fn flat() {
    println!("flat: commands a second by commits in the table, {CLIENTS} clients, projector and bus running");
    println!("  {ROUNDS} rounds of {COMMANDS} taken together, after one that warms up");
    for size in ["1000", "10000", "50000", "100000"] {
        let program = std::env::current_exe().expect("a running program has a file");
        std::process::Command::new(program).args([FLAT_OF, size]).status().expect("the part runs");
    }
}

const ROUNDS: u64 = 5;
/// Commands of one round: about as many as fill the store's write-ahead log once, so that each round has a checkpoint in it.
const COMMANDS: u64 = 2_500;
/// The part that [`flat`] runs in a process of its own, with a number of commits.
pub(crate) const FLAT_OF: &str = "flat-of";

pub(crate) async fn flat_of(size: u64) {
    let system = Sized::of(size).await;
    system.measure("warm").await;
    let mut sum = [0.0; 4];
    for round in 0..ROUNDS {
        let measured = system.measure(&format!("round{round}")).await;
        sum.iter_mut().zip(measured).for_each(|(sum, one)| *sum += one);
    }
    let [seconds, through, cpu, written] = sum.map(|sum| sum / ROUNDS as f64);
    println!(
        "  {size:>7} commits: {:>6.0}/s, {:>6.0}/s to the end of the pipeline; {cpu:.0} us of processor and {written:.0} KB written for each; \
         {} MB resident",
        1.0 / seconds,
        1.0 / through,
        resident_megabytes()
    );
}

/// A system with so many commits in its log, delivering.
struct Sized {
    system: Arc<System>,
    _running: Running,
    _directory: TempDir,
}

impl Sized {
    async fn of(commits: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let system = open(directory.path(), Durability::Process).await;
        let running = system.local().start();
        let model = Model::of(&system).await;
        fill(&system, &model, commits, 1).await;
        system.local().settle().await;
        Self { system, _running: running, _directory: directory }
    }

    /// Of each command: seconds, seconds to the end of the pipeline, processor microseconds, kilobytes written.
    async fn measure(&self, round: &str) -> [f64; 4] {
        let (used, began) = (Used::now(), Instant::now());
        let rate = commands(&self.system, COMMANDS, round).await;
        self.system.local().settle().await;
        let (cpu, written) = used.per(COMMANDS);
        [1.0 / rate, began.elapsed().as_secs_f64() / COMMANDS as f64, cpu, written]
    }
}

/// One client, one command at a time, as a person would use it.
pub(crate) async fn delays() {
    let Sized { system, .. } = &Sized::of(10_000).await;
    let web = keyed(system);
    let (mut rows, mut emails) = (vec![], vec![]);
    // Keys of one length are one customer's, and without an address no email is sent.
    let key_of = |n: u64| format!("delay-{n:03}");
    let contact = format!("/v1/contacts/{}", customer_of(&key_of(0)));
    let known = send(&*web, http::Method::PUT, &contact, "contact", r#"{"email":"ada@customers.example"}"#.to_owned()).await;
    assert_eq!(known.status(), 200, "{:?}", known.body());
    for key in (0..300).map(key_of) {
        let (subscription, first_day) = create(&*web, &key).await;
        let acknowledged = Instant::now();
        until(|| async { get(&*web, &format!("/v1/subscriptions/{subscription}")).await.is_some() }).await;
        rows.push(acknowledged.elapsed());
        let answer = post(
            &*web,
            &format!("/v1/subscriptions/{subscription}/invoices"),
            &format!("{key}-invoice"),
            format!(r#"{{"period_start":"{first_day}"}}"#),
        )
        .await;
        let invoice: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
        let before = system.local().mail().expect("the outbox").len();
        pay(system, &*web, invoice["id"].as_str().expect("an id")).await;
        let acknowledged = Instant::now();
        until(|| async { system.local().mail().is_ok_and(|mail| mail.len() > before) }).await;
        emails.push(acknowledged.elapsed());
    }
    print_delays("append to row visible", rows);
    print_delays("append to email written", emails);
}

async fn pay(system: &System, web: &dyn Web, invoice: &str) {
    let at = MachineClock.now();
    let event = format!("evt_{}", invoice.replace('-', ""));
    let notice = Notice { event, at, invoice, customer: "customer", currency: "EUR", amount: 4900, attempts: 1, is_paid: true };
    let request = webhook(IN_PROCESS_API, notice.body(), system.credentials().webhook_secret(), at).expect("a request");
    let answer = web.call(request).await.expect("an answer");
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
}

async fn get(web: &dyn Web, path: &str) -> Option<serde_json::Value> {
    let request = http::Request::get(format!("{IN_PROCESS_API}{path}")).body(Bytes::new()).expect("a request");
    let answer = web.call(request).await.expect("an answer");
    (answer.status() == 200).then(|| serde_json::from_slice(answer.body()).expect("JSON"))
}

async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < Duration::from_secs(60), "what is waited for does not come");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

fn print_delays(what: &str, mut delays: Vec<Duration>) {
    delays.sort();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("  {what}: median {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(0.5), at(0.99), at(1.0));
}
