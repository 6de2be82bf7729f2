//! However records arrive, every commit has one position.

use annals_kit::Clock;
use annals_ledger::fact::{Fact, Irregularity};
use annals_ledger::item::{Content, LedgerItem};
use annals_ledger::{Position, Reader};
use annals_local::Fault;
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;

use crate::fixture::{Fixture, deliver, keys, keys_of};

/// One batch on its way: which records, to which writer, and what happens to the time before.
#[derive(Clone, Debug)]
struct Batch {
    records: Vec<prop::sample::Index>,
    writer: usize,
    pass: i64,
    skew: i64,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let records = prop::collection::vec(any::<prop::sample::Index>(), 1..12);
    // Seconds, minutes, or to another day.
    let pass = prop_oneof![4 => 0i64..30, 2 => 60i64..1200, 1 => 80_000i64..100_000];
    let batch = (records, 0usize..3, pass, -600i64..=600).prop_map(|(records, writer, pass, skew)| Batch { records, writer, pass, skew });
    prop::collection::vec(batch, 1..14)
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Throttle),
        1 => Just(Fault::LoseResponse),
        1 => Just(Fault::LoseRequest),
        1 => Just(Fault::InternalError),
    ];
    prop::collection::vec(fault, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Law: after any deliveries, in any order and split, to writers that race, over days and with clocks ten minutes off, with answers
    /// lost and calls throttled, whatever the writers remember, every commit has exactly one position, without gaps, in time order, each
    /// day begun after the seal of the one before.
    #[test]
    fn every_commit_has_one_position(streams in prop::collection::vec(1u64..6, 1..5), batches in batches(), faults in faults()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let mut items = vec![];
            for (stream, versions) in (1..).zip(streams) {
                items.extend(fixture.commits(stream, versions).await);
            }
            let records = fixture.records(&items);
            let writers = [fixture.sequencer(), fixture.forgetful_sequencer(), fixture.forgetful_sequencer()];
            fixture.arm(faults);
            for pair in batches.chunks(2) {
                let deliveries = pair.iter().enumerate().map(|(offset, batch)| {
                    fixture.clock.advance(batch.pass);
                    fixture.clock.skew(batch.skew);
                    let records: Vec<_> = batch.records.iter().map(|index| index.get(&records).clone()).collect();
                    // A pair races: two writers at once.
                    let writer = &writers[(batch.writer + offset) % writers.len()];
                    async move { deliver(writer, &records).await }
                });
                futures_util::future::join_all(deliveries).await;
            }
            fixture.calm();
            // What failed comes again, until it is done.
            assert!(deliver(&writers[0], &records).await);
            assert!(deliver(&fixture.sequencer(), &records).await, "a cold writer finds everything there");
            assert!(deliver(&fixture.forgetful_sequencer(), &records).await, "so does one with little memory");

            let entries = fixture.entries().await;
            let (mut sequenced, mut expected) = (keys(&entries), keys_of(&items));
            sequenced.sort();
            expected.sort();
            assert_eq!(sequenced, expected);
            for (place, entry) in (0..).zip(&entries) {
                assert_eq!(entry.position, Position::new(place));
                assert!(place == 0 || entries[place as usize - 1].sequenced_at <= entry.sequenced_at);
            }
            // Nothing is in the table that a reader does not reach: no second chain of epochs.
            let (mut walk, mut reached) = (Reader::new(fixture.table()).all(), 0);
            let mut seals = 0;
            while let Some(item) = walk.next().await.unwrap() {
                reached += 1;
                seals += usize::from(matches!(item.content, Content::Seal { .. }));
            }
            assert_eq!(fixture.stored().await.len(), reached + seals, "an item of the directory for each seal");
            assert_eq!(fixture.verify().await.unwrap().entries, expected.len() as u64);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_again_to_a_cold_writer_gets_no_second_position() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 3).await;
    let records = fixture.records(&items);
    assert!(deliver(&fixture.sequencer(), &records).await);
    fixture.clock.advance(20 * 3600);
    assert!(deliver(&fixture.sequencer(), &records).await);
    assert_eq!(keys(&fixture.entries().await), keys_of(&items));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_again_when_it_is_remembered_no_more_is_read_again() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 20).await;
    let (records, writer) = (fixture.records(&items), fixture.forgetful_sequencer());
    assert!(deliver(&writer, &records[..11]).await && deliver(&writer, &records[11..]).await);
    let read = fixture.asked("Query");
    assert!(deliver(&writer, &records[18..]).await);
    assert_eq!(fixture.asked("Query"), read, "the newest are remembered");
    assert!(deliver(&writer, &records[4..5]).await && fixture.asked("Query") > read);
    assert!(deliver(&writer, &records).await);
    assert_eq!(keys(&fixture.entries().await), keys_of(&items));
}

#[tokio::test(start_paused = true)]
async fn a_record_sequenced_by_a_clock_ten_minutes_slow_is_found_again() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 1).await;
    let records = fixture.records(&items);
    fixture.clock.skew(-600);
    assert!(deliver(&fixture.sequencer(), &records).await);
    fixture.clock.skew(600);
    assert!(deliver(&fixture.sequencer(), &records).await);
    assert_eq!(fixture.entries().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_loses_the_race_reads_what_won_and_drops_it() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 4).await;
    let records = fixture.records(&items);
    let (one, other) = (fixture.sequencer(), fixture.sequencer());
    assert!(deliver(&one, &records[..1]).await && deliver(&other, &records[..1]).await);
    // Both believe that position 1 is next; the other has what the first one sequences, and one more.
    assert!(deliver(&one, &records[1..3]).await);
    assert!(deliver(&other, &records[1..]).await);
    assert_eq!(keys(&fixture.entries().await), keys_of(&items));
}

#[tokio::test(start_paused = true)]
async fn a_day_begins_only_after_the_seal_of_the_one_before() {
    let fixture = Fixture::new().await;
    let (monday, tuesday) = (fixture.commits(1, 2).await, fixture.commits(2, 2).await);
    let (slow, fast) = (fixture.sequencer(), fixture.sequencer());
    assert!(deliver(&slow, &fixture.records(&monday[..1])).await);
    assert!(deliver(&fast, &fixture.records(&monday[1..])).await);
    fixture.clock.skew(600);
    assert!(deliver(&fast, &fixture.records(&tuesday[..1])).await);
    // Still yesterday by this clock: it must not write behind the seal.
    fixture.clock.skew(-600);
    assert!(deliver(&slow, &fixture.records(&tuesday[1..])).await);
    let (mut walk, mut items) = (Reader::new(fixture.table()).all(), vec![]);
    while let Some(item) = walk.next().await.unwrap() {
        items.push(item);
    }
    let days: Vec<_> = items.iter().map(|item| (item.epoch.to_string(), matches!(item.content, Content::Seal { .. }))).collect();
    let day = |text: &str, seal| (text.to_owned(), seal);
    let expected = [
        day("0000-01-01", true),
        day("2026-01-01", false),
        day("2026-01-01", false),
        day("2026-01-01", true),
        day("2026-01-02", false),
        day("2026-01-02", false),
    ];
    assert_eq!(days, expected);
    assert_eq!(fixture.stored().await.len(), items.len() + 2);
    assert_eq!(fixture.entries().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_seal_and_opening_is_made_good() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 2).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items[..1])).await);
    let now = fixture.clock.now();
    fixture.clock.advance(86_400);
    // The directory, the head, what follows; the seal; then nothing gets through any more.
    let mut faults = vec![Fault::None; 4];
    faults.extend(vec![Fault::LoseRequest; 60]);
    fixture.arm(faults);
    assert!(!deliver(&fixture.sequencer(), &fixture.records(&items[1..])).await);
    fixture.calm();
    let openings = fixture.table().epochs().await.unwrap().len();
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items[1..])).await);
    assert_eq!((openings, fixture.table().epochs().await.unwrap().len()), (1, 2), "the crash was where it should be");
    let entries = fixture.entries().await;
    assert_eq!(keys(&entries), keys_of(&items));
    assert!(entries[1].sequenced_at > now);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_resolved_by_reading() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 3).await;
    let sequencer = fixture.sequencer();
    assert!(deliver(&sequencer, &fixture.records(&items[..1])).await);
    fixture.arm(vec![Fault::LoseResponse]);
    assert!(deliver(&sequencer, &fixture.records(&items[1..])).await);
    assert_eq!(keys(&fixture.entries().await), keys_of(&items));
}

#[tokio::test(start_paused = true)]
async fn a_batch_over_the_item_limit_becomes_several_items() {
    let fixture = Fixture::new().await;
    let mut items = vec![];
    for stream in 1..=8000u32 {
        items.push(crate::fixture::commit(stream, 1, None, fixture.clock.truth()).to_item().unwrap());
    }
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    assert_eq!(keys(&fixture.entries().await), keys_of(&items));
    let stored = fixture.stored().await;
    assert!(stored.len() > 3, "two batches at least, the seal and the opening: {}", stored.len());
    let largest = stored.iter().map(annals_log::size::item_size).max().unwrap();
    assert!(largest <= annals_log::size::ITEM_LIMIT, "{largest}");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_to_a_commit_is_an_entry_of_its_own_once() {
    let fixture = Fixture::new().await;
    let item = fixture.commits(1, 1).await.remove(0);
    let mut changed = item.clone();
    changed.insert("a".into(), AttributeValue::S("mallory".into()));
    let mut unreadable = item.clone();
    unreadable.insert("PK".into(), AttributeValue::S("no stream".into()));
    let records = [
        fixture.record("INSERT", &item),
        fixture.record("MODIFY", &changed),
        fixture.record("REMOVE", &changed),
        fixture.record("INSERT", &changed),
        fixture.record("INSERT", &unreadable),
    ];
    assert!(deliver(&fixture.sequencer(), &records).await);
    assert!(deliver(&fixture.sequencer(), &records).await);
    let kinds: Vec<_> = fixture
        .entries()
        .await
        .into_iter()
        .map(|entry| match entry.fact {
            Fact::Commit(_) => None,
            Fact::Irregular(irregular) => Some(irregular.kind),
        })
        .collect();
    let expected =
        [None, Some(Irregularity::Changed), Some(Irregularity::Removed), Some(Irregularity::Replaced), Some(Irregularity::Unreadable)];
    assert_eq!(kinds, expected);
}

#[tokio::test(start_paused = true)]
async fn entries_are_found_by_position_and_by_time() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 30).await;
    let sequencer = fixture.sequencer();
    let mut times = vec![];
    for pair in items.chunks(2) {
        fixture.clock.advance(4000);
        assert!(deliver(&sequencer, &fixture.records(pair)).await);
        times.extend([fixture.clock.now(); 2]);
    }
    let reader = Reader::new(fixture.table());
    assert_eq!(reader.end().await.unwrap(), Position::new(30));
    for place in 0..=30u64 {
        let mut walk = reader.from(Position::new(place)).await.unwrap();
        let first = walk.next_entries().await.unwrap().map(|entries| entries[0].position);
        assert_eq!(first, (place < 30).then(|| Position::new(place / 2 * 2)), "{place}");
    }
    for (place, time) in times.iter().enumerate() {
        for seconds in [-1, 0, 1] {
            let time = time.plus(chrono::TimeDelta::seconds(seconds));
            let mut walk = reader.since(time).await.unwrap();
            let first = walk.next_entries().await.unwrap().map(|entries| entries[0].position.get());
            let expected = times.iter().position(|at| *at >= time).map(|place| place as u64);
            assert_eq!(first, expected, "{place} {seconds}");
        }
    }
    for item in fixture.stored().await.iter().filter(|item| item["PK"].as_s().unwrap() != "EPOCHS") {
        assert_eq!(LedgerItem::from_item(item).unwrap().to_item(), *item);
    }
}
