//! Snapshots: never needed for the answer, only for its price.

use annals_kit::{Aggregate, Event, Recorded, Version};
use annals_log::size::{item_size, write_units};
use annals_log::{Expect, Folded, Log, LogConfig, Streams};
use annals_reads::Reads;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::fixture::{Balance, BalanceEvent, Change, Fixture, change};

/// The same stream folded by newer code, into a state of the same form: only the revision tells the two apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Newer {
    minor: i64,
    changes: Vec<i64>,
}

impl Aggregate for Newer {
    const STREAM_TYPE: &'static str = Balance::STREAM_TYPE;
    const FOLD_REVISION: u32 = Balance::FOLD_REVISION + 1;
    type Event = BalanceEvent;

    fn evolve(&mut self, event: &BalanceEvent, _: Recorded) {
        let BalanceEvent::Changed { by, .. } = event;
        self.minor += 2 * by;
        self.changes.push(2 * by);
    }
}

async fn filled(count: i64) -> Fixture {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    for by in 1..=count {
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(by)).await.unwrap();
    }
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_cold_load_equals_the_fold_of_everything_at_every_length() {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    for by in 1..=120 {
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(by)).await.unwrap();
        let loaded = fixture.streams().load(&fixture.stream()).await.unwrap();
        let mut all = Folded::<Balance>::default();
        for item in fixture.items().await {
            all.apply(&item).unwrap();
        }
        assert_eq!((&loaded.state, &loaded.head), (&all.state, &all.head), "at length {by}");
    }
}

/// Which commits of the fixture's stream carry a snapshot.
async fn with_snapshot(fixture: &Fixture) -> Vec<usize> {
    let items = fixture.items().await;
    (1..).zip(&items).filter(|(_, item)| item.contains_key("s")).map(|(version, _)| version).collect()
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_costs_nothing_rides_in_every_second_commit() {
    let fixture = filled(40).await;
    assert_eq!(with_snapshot(&fixture).await, (1..=20).map(|pair| 2 * pair).collect::<Vec<_>>());
    assert!(fixture.items().await.iter().all(|item| write_units(item_size(item)) == 1));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_fits_no_longer_waits_until_it_is_worth_its_price() {
    // The state grows: every change is in it, and every command of the day.
    let fixture = filled(250).await;
    let (items, carriers) = (fixture.items().await, with_snapshot(&fixture).await);
    for pair in carriers.windows(2) {
        let units = write_units(item_size(&items[pair[1] - 1]));
        assert!(pair[1] - pair[0] == if units == 1 { 2 } else { 33 }, "{carriers:?}: version {} takes {units}", pair[1]);
    }
    let last = carriers.windows(2).find(|pair| pair[1] - pair[0] == 33).unwrap_or_else(|| panic!("{carriers:?}"))[0];
    assert_eq!(queries_of_a_load(&filled(last as i64 + 20).await).await, 2);
}

#[tokio::test(start_paused = true)]
async fn where_snapshots_have_no_room_the_second_load_asks_for_more_at_once() {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    for _ in 0..6 {
        let nearly_a_kilobyte = Change { by: 1, note: "x".repeat(790) };
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &nearly_a_kilobyte).await.unwrap();
    }
    assert!(with_snapshot(&fixture).await.is_empty());
    let cold = fixture.streams();
    for (load, wanted) in [("first", 2), ("second", 1), ("third", 1)] {
        fixture.local.meter().reset();
        assert_eq!(cold.load(&fixture.stream()).await.unwrap().state.minor, 6);
        assert_eq!(fixture.calls("Query"), wanted, "the {load} load");
    }
}

async fn queries_of_a_load(fixture: &Fixture) -> u64 {
    fixture.local.meter().reset();
    fixture.streams().load(&fixture.stream()).await.unwrap();
    fixture.calls("Query")
}

#[tokio::test(start_paused = true)]
async fn a_load_reads_no_further_than_the_last_snapshot() {
    for commits in [3, 4, 7, 47] {
        assert_eq!(queries_of_a_load(&filled(commits).await).await, 1, "at {commits}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_another_revision_is_not_used() {
    let fixture = filled(100).await;
    let loaded = Streams::<Newer>::new(fixture.log.clone()).load(&fixture.stream()).await.unwrap();
    assert_eq!((loaded.state.minor, loaded.state.changes.len()), (2 * (1..=100).sum::<i64>(), 100));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_damaged_is_not_used_either() {
    let fixture = filled(8).await;
    let whole = snapshot_of(&fixture, 8).await;
    let mut of_no_state = whole[..8 + usize::from(whole[7])].to_vec();
    of_no_state.extend_from_slice(b"true");
    let mut too_long = whole.clone();
    too_long[4] = 0xff;
    for damaged in [vec![], whole[..7].to_vec(), whole[..whole.len() - 1].to_vec(), of_no_state, too_long] {
        replace_snapshot(&fixture, 8, AttributeValue::B(Blob::new(damaged.clone()))).await;
        let loaded = fixture.streams().load(&fixture.stream()).await.unwrap();
        assert_eq!(loaded.state.minor, (1..=8).sum::<i64>(), "{damaged:?}");
    }
}

/// The bytes of the snapshot in a commit of the fixture's stream.
async fn snapshot_of(fixture: &Fixture, version: u64) -> Vec<u8> {
    let item = fixture.log.commit(&fixture.stream(), Version::new(version).unwrap()).await.unwrap().unwrap();
    item["s"].as_b().unwrap().as_ref().to_vec()
}

async fn replace_snapshot(fixture: &Fixture, version: u64, snapshot: AttributeValue) {
    let mut item = fixture.log.commit(&fixture.stream(), Version::new(version).unwrap()).await.unwrap().unwrap();
    assert!(item.insert("s".into(), snapshot).is_some(), "version {version} has a snapshot");
    fixture.client.put_item().table_name("subscriptions-log").set_item(Some(item)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_rides_when_the_tail_is_large_and_is_left_out_where_it_does_not_fit() {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    // 20 KB of notes is more than the 16 KB that a tail may have.
    for _ in 0..2 {
        streams
            .execute(&fixture.request(), &fixture.stream(), Expect::Existing, &Change { by: 1, note: "x".repeat(10_000) })
            .await
            .unwrap();
    }
    // This commit alone nearly fills an item.
    let full = Change { by: 1, note: "x".repeat(annals_log::size::ITEM_LIMIT - 260) };
    streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &full).await.unwrap();
    let items = fixture.items().await;
    assert_eq!(items.iter().map(|item| item.contains_key("s")).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(fixture.streams().load(&fixture.stream()).await.unwrap().state.minor, 3);
}

#[tokio::test(start_paused = true)]
async fn snapshots_never_cost_more_than_the_commits_they_spare() {
    let fixture = Fixture::new().await;
    // Snapshots are wanted often, and grow: each remembers every command of the day, and every change.
    let config = LogConfig { snapshot_after_commits: 2, ..LogConfig::new("subscriptions-log") };
    let reads = Reads::new(fixture.client.clone(), access_patterns::billing());
    let log = Log::new(fixture.client.clone(), reads, config, fixture.clock.clone(), fixture.ids.clone());
    let streams = Streams::<Balance>::new(log.clone());
    for by in 1..=300 {
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(by)).await.unwrap();
    }
    let (mut tail, mut snapshots) = (0, 0);
    for mut item in fixture.items().await {
        let whole = item_size(&item);
        let Some(_) = item.remove("s") else {
            tail += whole;
            continue;
        };
        let (snapshot, is_free) = (whole - item_size(&item), write_units(whole) == write_units(item_size(&item)));
        assert!(is_free || snapshot <= tail + item_size(&item), "{snapshot} bytes spare {tail}");
        (tail, snapshots) = (0, snapshots + 1);
    }
    assert!(snapshots > 5, "{snapshots}");
    fixture.local.meter().reset();
    let loaded = Streams::<Balance>::new(log).load(&fixture.stream()).await.unwrap();
    assert_eq!(loaded.state.minor, (1..=300).sum::<i64>());
    assert!(fixture.calls("Query") <= 5, "pages grow: {}", fixture.calls("Query"));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_in_the_form_before_this_one_is_passed_over() {
    let fixture = filled(40).await;
    let state = [("minor".to_owned(), AttributeValue::N("1".into())), ("changes".to_owned(), AttributeValue::L(vec![]))];
    let snapshot = [
        ("f".to_owned(), AttributeValue::N(Balance::FOLD_REVISION.to_string())),
        ("d".to_owned(), AttributeValue::M(state.into())),
        ("m".to_owned(), AttributeValue::B(Blob::new([]))),
    ];
    replace_snapshot(&fixture, 40, AttributeValue::M(snapshot.into())).await;
    let loaded = fixture.streams().load(&fixture.stream()).await.unwrap();
    assert_eq!((loaded.state.minor, loaded.state.changes.len()), ((1..=40).sum::<i64>(), 40));
}

/// What the fixture's aggregate needs to be a fair subject: its events decode as they were encoded.
#[test]
fn the_fixtures_events_round_trip() {
    let event = BalanceEvent::Changed { by: -3, note: "n".into() };
    let stored = annals_kit::StoredEvent::encode(&event);
    assert_eq!(stored.decode::<BalanceEvent>().unwrap(), event);
    assert_eq!(BalanceEvent::SCHEMAS.len(), 1);
}
