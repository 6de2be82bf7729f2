//! How fast a projection's fold is, and how fast it is rebuilt.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use annals::system::System;
use annals_kit::{Clock, Recorded, StreamId};
use annals_local::Durability;
use annals_log::Commit;
use annals_projection::{CannotFold, Contributions, Mode, Projector, Reconciler, Totals, Walk};
use aws_sdk_dynamodb::types::AttributeValue;
use billing::subscription::SubscriptionEvent;
use billing_projectors::mrr_movements::{MrrMovements, Recurring};
use futures_util::StreamExt;

use crate::costs::{BILLING, deps, in_memory, items};
use crate::pipeline::{Model, fill};
use crate::process::resident_megabytes;
use crate::speed::open;

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
}

/// How fast commits are folded, on one processor.
async fn folds() {
    let system = in_memory().await;
    system.found_demo().await.expect("a demo organisation");
    let model = Model::of(&system).await;
    fill(&system, &model, 1_000, 1).await;
    let log = deps(&system, "administrator", BILLING).log;
    let commits: Vec<Commit> = items(&log).await.iter().map(|item| Commit::from_item(item).expect("a commit")).collect();
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
    let deps = deps(system, "billing-reconciler", BILLING);
    let (reconciler, clock) = (Reconciler::new(deps.log.clone(), deps.clock.clone()), deps.clock.clone());
    (reconciler.feeding(Projector::new(deps).with_totals::<Later>().followers()[0].clone()), clock)
}

async fn scan_and_write(system: &System) -> u64 {
    let client = system.account("administrator").sdk_dynamodb();
    let (mut streams, mut after) = (0, None);
    loop {
        let page = client.scan().table_name(BILLING.log).limit(1_000).set_exclusive_start_key(after).send().await.expect("a page");
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
