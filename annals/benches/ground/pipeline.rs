//! From log to row and bus: how fast a backlog goes against bare conditional puts of the same rows, and whether memory stays flat.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::session::Session;
use annals::system::System;
use annals_contract::delivery::BUS;
use annals_local::{Durability, Function};
use annals_projection::{Mode, Projector, ProjectorDeps, Walk};
use annals_reads::{Item, Params, Reads};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, ReturnConsumedCapacity, WriteRequest};
use billing_projectors::rows::Subscriptions;
use chrono::TimeDelta;

use crate::process::{Used, resident_megabytes};
use crate::speed::{create, keyed, open, rate};

/// Records of one measurement.
const RECORDS: u64 = 12_000;
const BACKLOG: u64 = 1_000_000;
/// Where the numbers of streams that only bare puts know begin.
const BARE: u64 = 1 << 40;
const LOG: &str = "subscriptions-log";
const ROWS: &str = "subscriptions";

/// What the projector derives from each commit.
#[derive(Clone, Copy)]
enum Derived {
    /// The stream's row, and the event on the bus: the pipeline itself.
    RowAndEvent,
    /// That, and whatever else billing derives: rows of other entities, and totals in transactions.
    Everything,
}

/// Log to row and bus against bare conditional puts of the same rows, in pairs in one run: streams of one commit, and of ten.
pub(crate) async fn against_bare_puts() {
    println!("log to row and bus, against bare conditional puts of the same rows on the same store; archives of the bus as configured");
    for (derived, commits) in [(Derived::RowAndEvent, 1), (Derived::RowAndEvent, 10), (Derived::Everything, 1), (Derived::Everything, 10)] {
        let what = match derived {
            Derived::RowAndEvent => "a row a stream and an event a commit",
            Derived::Everything => "all that billing derives",
        };
        println!(" {what}; streams of {commits} commit(s)");
        let mut ratios = vec![];
        for round in 1..=5 {
            let directory = tempfile::tempdir().expect("a directory");
            let system = open(directory.path(), Durability::Process).await;
            if let Derived::RowAndEvent = derived {
                system.local().install(row_and_event(&system));
            }
            let model = Model::of(&system).await;
            let puts = RECORDS / 2;
            let before = bare_puts(&system, &model, BARE, puts).await;
            fill(&system, &model, RECORDS, commits).await;
            let used = Used::now();
            let began = Instant::now();
            system.local().settle().await;
            let pipeline = RECORDS as f64 / began.elapsed().as_secs_f64();
            let (cpu, written) = used.per(RECORDS);
            let used = Used::now();
            let after = bare_puts(&system, &model, 2 * BARE, puts).await;
            let (bare_cpu, bare_written) = used.per(puts);
            let bare = (before + after) / 2.0;
            println!(
                "  round {round}: bare puts {bare:>5.0}/s ({bare_cpu:.0} us of processor, {bare_written:.0} KB written each), \
                 pipeline {pipeline:>5.0}/s ({cpu:.0} us, {written:.0} KB), ratio {:.2}",
                pipeline / bare
            );
            ratios.push(pipeline / bare);
        }
        ratios.sort_by(f64::total_cmp);
        println!("  median ratio {:.2}", ratios[ratios.len() / 2]);
    }
}

/// The projector with the rows of subscriptions alone, in the place of billing's.
fn row_and_event(system: &Arc<System>) -> Function {
    const NAME: &str = "billing-projector";
    let host = Session::of((**system).clone()).host(NAME);
    let projector = Projector::new(ProjectorDeps::new(&host, "billing", LOG, access_patterns::billing(), BUS)).with::<Subscriptions>();
    let projector = Arc::new(projector);
    Function::new(NAME, move |event, _| {
        let projector = projector.clone();
        async move {
            let event = serde_json::from_value(event).expect("what a mapping hands over is an event");
            Ok(serde_json::to_value(projector.handle(event).await).expect("an answer is JSON"))
        }
    })
}

/// A backlog of a million records, and what is in memory while it goes.
pub(crate) async fn backlog() {
    let directory = tempfile::tempdir().expect("a directory");
    let system = a_million(directory.path()).await;
    let began = Instant::now();
    let running = system.local().start();
    // A record that is younger than the run is none of the backlog: subscriptions that are due are invoiced meanwhile.
    let is_behind = |age: Duration| age > began.elapsed();
    loop {
        tokio::time::sleep(Duration::from_secs(15)).await;
        let ages = FOLLOWERS.map(|mapping| system.local().iterator_age(mapping).unwrap_or_default());
        let shown = FOLLOWERS.iter().zip(ages).map(|(mapping, age)| format!("{mapping} {} s behind", age.as_secs()));
        let shown = shown.collect::<Vec<_>>().join(", ");
        println!("  {:>4.0} s: {} MB resident; {shown}", began.elapsed().as_secs_f64(), resident_megabytes());
        if !ages.into_iter().any(is_behind) {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("  drained in {seconds:.0} s or less: {:.0}/s", BACKLOG as f64 / seconds);
    running.stop().await;
}

/// What follows billing's log.
const FOLLOWERS: [&str; 2] = ["billing-projector", "billing-ledger"];

/// A projection rebuilt from a million commits, and what is in memory meanwhile.
pub(crate) async fn rebuild() {
    let directory = tempfile::tempdir().expect("a directory");
    let system = a_million(directory.path()).await;
    let (reconciler, clock) = crate::projections::rebuilding(&system);
    let (mut walk, began) = (Walk::new(clock.now()), Instant::now());
    while walk.finished_at.is_none() {
        reconciler.go_on(&mut walk, Mode::Rebuild, Some(clock.now().plus(TimeDelta::seconds(15)))).await.expect("a walk");
        println!(
            "  {:>4.0} s: {} commits folded again, {} MB resident",
            began.elapsed().as_secs_f64(),
            walk.tally.commits,
            resident_megabytes()
        );
    }
    println!("  rebuilt at {:.0} commits/s", walk.tally.commits as f64 / began.elapsed().as_secs_f64());
}

/// A system with a million commits that nothing has followed yet.
async fn a_million(directory: &Path) -> Arc<System> {
    let system = open(directory, Durability::Process).await;
    let model = Model::of(&system).await;
    println!("{BACKLOG} commits, streams of 10");
    let began = Instant::now();
    fill(&system, &model, BACKLOG, 10).await;
    let seconds = began.elapsed().as_secs_f64();
    println!("  filled in {seconds:.0} s, {} MB on disk, {} MB resident", megabytes(directory), resident_megabytes());
    system
}

/// A commit and a row as the system makes them: others are made after them.
#[derive(Clone)]
pub(crate) struct Model {
    id: String,
    commit: Item,
    row: Item,
}

impl Model {
    pub(crate) async fn of(system: &Arc<System>) -> Self {
        let (id, _) = create(&*keyed(system), "model").await;
        system.local().settle().await;
        let auditor = Reads::new(system.account("auditor").sdk_dynamodb(), access_patterns::billing());
        let row = auditor.get_item("get_subscription_strong", &Params::new().text("id", &id)).await.expect("a read").expect("the row");
        let key = Params::new().text("stream_type", "SUB").text("stream_id", &id).number("version", 1);
        let commit = auditor.get_item("get_commit", &key).await.expect("a read").expect("the commit");
        Self { id, commit, row }
    }

    /// The commit of this version of the stream of this number.
    fn commit(&self, stream: u64, version: u64) -> Item {
        let mut item = self.renamed(&self.commit, &id(stream));
        item.insert("SK".into(), AttributeValue::S(format!("{version:020}")));
        if version > 1 {
            item.insert("h".into(), AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(vec![7; 32])));
        }
        item
    }

    /// The row of the stream of this number.
    fn row(&self, stream: u64) -> Item {
        self.renamed(&self.row, &id(stream))
    }

    /// The same with another id wherever the model's stands.
    fn renamed(&self, item: &Item, id: &str) -> Item {
        item.iter().map(|(name, value)| (name.clone(), self.renamed_value(value, id))).collect()
    }

    fn renamed_value(&self, value: &AttributeValue, id: &str) -> AttributeValue {
        match value {
            AttributeValue::S(text) => AttributeValue::S(text.replace(&self.id, id)),
            AttributeValue::M(map) => AttributeValue::M(self.renamed(map, id)),
            AttributeValue::L(list) => AttributeValue::L(list.iter().map(|value| self.renamed_value(value, id)).collect()),
            other => other.clone(),
        }
    }
}

/// Ids as scattered as those of commands.
fn id(number: u64) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string()
}

/// Writes commits with nothing delivered: the backlog. As administrator, in batches: what is measured comes after it.
pub(crate) async fn fill(system: &Arc<System>, model: &Model, records: u64, commits: u64) {
    const AT_ONCE: u64 = 25;
    let client = system.account("administrator").sdk_dynamodb();
    for first in (0..records).step_by(AT_ONCE as usize) {
        // Ten streams side by side: commits of one stream are near each other, and never all in a row.
        let items = (first..(first + AT_ONCE).min(records)).map(|n| {
            let (block, within) = (n / (10 * commits), n % (10 * commits));
            model.commit(block * 10 + within % 10, within / 10 + 1)
        });
        let puts = items.map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build().expect("a put has an item");
            WriteRequest::builder().put_request(put).build()
        });
        client.batch_write_item().request_items(LOG, puts.collect()).send().await.expect("a batch is written");
    }
}

/// Conditional puts of rows as the projector writes them, with nothing else running; how many a second.
async fn bare_puts(system: &Arc<System>, model: &Model, first: u64, count: u64) -> f64 {
    let (system, model) = (system.clone(), Arc::new(model.clone()));
    rate(count, move |numbers| {
        let (client, model) = (system.account("billing-projector").sdk_dynamodb(), model.clone());
        async move {
            for n in numbers {
                let put = client.put_item().table_name(ROWS).set_item(Some(model.row(first + n)));
                let put =
                    put.condition_expression("attribute_not_exists(PK) OR (#rev < :rev AND #ver <= :ver) OR (#rev = :rev AND #ver < :ver)");
                let put = put.expression_attribute_names("#rev", "rev").expression_attribute_names("#ver", "ver");
                let one = || AttributeValue::N("1".into());
                let put = put.expression_attribute_values(":rev", one()).expression_attribute_values(":ver", one());
                put.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.expect("a put");
            }
        }
    })
    .await
}

fn megabytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum::<u64>() / 1024 / 1024
}
