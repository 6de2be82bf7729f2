//! Searches find what looking at every entry finds, and say when something is missing; state at a position is made of prefixes.

use annals_kit::{StreamId, Timestamp, Version};
use annals_ledger::fact::Fact;
use annals_ledger::summary::Sought;
use annals_ledger::{Entry, LedgerError, Position, Reader, Wanted};
use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixture::{Fixture, LEDGER, commit, deliver};

/// A ledger of these batches: for each how many commits, of which stream each, and how long after the one before, in seconds.
async fn ledger(batches: &[(Vec<u32>, i64)]) -> Fixture {
    let fixture = Fixture::new().await;
    let (sequencer, mut versions) = (fixture.sequencer(), std::collections::HashMap::new());
    for (streams, seconds) in batches {
        fixture.clock.advance(*seconds);
        let mut items = vec![];
        for stream in streams {
            let version: &mut u64 = versions.entry(*stream).or_default();
            *version += 1;
            // Hashes chain elsewhere: here only the first of a stream may have none.
            let previous = (*version > 1).then_some(annals_log::CommitHash([1; 32]));
            items.push(commit(*stream, *version, previous, fixture.clock.truth()).to_item().unwrap());
        }
        assert!(deliver(&sequencer, &fixture.records(&items)).await);
    }
    fixture
}

async fn found(fixture: &Fixture, range: std::ops::Range<Position>, wanted: Wanted) -> Result<Vec<Entry>, LedgerError> {
    let (mut search, mut found) = (Reader::new(fixture.table()).search(range, wanted).await?, vec![]);
    while let Some(entries) = search.next().await? {
        found.extend(entries);
    }
    Ok(found)
}

fn stream(number: u32) -> StreamId {
    StreamId::of("SUB", Uuid::from_u128(u128::from(number)))
}

/// Conditions by number: none, an actor, a stream, one of two streams, a time, a stream in a time.
fn wanted(number: u8, at: Timestamp) -> Wanted {
    let actor = || Sought::Actor("actor-1".parse().unwrap());
    let all = Wanted::everything();
    match number {
        0 => all,
        1 => all.and(actor()),
        2 => all.and(Sought::Stream(stream(3))),
        3 => all.and_one_of(vec![Sought::Stream(stream(2)), Sought::Stream(stream(5))]),
        4 => all.and_recorded(at, at.plus(TimeDelta::hours(5))),
        _ => all.and(actor()).and_recorded(at, at.plus(TimeDelta::hours(9))).and(Sought::Tenant("demo".parse().unwrap())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Law: a search finds, in order, the entries of its range that its conditions keep, and no others.
    #[test]
    fn a_search_finds_what_looking_at_every_entry_finds(
        batches in prop::collection::vec((prop::collection::vec(1u32..7, 1..9), prop_oneof![3 => 0i64..600, 1 => 20_000i64..200_000]), 1..12),
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        number in 0u8..6,
        hours in 0i64..60,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fixture = ledger(&batches).await;
            let entries = fixture.entries().await;
            let (a, b) = (ends.0.index(entries.len() + 1) as u64, ends.1.index(entries.len() + 4) as u64);
            let range = Position::new(a.min(b))..Position::new(a.max(b));
            let wanted = wanted(number, entries[0].sequenced_at.plus(TimeDelta::hours(hours)));
            let expected: Vec<_> =
                entries.into_iter().filter(|entry| range.contains(&entry.position) && wanted.keeps(entry)).collect();
            assert_eq!(found(&fixture, range, wanted).await.unwrap(), expected);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_complete_or_none() {
    let fixture = ledger(&[(vec![1, 2], 1), (vec![3], 1), (vec![1, 4], 90_000), (vec![2], 1)]).await;
    let all = Position::FIRST..Position::new(6);
    let rare = || Wanted::everything().and(Sought::Stream(stream(4)));
    assert_eq!(found(&fixture, all.clone(), rare()).await.unwrap().len(), 1);
    let stored = fixture.stored().await;
    for item in stored.iter().filter(|item| item["PK"].as_s().unwrap() != "EPOCHS" && item["SK"].as_s().unwrap() != "00000000000000000000")
    {
        fixture.delete(LEDGER, item).await;
        // Whether or not it is one that would be passed over. A missing end is a shorter ledger, which only checkpoints tell.
        let last = item["SK"].as_s().unwrap().ends_with("05");
        assert_eq!(found(&fixture, all.clone(), rare()).await.is_err(), !last, "{item:?}");
        fixture.client.put_item().table_name(LEDGER).set_item(Some(item.clone())).send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn items_are_passed_over_by_their_summary() {
    let batches: Vec<_> = (1..=60).map(|stream| (vec![stream; 3], 60)).collect();
    let fixture = ledger(&batches).await;
    let reader = Reader::new(fixture.table());
    let mut search = reader.search(Position::FIRST..Position::new(180), Wanted::everything().and(Sought::Stream(stream(7)))).await.unwrap();
    let mut entries = 0;
    while let Some(more) = search.next().await.unwrap() {
        entries += more.len();
    }
    let effort = search.effort();
    assert_eq!((entries, effort.items), (3, 60));
    // One in 120 of the others seems to hold it.
    assert!(effort.passed_over >= 56 && effort.opened <= 12, "{effort:?}");
}

#[tokio::test(start_paused = true)]
async fn state_at_a_position_is_the_prefix_and_late_ones_are_listed() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 4).await;
    let (sequencer, records) = (fixture.sequencer(), fixture.records(&items));
    // Version 3 overtakes version 2, which comes an hour later.
    for (batch, seconds) in [(&records[..1], 10), (&records[2..3], 10), (&records[1..2], 3600), (&records[3..], 10)] {
        fixture.clock.advance(seconds);
        assert!(deliver(&sequencer, batch).await);
    }
    let reader = Reader::new(fixture.table());
    let at = async |position| reader.stream_at(&stream(1), Position::FIRST, Position::new(position)).await.unwrap();
    let versions = |numbers: &[(u64, u64)]| {
        numbers.iter().map(|(version, position)| (Version::new(*version).unwrap(), Position::new(*position))).collect::<Vec<_>>()
    };
    assert_eq!((at(0).await.version, at(1).await.version.unwrap().get()), (None, 1));
    let torn = at(2).await;
    assert_eq!((torn.version.unwrap().get(), torn.beyond.into_iter().collect::<Vec<_>>()), (1, vec![3]));
    assert_eq!(torn.late, versions(&[(2, 2), (4, 3)]));
    assert_eq!((at(3).await.version.unwrap().get(), at(4).await.late.len()), (3, 0));
    assert_eq!(reader.streams_at(Position::new(2)).await.unwrap().streams(), (1, 1));
    // By time: nothing was sequenced between, so what was recorded before and sequenced after is late for the period.
    let (begin, entries) = (fixture.entries().await[0].sequenced_at, fixture.entries().await);
    let (from, until) = (begin.plus(TimeDelta::seconds(-60)), begin.plus(TimeDelta::seconds(60)));
    let period = reader.period(from, until).await.unwrap();
    assert_eq!(period, Position::FIRST..Position::new(2));
    let (mut late, mut positions) = (reader.late_for(from, until, period.end).await.unwrap(), vec![]);
    while let Some(more) = late.next().await.unwrap() {
        positions.extend(more.iter().map(|entry| entry.position.get()));
    }
    assert_eq!(positions, [2, 3]);
    assert!(entries.iter().all(|entry| matches!(entry.fact, Fact::Commit(_))));
}
