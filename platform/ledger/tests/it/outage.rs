//! What no record of the stream tells any more is found by a walk over the log.

use std::time::Duration;

use annals_kit::Clock;
use annals_ledger::LedgerFeed;
use annals_local::Fault;
use annals_projection::{Consumer, Found, Lacked, Mode, Reconciler, Tally, Walk};
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::fixture::{Fixture, LEDGER, deliver, keys, keys_of};

/// A feed with nothing in memory, as after a cold start.
fn feed(fixture: &Fixture) -> LedgerFeed {
    LedgerFeed::new(fixture.sequencer(), fixture.log.clone(), fixture.clock.clone())
}

fn reconciler(fixture: &Fixture) -> Reconciler {
    Reconciler::new(fixture.log.clone(), fixture.clock.clone()).feeding(feed(fixture))
}

/// A walk from beginning to end.
async fn walk(fixture: &Fixture, reconciler: &Reconciler, mode: Mode) -> Tally {
    let mut walk = Walk::new(fixture.clock.now());
    reconciler.go_on(&mut walk, mode, None).await.unwrap();
    assert_eq!(walk.open(), 0);
    walk.tally
}

fn mended(streams: u64, commits: u64) -> Lacked {
    Lacked { streams, commits, mended: streams, parked: 0 }
}

#[tokio::test(start_paused = true)]
async fn after_25_hours_without_the_ledgers_function_everything_comes_in() {
    let fixture = Fixture::new().await;
    let before = fixture.commits(1, 3).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&before)).await);
    let mut items = before;
    // Nobody takes their records, and after 24 hours there are none.
    for stream in 2..40 {
        items.extend(fixture.commits(stream, 4).await);
        fixture.clock.advance(25 * 3600 / 38);
    }
    assert_eq!(fixture.found().await, "commit-unsequenced");
    let reconciler = reconciler(&fixture).with_pages_of(7);
    assert_eq!(walk(&fixture, &reconciler, Mode::Mend).await.of("ledger"), mended(38, 152));
    let mut sequenced = keys(&fixture.entries().await);
    sequenced.sort();
    let mut expected = keys_of(&items);
    expected.sort();
    assert_eq!(sequenced, expected);
    assert_eq!(fixture.verify().await.unwrap().entries, 155);
    assert_eq!(walk(&fixture, &reconciler, Mode::Mend).await.of("ledger"), Lacked::default());
}

#[tokio::test(start_paused = true)]
async fn looking_counts_every_hole_and_writes_nothing() {
    let fixture = Fixture::new().await;
    let mut items = vec![];
    for stream in 1..20 {
        items.extend(fixture.commits(stream, 3).await);
    }
    // Every second record was lost: the middle of some streams, both ends of others.
    let some: Vec<_> = fixture.records(&items).into_iter().step_by(2).collect();
    assert!(deliver(&fixture.sequencer(), &some).await);
    let (stored, written) = (fixture.stored().await.len(), fixture.asked("ExecuteStatement"));
    let lacked = walk(&fixture, &reconciler(&fixture), Mode::Look).await.of("ledger");
    assert_eq!(lacked, Lacked { streams: 19, commits: 28, mended: 0, parked: 0 });
    assert_eq!((fixture.stored().await.len(), fixture.asked("ExecuteStatement")), (stored, written));
    assert_eq!(walk(&fixture, &reconciler(&fixture), Mode::Mend).await.of("ledger"), mended(19, 28));
    assert_eq!(fixture.verify().await.unwrap().entries, 57);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_lacking_the_ledger_is_read_once_and_not_written() {
    let fixture = Fixture::new().await;
    for stream in 1..=60 {
        assert!(deliver(&fixture.sequencer(), &fixture.records(&fixture.commits(stream, 2).await)).await);
    }
    let reconciler = reconciler(&fixture).with_pages_of(1);
    let (read, written) = (fixture.asked("Query"), fixture.asked("ExecuteStatement"));
    for _ in 0..2 {
        assert_eq!(walk(&fixture, &reconciler, Mode::Mend).await.of("ledger"), Lacked::default());
    }
    // The seal before all others, 60 items in two pages, and the end; whatever the number of pages and walks.
    assert_eq!((fixture.asked("Query") - read, fixture.asked("ExecuteStatement")), (4, written));
}

#[tokio::test(start_paused = true)]
async fn what_was_sequenced_since_the_ledger_was_read_is_not_lacking() {
    let fixture = Fixture::new().await;
    let (reconciler, function) = (reconciler(&fixture), fixture.sequencer());
    for stream in 1..10 {
        assert!(deliver(&function, &fixture.records(&fixture.commits(stream, 2).await)).await);
        fixture.clock.advance(3600);
        assert_eq!(walk(&fixture, &reconciler, Mode::Look).await.of("ledger"), Lacked::default());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sequenced_after_the_look_gets_no_second_position() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 3).await;
    fixture.clock.advance(7200);
    let (feed, function, records) = (feed(&fixture), fixture.sequencer(), fixture.records(&items));
    let heads = fixture.log.heads(None, (0, 1), 100).await.unwrap().heads;
    assert_eq!(feed.reconcile(&heads, Mode::Look).await, [Found::Lacks { commits: 3 }]);
    // The function sequences at the same moment: whoever loses reads what won.
    let (found, delivered) = tokio::join!(feed.reconcile(&heads, Mode::Mend), deliver(&function, &records));
    assert!(delivered);
    assert!(matches!(found[..], [Found::Mended { .. } | Found::Complete]), "{found:?}");
    // The late records of what the reconciler found first.
    fixture.clock.advance(23 * 3600);
    assert!(deliver(&fixture.sequencer(), &records).await);
    assert_eq!(fixture.entries().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_young_commit_has_its_time_to_arrive() {
    let fixture = Fixture::new().await;
    let records = fixture.records(&fixture.commits(1, 2).await);
    let reconciler = reconciler(&fixture);
    let arrives = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(deliver(&fixture.sequencer(), &records).await);
    };
    let (tally, ()) = tokio::join!(walk(&fixture, &reconciler, Mode::Mend), arrives);
    assert_eq!(tally.of("ledger"), Lacked::default());
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_is_not_passed_over() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 2).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    let batch = fixture.stored().await.into_iter().find(|item| item.contains_key("e")).unwrap();
    fixture.change(LEDGER, &batch, "e", AttributeValue::B(b"no block".to_vec().into())).await;
    // Another one after it, so that a sequencer that looks at what is new does not see the broken one.
    fixture.clock.advance(3600);
    let later = fixture.commits(2, 1).await;
    let sequencer = fixture.sequencer();
    assert!(deliver(&sequencer, &fixture.records(&later)).await);
    let (feed, stored) = (feed(&fixture), fixture.stored().await.len());
    let heads = fixture.log.heads(None, (0, 1), 100).await.unwrap().heads;
    for _ in 0..2 {
        assert!(matches!(feed.reconcile(&heads, Mode::Mend).await[..], [Found::Failed { .. }, Found::Failed { .. }]));
    }
    assert_eq!(fixture.stored().await.len(), stored);
}

/// A stream whose records partly never came.
#[derive(Clone, Debug)]
struct History {
    arrived: Vec<bool>,
}

/// One run of the walk: as short as can be.
#[derive(Clone, Debug)]
struct Run {
    /// By an instance that knows nothing.
    cold: bool,
    /// Records that come again, or at last, at the same time.
    delivered: Vec<Index>,
    /// Seconds that pass before.
    pass: i64,
}

fn histories() -> impl Strategy<Value = Vec<History>> {
    let history = prop::collection::vec(any::<bool>(), 1..7).prop_map(|arrived| History { arrived });
    prop::collection::vec(history, 1..7)
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let pass = prop_oneof![4 => 0i64..60, 1 => 600i64..4000, 1 => 80_000i64..100_000];
    let run = (any::<bool>(), prop::collection::vec(any::<Index>(), 0..4), pass);
    prop::collection::vec(run.prop_map(|(cold, delivered, pass)| Run { cold, delivered, pass }), 0..8)
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        8 => Just(Fault::None),
        1 => Just(Fault::Throttle),
        1 => Just(Fault::LoseResponse),
        1 => Just(Fault::LoseRequest),
        1 => Just(Fault::InternalError),
    ];
    prop::collection::vec(fault, 0..60)
}

async fn whatever(histories: Vec<History>, page: usize, runs: Vec<Run>, faults: Vec<Fault>) {
    let fixture = Fixture::new().await;
    let (mut items, mut arrived, mut lost) = (vec![], vec![], 0);
    for (stream, history) in (1..).zip(&histories) {
        let commits = fixture.commits(stream, history.arrived.len() as u64).await;
        let records = fixture.records(&commits).into_iter().zip(&history.arrived);
        arrived.extend(records.filter_map(|(record, arrived)| arrived.then_some(record)));
        lost += history.arrived.iter().filter(|arrived| !**arrived).count() as u64;
        items.extend(commits);
    }
    let records = fixture.records(&items);
    assert!(deliver(&fixture.sequencer(), &arrived).await);
    fixture.clock.advance(3600);

    let stored = fixture.stored().await;
    let seen = walk(&fixture, &reconciler(&fixture).with_pages_of(page), Mode::Look).await;
    assert_eq!((seen.of("ledger").commits, seen.of("ledger").mended), (lost, 0));
    assert_eq!(fixture.stored().await, stored, "a look writes nothing");

    let (mut reconciler, function) = (reconciler(&fixture).with_pages_of(page), fixture.sequencer());
    let mut place = Walk::new(fixture.clock.now());
    fixture.arm(faults);
    for run in runs {
        fixture.clock.advance(run.pass);
        if run.cold {
            reconciler = self::reconciler(&fixture).with_pages_of(page);
            // As it is kept between two runs.
            place = serde_json::from_value(serde_json::to_value(&place).unwrap()).unwrap();
        }
        let delivered: Vec<Value> = run.delivered.iter().map(|index| index.get(&records).clone()).collect();
        let until = Some(fixture.clock.now());
        // What faults stop goes on in the next run.
        let _ = tokio::join!(reconciler.go_on(&mut place, Mode::Mend, until), deliver(&function, &delivered));
    }
    fixture.calm();
    // The rest of the pages, then once more what was open.
    for _ in 0..2 {
        reconciler.go_on(&mut place, Mode::Mend, None).await.unwrap();
    }
    assert!(place.finished_at.is_some(), "{} streams could not be fed", place.open());
    exactly_once(&fixture, &items, "the walk").await;
    assert!(deliver(&fixture.sequencer(), &records).await);
    exactly_once(&fixture, &items, "the records' last time").await;
    assert_eq!(fixture.verify().await.unwrap().entries, items.len() as u64);
    let again = walk(&fixture, &self::reconciler(&fixture), Mode::Look).await;
    assert_eq!((again.of("ledger"), again.commits), (Lacked::default(), items.len() as u64));
}

async fn exactly_once(fixture: &Fixture, items: &[annals_reads::Item], after: &str) {
    let (mut sequenced, mut expected) = (keys(&fixture.entries().await), keys_of(items));
    sequenced.sort();
    expected.sort();
    assert_eq!(sequenced, expected, "after {after}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Law: whatever records were lost, wherever pages end, however often the walk is interrupted and by whom it is resumed, beside
    /// records that come again and under faults: a look counts what is lacking and writes nothing, and after the walk every commit has
    /// exactly one position, also when all records come once more.
    #[test]
    fn whatever_was_lost_the_walk_sequences_once(
        histories in histories(), page in 1usize..5, runs in runs(), faults in faults(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(whatever(histories, page, runs, faults));
    }
}
