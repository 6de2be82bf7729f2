//! Append, repeat, conflict, refuse.

use annals_kit::{CommandId, Version};
use annals_log::size::ITEM_LIMIT;
use annals_log::{ExecuteError, Expect, Outcome, RequestHash};
use uuid::Uuid;

use crate::fixture::{BalanceEvent, Change, Fixture, Overdrawn, change, request};

fn version_of<E>(outcome: &Outcome<E>) -> u64 {
    match outcome {
        Outcome::Committed { version, .. } => version.get(),
        Outcome::Unchanged { .. } => panic!("nothing was committed"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_stream_costs_one_call_and_a_warm_one_too() {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    fixture.local.meter().reset();
    streams.execute(&fixture.request(), &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    assert_eq!((fixture.calls("ExecuteStatement"), fixture.calls("Query"), fixture.calls("GetItem")), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cold_stream_costs_one_query_more() {
    let fixture = Fixture::new().await;
    for _ in 0..42 {
        fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    }
    fixture.local.meter().reset();
    fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    assert_eq!((fixture.calls("ExecuteStatement"), fixture.calls("Query")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_command_id_is_carried_out_once_and_answered_alike() {
    let fixture = Fixture::new().await;
    let repeated = fixture.request();
    for streams in [fixture.streams(), fixture.streams()] {
        for _ in 0..2 {
            let outcome = streams.execute(&repeated, &fixture.stream(), Expect::New, &change(5)).await.unwrap();
            assert_eq!(version_of(&outcome), 1);
        }
    }
    assert_eq!(fixture.items().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_id_is_known_behind_snapshots_and_refused_for_another_request() {
    let fixture = Fixture::new().await;
    let first = fixture.request();
    fixture.streams().execute(&first, &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    let streams = fixture.streams();
    for _ in 0..80 {
        streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(1)).await.unwrap();
    }
    let again = fixture.streams().execute(&first, &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    assert_eq!(version_of(&again), 1);
    let mut other = first.clone();
    other.hash = RequestHash::of(b"something else");
    let reused = fixture.streams().execute(&other, &fixture.stream(), Expect::Existing, &change(6)).await;
    assert!(matches!(reused, Err(ExecuteError::IdReused { command }) if command == first.command));
    assert_eq!(fixture.items().await.len(), 81);
}

#[tokio::test(start_paused = true)]
async fn a_command_id_is_forgotten_after_a_day() {
    let fixture = Fixture::new().await;
    let first = fixture.request();
    fixture.streams().execute(&first, &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    fixture.clock.shift(25 * 3600);
    fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    let again = fixture.streams().execute(&first, &fixture.stream(), Expect::Existing, &change(5)).await.unwrap();
    assert_eq!(version_of(&again), 3);
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_version_decides_again() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.streams(), fixture.streams());
    one.execute(&fixture.request(), &fixture.stream(), Expect::New, &change(10)).await.unwrap();
    two.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(-10)).await.unwrap();
    // `one` still believes in 10 and would accept: the insert tells it otherwise.
    let lost = one.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(-10)).await;
    assert!(matches!(lost, Err(ExecuteError::Refused(Overdrawn { balance: 0 }))));
    assert_eq!(fixture.items().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_warm_state_does_not_refuse_what_the_newest_state_accepts() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.streams(), fixture.streams());
    one.execute(&fixture.request(), &fixture.stream(), Expect::New, &change(1)).await.unwrap();
    two.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(10)).await.unwrap();
    let outcome = one.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(-11)).await.unwrap();
    assert_eq!(version_of(&outcome), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_writes_nothing() {
    let fixture = Fixture::new().await;
    let outcome = fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &change(0)).await.unwrap();
    assert_eq!(outcome, Outcome::<BalanceEvent>::Unchanged { version: None });
    assert_eq!(fixture.calls("ExecuteStatement"), 0);
}

#[tokio::test(start_paused = true)]
async fn another_tenants_stream_is_not_found() {
    let fixture = Fixture::new().await;
    fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    for expect in [Expect::New, Expect::Existing] {
        let mut other = fixture.request();
        other.tenant = "other".parse().unwrap();
        let outcome = fixture.streams().execute(&other, &fixture.stream(), expect, &change(5)).await;
        assert!(matches!(outcome, Err(ExecuteError::NotFound)));
    }
    assert_eq!(fixture.items().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_over_the_item_limit_is_refused_before_any_write() {
    let fixture = Fixture::new().await;
    let large = Change { by: 1, note: "x".repeat(ITEM_LIMIT) };
    let outcome = fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &large).await;
    assert!(matches!(outcome, Err(ExecuteError::TooLarge { size }) if size > ITEM_LIMIT));
    assert_eq!(fixture.calls("ExecuteStatement"), 0);
}

#[tokio::test(start_paused = true)]
async fn recorded_at_does_not_go_back_with_the_clock() {
    let fixture = Fixture::new().await;
    let streams = fixture.streams();
    let mut times = vec![];
    for shift in [0, -600, 1200, -600] {
        fixture.clock.shift(shift);
        match streams.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(1)).await.unwrap() {
            Outcome::Committed { recorded_at, .. } => times.push(recorded_at),
            Outcome::Unchanged { .. } => panic!("a change was committed"),
        }
    }
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tail_of_more_than_a_page_is_read_to_its_end_before_a_refusal() {
    let fixture = Fixture::new().await;
    let (warm, other) = (fixture.streams(), fixture.streams());
    warm.execute(&fixture.request(), &fixture.stream(), Expect::New, &change(1)).await.unwrap();
    // Four commits of 350 KB do not fit a page of 1 MB.
    for _ in 0..4 {
        let large = Change { by: 1, note: "x".repeat(350_000) };
        other.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &large).await.unwrap();
    }
    let outcome = warm.execute(&fixture.request(), &fixture.stream(), Expect::Existing, &change(-5)).await.unwrap();
    assert_eq!(version_of(&outcome), 6);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_json_readers_disagree_on_are_refused() {
    let fixture = Fixture::new().await;
    let outcome = fixture.streams().execute(&request(CommandId(Uuid::nil())), &fixture.stream(), Expect::New, &change(1 << 53)).await;
    assert!(matches!(outcome, Err(ExecuteError::Encode(_))), "{outcome:?}");
    assert_eq!(fixture.log.commit(&fixture.stream(), Version::FIRST).await.unwrap(), None);
}
