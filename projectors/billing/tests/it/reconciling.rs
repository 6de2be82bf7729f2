//! The reconciler, whatever the stream has lost: afterwards rows are folds and the bus has every event.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annals_kit::StreamId;
use annals_lambda::Metric;
use annals_ledger::Reader;
use annals_local::{Fault, Function, FunctionError, StreamMapping};
use annals_log::Commit;
use annals_projection::failures::folder::Folder;
use annals_projection::{Lacked, Reconciliation, Report, Tally, Wake};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use billing::rows::InvoiceRow;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::fixture::{Fixture, LOG, ROWS, deliver, fold, record, version};

fn reconciler(fixture: &Fixture, failures: &Path) -> Reconciliation {
    billing_projectors::reconciler(&fixture.host(), "annals").with_failures(Arc::new(Folder::new(failures)))
}

fn nowhere() -> &'static Path {
    Path::new("no such folder")
}

/// Runs until the walk is finished, each run as short as can be.
async fn walk(fixture: &Fixture, reconciliation: &Reconciliation, wake: Wake) -> Report {
    let mut wake = wake;
    for _ in 0..10_000 {
        let report = reconciliation.run(wake, fixture.now()).await.unwrap();
        if report.finished {
            return report;
        }
        wake = Wake::Schedule;
    }
    panic!("the walk does not end");
}

fn tally(report: &Report) -> &Tally {
    &report.walk.as_ref().unwrap().tally
}

fn mended(streams: u64, commits: u64) -> Lacked {
    Lacked { streams, commits, mended: streams, parked: 0 }
}

/// Every commit of the log has one position, what cannot be read included.
async fn in_the_ledger_once(fixture: &Fixture) {
    let (mut walk, mut sequenced) = (Reader::new(billing_projectors::ledger::table(&fixture.host())).all(), vec![]);
    while let Some(entries) = walk.next_entries().await.unwrap() {
        sequenced.extend(entries.into_iter().map(|entry| entry.fact.key()));
    }
    let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let log = fixture.account.sdk_dynamodb().scan().table_name(LOG).limit(1000).send().await.unwrap();
    let mut committed: Vec<_> = log.items().iter().map(|item| (text(item, "PK"), text(item, "SK"))).collect();
    sequenced.sort();
    committed.sort();
    assert_eq!(sequenced, committed);
}

fn failed_batch(folder: &Path, name: &str, records: &[Value]) {
    let arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/subscriptions-log/stream/2026-01-01T00:00:00.000";
    let object = json!({
        "requestContext": { "condition": "RetryAttemptsExhausted" },
        "DDBStreamBatchInfo": { "shardId": "s", "streamArn": arn },
        "payload": json!({ "Records": records }).to_string(),
    });
    let folder = folder.join("aws/lambda/mapping/shard/2026/01/01");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), object.to_string()).unwrap();
}

/// Stores a row as an older revision of the projection left it.
async fn as_an_older_revision(fixture: &Fixture, stream: &StreamId) {
    let Some(mut row) = fixture.row(stream).await else { return };
    row.insert("rev".into(), AttributeValue::N("0".into()));
    row.insert("status".into(), AttributeValue::S("as another revision saw it".into()));
    fixture.account.sdk_dynamodb().put_item().table_name(ROWS).set_item(Some(row)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_last_record_is_found_fed_and_counted_once() {
    let fixture = Fixture::new().await;
    let (lost, whole) = (fixture.invoice(1, 4, true).await, fixture.invoice(2, 2, false).await);
    deliver(&fixture.projector(), &[record("INSERT", 1, &fixture.items(&lost).await[2])]).await;
    deliver(&fixture.projector(), &[record("INSERT", 2, &fixture.items(&whole).await[1])]).await;
    let (published, reconciliation) = (fixture.published().len(), reconciler(&fixture, nowhere()));
    let first = walk(&fixture, &reconciliation, Wake::Schedule).await;
    assert_eq!((tally(&first).commits, tally(&first).streams), (6, 2));
    assert_eq!(tally(&first).of("rows"), mended(1, 1));
    let readers = fixture.readers().await;
    // No record has ever come to the ledger.
    assert_eq!((tally(&first).of("ledger"), tally(&first).named.len() as u64), (mended(2, 6), 2 + readers));
    assert_eq!(version(&fixture.row(&lost).await.unwrap()), 4);
    assert_eq!(fixture.published().len() - published, 2, "the payment, and the dunning that it stopped");
    assert_eq!((fixture.counts.of(Metric::StreamLacking), fixture.counts.of(Metric::CommitLacking)), (2 + readers, 6 + readers));
    // Not due for a day.
    assert_eq!(reconciliation.run(Wake::Schedule, fixture.now()).await.unwrap().walk, None);
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    let second = walk(&fixture, &reconciler(&fixture, nowhere()), Wake::Schedule).await;
    assert_eq!((tally(&second).commits, tally(&second).all()), (6, Lacked::default()));
    assert_eq!(fixture.published().len() - published, 2);
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_finds_nothing_lacking_writes_no_row_and_reads_each_stamp_once_at_half_price() {
    let fixture = Fixture::new().await;
    for number in 1..=20 {
        let stream = fixture.invoice(number, 3, false).await;
        deliver(&fixture.projector(), &[record("INSERT", 1, &fixture.items(&stream).await[2])]).await;
    }
    let spent = || ["GetItem", "PutItem", "BatchGetItem"].map(|operation| fixture.local.meter().of(operation, ROWS));
    let before = spent();
    let report = walk(&fixture, &reconciler(&fixture, nowhere()), Wake::Schedule).await;
    assert_eq!((tally(&report).streams, tally(&report).of("rows")), (20, Lacked::default()));
    let after = spent();
    // The walk itself is read and kept, and so is what readers see of the four totals that are at a later revision.
    assert_eq!((after[0].calls - before[0].calls, after[1].calls - before[1].calls), (1 + 4, 1 + 4));
    let stamps = 20 * fixture.readers().await;
    assert_eq!(after[2].capacity - before[2].capacity, stamps as f64 * 0.5);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_during_a_walk_is_followed_by_a_walk_that_begins_after_it() {
    let fixture = Fixture::new().await;
    let mut streams = vec![];
    for number in 1..=60 {
        streams.push(fixture.invoice(number, 1, false).await);
    }
    // Some pages a segment, of one commit each.
    let reconciliation = reconciler(&fixture, nowhere()).with_pages_of(1);
    assert!(!reconciliation.run(Wake::Schedule, fixture.now()).await.unwrap().finished);
    let mut passed = None;
    for stream in &streams {
        if fixture.row(stream).await.is_some() {
            passed = Some(stream);
        }
    }
    let passed = passed.expect("the first run has met some");
    // Goes beyond them: a segment goes on after a commit, where the same stream's next would be.
    assert!(!reconciliation.run(Wake::Schedule, fixture.now()).await.unwrap().finished);
    fixture.attempt(passed, 7).await;
    assert!(!reconciliation.run(Wake::Lost, fixture.now()).await.unwrap().finished);
    walk(&fixture, &reconciliation, Wake::Schedule).await;
    assert_eq!(version(&fixture.row(passed).await.unwrap()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_could_not_be_fed_is_tried_again_without_another_walk() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 2, false).await;
    let reconciliation = reconciler(&fixture, nowhere());
    fixture.script.break_bus(Fault::FailEntries((0..10).collect()));
    let report = reconciliation.run(Wake::Schedule, fixture.now()).await.unwrap();
    assert_eq!((report.finished, report.walk.unwrap().open()), (false, 1));
    fixture.script.calm();
    let (scans, report) = (fixture.local.meter().of("Scan", LOG).calls, walk(&fixture, &reconciliation, Wake::Schedule).await);
    assert_eq!((tally(&report).of("rows").mended, fixture.local.meter().of("Scan", LOG).calls), (1, scans));
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_moves_on_while_it_is_fed_stays_where_it_is() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 2, false).await;
    tokio::time::advance(Duration::from_secs(120)).await;
    let reconciliation = reconciler(&fixture, nowhere());
    // The bus accepts at once and answers late: meanwhile the stream's next commit arrives.
    fixture.script.break_bus(Fault::Delay(Duration::from_secs(1)));
    let quicker = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fixture.script.calm();
        fixture.attempt(&stream, 7).await;
        deliver(&fixture.projector(), &[record("INSERT", 1, fixture.items(&stream).await.last().unwrap())]).await;
        assert_eq!(version(&fixture.row(&stream).await.unwrap()), 3);
    };
    let (report, ()) = tokio::join!(reconciliation.run(Wake::Schedule, fixture.now()), quicker);
    assert_eq!(tally(&report.unwrap()).of("rows").mended, 1);
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 3);
}

#[tokio::test(start_paused = true)]
async fn an_older_revisions_rows_are_folded_again_and_nothing_is_published() {
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(1, 3, true).await;
    deliver(&fixture.projector(), &[record("INSERT", 1, &fixture.items(&stream).await[2])]).await;
    as_an_older_revision(&fixture, &stream).await;
    let published = fixture.published().len();
    let report = walk(&fixture, &reconciler(&fixture, nowhere()), Wake::Schedule).await;
    assert_eq!(tally(&report).of("rows"), mended(1, 0));
    let row = fixture.row(&stream).await.unwrap();
    assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(row).unwrap(), fold(&fixture.items(&stream).await));
    assert_eq!(fixture.published().len(), published);
}

#[tokio::test(start_paused = true)]
async fn two_instances_do_not_go_on_with_one_walk() {
    let fixture = Fixture::new().await;
    for number in 1..20 {
        fixture.invoice(number, 1, false).await;
    }
    let (one, other) = (reconciler(&fixture, nowhere()).with_pages_of(1), reconciler(&fixture, nowhere()).with_pages_of(1));
    let (a, b) = tokio::join!(one.run(Wake::Schedule, fixture.now()), other.run(Wake::Schedule, fixture.now()));
    let stopped = [a.unwrap().stopped, b.unwrap().stopped];
    assert_eq!(stopped.iter().filter(|stopped| stopped.is_some()).count(), 1, "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_fed_and_marked_and_one_that_cannot_be_fed_stays() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let stream = fixture.invoice(1, 2, false).await;
    let items = fixture.items(&stream).await;
    failed_batch(folder.path(), "2026-01-01T00.00.00-a", &[record("INSERT", 1, &items[1])]);
    let reconciliation = reconciler(&fixture, folder.path());
    fixture.script.break_bus(Fault::FailEntries((0..10).collect()));
    let mut report = Report::default();
    reconciliation.redrive(&mut report).await.unwrap();
    assert_eq!((report.batches, report.batches_left, fixture.row(&stream).await), (0, 1, None));
    fixture.script.calm();
    let mut report = Report::default();
    reconciliation.redrive(&mut report).await.unwrap();
    assert_eq!((report.batches, report.batches_left), (1, 0));
    // The ledger had its commits at the first attempt.
    assert_eq!((report.redriven.of("rows"), report.redriven.of("ledger")), (mended(1, 2), Lacked::default()));
    assert_eq!(version(&fixture.row(&stream).await.unwrap()), 2);
    let mut report = Report::default();
    reconciliation.redrive(&mut report).await.unwrap();
    assert_eq!(report, Report::default());
}

#[tokio::test(start_paused = true)]
async fn what_a_mapping_here_gave_up_the_reconciler_reads_feeds_and_marks() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|config| {
        let broken = |_, _| async { Err(FunctionError::new("Unhandled", "broken")) };
        config.functions = vec![Function::new("broken", broken)];
        let mapping = StreamMapping { max_retries: Some(2), ..StreamMapping::new("broken", LOG, "broken") };
        config.stream_mappings = vec![mapping];
        config.failures = Some(folder.path().to_owned());
    })
    .await;
    let streams = [fixture.invoice(1, 2, false).await, fixture.invoice(2, 3, true).await];
    fixture.local.settle().await;
    assert!(!fixture.local.discarded().is_empty());
    let reconciliation = reconciler(&fixture, folder.path());
    let mut report = Report::default();
    let unknown = reconciliation.redrive(&mut report).await.unwrap();
    assert!(!unknown && report.batches > 0 && report.batches_left == 0, "{report:?}");
    // A stream counts for each batch that brought something of it.
    for consumer in ["rows", "ledger"] {
        let lacked = report.redriven.of(consumer);
        assert_eq!((lacked.commits, lacked.mended), (5, lacked.streams), "{consumer}");
    }
    for stream in &streams {
        let items = fixture.items(stream).await;
        assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(fixture.row(stream).await.unwrap()).unwrap(), fold(&items));
    }
    in_the_ledger_once(&fixture).await;
    let mut again = Report::default();
    reconciliation.redrive(&mut again).await.unwrap();
    assert_eq!(again, Report::default());
}

/// What one invoice's records came to before the reconciler runs.
#[derive(Clone, Debug)]
struct History {
    commits: u32,
    paid: bool,
    /// How far its row has come; 0: there is no row.
    delivered: Index,
    older_revision: bool,
    /// Whether its last commit cannot be read.
    unknown: bool,
    /// Whether a failed batch names it.
    failed: bool,
    /// Whether it goes on while the walk does, and whether its records come.
    traffic: Option<bool>,
}

#[derive(Clone, Debug)]
struct Losses {
    histories: Vec<History>,
    page: usize,
    faults: Vec<Fault>,
}

fn losses() -> impl Strategy<Value = Losses> {
    let history = (
        (1u32..7, any::<bool>(), any::<Index>()),
        (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.3), prop::option::weighted(0.4, any::<bool>())),
    )
        .prop_map(|((commits, paid, delivered), (older_revision, unknown, failed, traffic))| History {
            commits,
            paid,
            delivered,
            older_revision,
            unknown,
            failed,
            traffic,
        });
    let fault = prop_oneof![
        8 => Just(Fault::None),
        2 => Just(Fault::LoseResponse),
        2 => Just(Fault::LoseRequest),
        2 => Just(Fault::Throttle),
        1 => Just(Fault::InternalError),
        2 => prop::collection::vec(0usize..10, 1..5).prop_map(Fault::FailEntries),
    ];
    (prop::collection::vec(history, 1..6), 1usize..5, prop::collection::vec(fault, 0..60)).prop_map(|(histories, page, faults)| Losses {
        histories,
        page,
        faults,
    })
}

async fn run(losses: Losses) {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut streams: Vec<(StreamId, History)> = vec![];
    for (number, history) in losses.histories.iter().enumerate() {
        let stream = fixture.invoice(number as u128 + 1, history.commits, history.paid).await;
        let items = fixture.items(&stream).await;
        if let Some(last) = history.delivered.index(items.len() + 1).checked_sub(1) {
            assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 1, &items[last])]).await, None);
        }
        if history.older_revision {
            as_an_older_revision(&fixture, &stream).await;
        }
        if history.unknown {
            fixture.append_unknown(items.last().unwrap()).await;
        }
        if history.failed {
            failed_batch(folder.path(), &format!("2026-01-01T00.00.00-{number}"), &[record("INSERT", 1, items.last().unwrap())]);
        }
        streams.push((stream, history.clone()));
    }
    let (mut seen, reconciliation) = (BTreeMap::new(), reconciler(&fixture, folder.path()).with_pages_of(losses.page));
    rows_move_forward(&fixture, &streams, &mut seen).await;
    fixture.script.arm(losses.faults);
    tokio::join!(disturbed(&fixture, &reconciliation), traffic(&fixture, &streams), watch(&fixture, &streams));
    fixture.script.calm();
    rows_move_forward(&fixture, &streams, &mut seen).await;

    let report = walk(&fixture, &reconciliation, Wake::Lost).await;
    rows_move_forward(&fixture, &streams, &mut seen).await;
    let published = fixture.published_ids();
    let mut committed = 0;
    for (stream, history) in &streams {
        let readable = readable(&fixture, stream, history).await;
        let row = fixture.row(stream).await.unwrap();
        assert_eq!((version(&row), row.contains_key("parked")), (readable.len() as u64, history.unknown));
        assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(row).unwrap(), fold(&readable));
        for commit in readable.iter().map(|item| Commit::from_item(item).unwrap()) {
            for index in 0..commit.events.len() {
                assert!(published.contains(&commit.event_id(index).to_string()), "{} was never published", commit.event_id(index));
                committed += 1;
            }
        }
    }
    assert_eq!(published.len(), committed, "published what was never committed");
    let parked = fixture.readers().await * streams.iter().filter(|(_, history)| history.unknown).count() as u64;
    let walked: u64 = count(&fixture).await;
    assert_eq!((tally(&report).all().parked, tally(&report).commits, tally(&report).streams), (parked, walked, streams.len() as u64));
    let (again, writes) = (walk(&fixture, &reconciliation, Wake::Lost).await, fixture.published().len());
    assert_eq!((tally(&again).all(), writes), (Lacked { parked, ..Lacked::default() }, fixture.published().len()));
    in_the_ledger_once(&fixture).await;
    assert!(std::fs::read_dir(folder.path().join("aws/lambda/mapping/shard/2026/01/01")).map_or(0, Iterator::count) == 0);
}

/// Runs under faults, some of which end a run.
async fn disturbed(fixture: &Fixture, reconciliation: &Reconciliation) {
    for number in 0..6 {
        let wake = if number == 3 { Wake::Lost } else { Wake::Schedule };
        // What a failed run has kept is gone on with.
        let _ = reconciliation.run(wake, fixture.now()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Commands go on meanwhile; their records reach the projector or are lost.
async fn traffic(fixture: &Fixture, streams: &[(StreamId, History)]) {
    for round in 0..3 {
        for (stream, history) in streams.iter().filter(|(_, history)| !history.unknown) {
            let Some(arrives) = history.traffic else { continue };
            fixture.try_attempt(stream, 100 + round).await;
            if arrives && let Some(last) = fixture.try_items(stream).await.last() {
                deliver(&fixture.projector(), &[record("INSERT", 1, last)]).await;
            }
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    }
}

/// Meanwhile no row goes back.
async fn watch(fixture: &Fixture, streams: &[(StreamId, History)]) {
    let mut seen = BTreeMap::new();
    for _ in 0..40 {
        for (stream, _) in streams {
            let Some(row) = fixture.try_row(stream).await else { continue };
            assert!(seen.insert(stream, version(&row)).unwrap_or(0) <= version(&row), "{stream} went back");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn readable(fixture: &Fixture, stream: &StreamId, history: &History) -> Vec<Item> {
    let mut items = fixture.items(stream).await;
    items.truncate(items.len() - usize::from(history.unknown));
    items
}

async fn count(fixture: &Fixture) -> u64 {
    let page = fixture.account.sdk_dynamodb().scan().table_name(LOG).limit(1000).send().await.unwrap();
    page.count() as u64
}

/// A row never goes back and, where this revision wrote it, shows exactly the fold at its version.
async fn rows_move_forward(fixture: &Fixture, streams: &[(StreamId, History)], seen: &mut BTreeMap<StreamId, u64>) {
    for (stream, history) in streams {
        let Some(row) = fixture.row(stream).await else { continue };
        let now = version(&row);
        assert!(seen.insert(stream.clone(), now).unwrap_or(0) <= now);
        if now > 0 && row["rev"] == AttributeValue::N("1".into()) {
            let items = readable(fixture, stream, history).await;
            assert_eq!(serde_dynamo::from_item::<_, InvoiceRow>(row).unwrap(), fold(&items[..now as usize]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Law: whatever was lost, after a walk without faults every row equals the fold of its stream, the bus has had every event and
    /// nothing else, what cannot be read is parked and said so, and no row has gone back.
    #[test]
    fn whatever_was_lost_a_walk_finds_it(losses in losses()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(losses));
    }
}
