//! Calls and capacity per append, and bytes per commit.

use std::sync::Arc;

use annals::system::{Options, System};
use annals_kit::{Aggregate, Clock, Command, CommandId, Event, Ids, Recorded, Schema, StreamId, Timestamp};
use annals_lambda::machine::MachineIds;
use annals_local::{Durability, Store, Trim};
use annals_log::{Commit, Expect, Log, LogConfig, Outcome, Request, Streams, size};
use annals_reads::Reads;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// A subscription-like aggregate whose commands have as many events as wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Counter {
    events: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
enum Counted {
    #[serde(rename = "COUNTED_SOMETHING")]
    One { customer_id: String, plan: String, amount: i64, currency: String },
}

impl Event for Counted {
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "COUNTED_SOMETHING", upcasts: &[], published: false }];
}

impl Aggregate for Counter {
    const STREAM_TYPE: &'static str = "SUB";
    const FOLD_REVISION: u32 = 1;
    type Event = Counted;

    fn evolve(&mut self, _: &Counted, _: Recorded) {
        self.events += 1;
    }
}

struct Count(usize);

impl Command for Count {
    type Aggregate = Counter;
    type Refusal = std::convert::Infallible;

    fn decide(&self, _: &Counter, _: Timestamp) -> Result<Vec<Counted>, Self::Refusal> {
        let one = Counted::One { customer_id: "customer-1".into(), plan: "pro".into(), amount: 4900, currency: "EUR".into() };
        Ok(vec![one; self.0])
    }
}

/// A clock of the measurement's own: an hour passes between two commands.
struct Hours(Mutex<Timestamp>);

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no panic holds it")
    }
}

impl Hours {
    fn pass(&self) {
        let mut now = self.0.lock().expect("no panic holds it");
        *now = now.plus(TimeDelta::hours(1));
    }
}

pub(crate) async fn run() {
    let clock = Arc::new(Hours(Mutex::new(Timestamp::from_seconds(1_767_225_600).expect("2026"))));
    let ids: Arc<dyn Ids> = Arc::new(MachineIds);
    let options = Options {
        store: Store::Memory,
        durability: Durability::Process,
        clock: clock.clone(),
        ids: ids.clone(),
        trim: Trim::OncePassed,
        faults: None,
    };
    let system = System::open(options).await.expect("an in-memory system opens");
    let client = system.account("create-subscription").sdk_dynamodb();
    let reads = Reads::new(client.clone(), access_patterns::billing());
    let log = Log::new(client, reads, LogConfig::new("subscriptions-log"), clock.clone(), ids.clone());
    println!("cost per append (stream length, events: calls, WCU, RCU; kilobytes of the item, rounded up)");
    for events in [1, 5] {
        let stream = StreamId::of("SUB", ids.uuid());
        let warm = Streams::<Counter>::new(log.clone());
        let mut length = 0;
        for wanted in [10, 1_000, 10_000] {
            while length < wanted {
                append(&warm, &stream, events, &clock, &*ids).await;
                length += 1;
            }
            measure(&system, &format!("{length:>6} commits, {events} event(s), warm"), &warm, &stream, events, &clock, &*ids).await;
            let cold = Streams::<Counter>::new(log.clone());
            measure(&system, &format!("{:>6} commits, {events} event(s), cold", length + 1), &cold, &stream, events, &clock, &*ids).await;
            // The cold stream's commit is news to the warm one.
            append(&warm, &stream, events, &clock, &*ids).await;
            length += 3;
        }
    }
    bytes(&log, &ids).await;
}

async fn append(streams: &Streams<Counter>, stream: &StreamId, events: usize, clock: &Hours, ids: &dyn Ids) -> u64 {
    clock.pass();
    let (tenant, actor) = ("demo".parse().expect("a tenant"), "operator".parse().expect("an actor"));
    let request = Request::new(&tenant, actor, CommandId(ids.uuid()), b"count");
    match streams.execute(&request, stream, Expect::Existing, &Count(events)).await.expect("it appends") {
        Outcome::Committed { version, .. } => version.get(),
        Outcome::Unchanged { .. } => unreachable!("a count has events"),
    }
}

async fn measure(system: &System, what: &str, streams: &Streams<Counter>, stream: &StreamId, events: usize, clock: &Hours, ids: &dyn Ids) {
    system.local().meter().reset();
    let version = append(streams, stream, events, clock, ids).await;
    let readings = system.local().meter().reset();
    let calls: u64 = readings.values().map(|reading| reading.calls).sum();
    let sum = |write: bool| -> f64 {
        readings.iter().filter(|(counted, _)| (counted.operation == "ExecuteStatement") == write).map(|(_, reading)| reading.capacity).sum()
    };
    // An empty sum of floats is -0.
    let (wcu, rcu) = (sum(true) + 0.0, sum(false) + 0.0);
    let item =
        streams.log().commit(stream, annals_kit::Version::new(version).expect("a version")).await.expect("a read").expect("the commit");
    let size = size::item_size(&item);
    let note = if item.contains_key("s") { ", with snapshot" } else { "" };
    println!("  {what}: {calls} call(s), {wcu} WCU, {rcu} RCU; {} KB{note}", size::write_units(size));
}

async fn bytes(log: &Log, ids: &Arc<dyn Ids>) {
    let stream = StreamId::of("SUB", ids.uuid());
    let streams = Streams::<Counter>::new(log.clone());
    let clock = Hours(Mutex::new(Timestamp::from_seconds(1_800_000_000).expect("2027")));
    println!("bytes per commit beyond the payload, and of the snapshot that rides in some");
    for version in 1..=3 {
        append(&streams, &stream, 1, &clock, &**ids).await;
        let mut item =
            log.commit(&stream, annals_kit::Version::new(version).expect("a version")).await.expect("a read").expect("the commit");
        let all = size::item_size(&item);
        item.remove("s");
        let size = size::item_size(&item);
        let commit = Commit::from_item(&item).expect("a commit");
        let payload: annals_reads::Item = serde_dynamo::to_item(&commit.events[0].payload).expect("a payload");
        // A map counts 3 bytes and one per entry beside names and values.
        let payload = size::item_size(&payload) + 3 + payload.len();
        println!("  version {version}: {all} in all, {payload} payload, {} beyond, {} snapshot", size - payload, all - size);
    }
}
