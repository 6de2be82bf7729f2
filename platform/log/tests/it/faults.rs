//! Lost responses, lost requests, throttling and races: no double, no loss, nothing unexplained.

use std::collections::BTreeMap;

use annals_kit::{CommandId, StreamId, Version};
use annals_local::Fault;
use annals_log::verify::Chain;
use annals_log::{Commit, ExecuteError, Expect, Folded, Outcome};
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixture::{Balance, Fixture, change, request};

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        3 => Just(Fault::LoseResponse),
        2 => Just(Fault::LoseRequest),
        2 => Just(Fault::Throttle),
        1 => Just(Fault::InternalError),
        1 => (1u64..9000).prop_map(|millis| Fault::Delay(std::time::Duration::from_millis(millis))),
    ]
}

/// What one caller was told about its commands.
#[derive(Debug, Default)]
struct Told {
    committed: BTreeMap<CommandId, (Version, i64)>,
    refused: Vec<CommandId>,
    open: Vec<CommandId>,
}

/// A caller that asks again with the same id while it is told "busy" or "unknown", as callers should, but not for ever.
async fn caller(fixture: &Fixture, number: usize, changes: Vec<i64>) -> Told {
    let (streams, mut told) = (fixture.streams(), Told::default());
    for (n, by) in changes.into_iter().enumerate() {
        let command = CommandId(Uuid::from_u64_pair(number as u64 + 1, n as u64 + 1));
        let mut patience = 4;
        loop {
            match streams.execute(&request(command), &fixture.stream(), Expect::Existing, &change(by)).await {
                Ok(Outcome::Committed { version, .. }) => drop(told.committed.insert(command, (version, by))),
                Ok(Outcome::Unchanged { .. }) => {}
                Err(ExecuteError::Refused(_)) => told.refused.push(command),
                Err(ExecuteError::Busy { .. } | ExecuteError::Unknown { .. } | ExecuteError::Failed { .. }) if patience > 0 => {
                    patience -= 1;
                    continue;
                }
                Err(ExecuteError::Unknown { .. }) => told.open.push(command),
                Err(ExecuteError::Busy { .. } | ExecuteError::Failed { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            break;
        }
    }
    told
}

async fn run(faults: Vec<Fault>, callers: Vec<Vec<i64>>) {
    let fixture = Fixture::with_faults(faults).await;
    let told: Vec<Told> =
        futures_util::future::join_all(callers.iter().enumerate().map(|(number, changes)| caller(&fixture, number, changes.clone()))).await;

    fixture.calm();
    let items = fixture.items().await;
    let (mut chain, mut folded) = (Chain::new(fixture.stream()), Folded::<Balance>::default());
    let mut written: BTreeMap<CommandId, Version> = BTreeMap::new();
    for item in &items {
        chain.check(item).unwrap();
        let commit = folded.apply(item).unwrap();
        assert_eq!(written.insert(commit.command, commit.version), None, "command {} took effect twice", commit.command);
    }
    for told in &told {
        for (command, (version, _)) in &told.committed {
            assert_eq!(written.get(command), Some(version), "acknowledged and not there");
        }
        for command in &told.refused {
            assert_eq!(written.get(command), None, "refused and yet there");
        }
    }
    // Everything there was acknowledged, or reported as unknown.
    let explained: std::collections::BTreeSet<_> = told.iter().flat_map(|told| told.committed.keys().chain(&told.open)).collect();
    assert!(written.keys().all(|command| explained.contains(command)), "{written:?} {told:?}");
    assert!(folded.state.minor >= 0 && folded.state.minor == folded.state.changes.iter().sum::<i64>());
    assert_eq!(fixture.streams().load(&fixture.stream()).await.unwrap().state, folded.state);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Law: whatever calls are lost, late or throttled and whoever races, an acknowledged command is in the log once, a refused one
    /// not at all, versions have no gap, hashes chain, and the balance is the sum of the changes.
    #[test]
    fn no_double_and_no_loss(
        faults in prop::collection::vec(a_fault(), 0..60),
        callers in prop::collection::vec(prop::collection::vec(-3i64..6, 1..8), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(faults, callers));
    }
}

/// Scans and single commits see what the stream's reads see.
#[tokio::test(start_paused = true)]
async fn a_lost_response_is_found_and_not_written_again() {
    let fixture = Fixture::with_faults(vec![Fault::LoseResponse]).await;
    let outcome = fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed { repeated: true, .. }));
    let items = fixture.items().await;
    let stream: StreamId = Commit::from_item(&items[0]).unwrap().stream;
    assert_eq!((items.len(), stream), (1, fixture.stream()));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_may_have_been_written_is_unknown_and_never_failed() {
    let mut faults = vec![Fault::LoseResponse];
    faults.extend(vec![Fault::LoseRequest; 200]);
    let fixture = Fixture::with_faults(faults).await;
    let request = fixture.request();
    let outcome = fixture.streams().execute(&request, &fixture.stream(), Expect::New, &change(5)).await;
    assert!(matches!(outcome, Err(ExecuteError::Unknown { command, .. }) if command == request.command), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_found_but_cannot_be_read_is_unknown() {
    // The insert lands without an answer, the tail shows that something landed, and then nothing can be read any more.
    let mut faults = vec![Fault::LoseResponse, Fault::None];
    faults.extend(vec![Fault::LoseRequest; 400]);
    let fixture = Fixture::with_faults(faults).await;
    let outcome = fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &change(5)).await;
    assert!(matches!(outcome, Err(ExecuteError::Unknown { .. })), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_command_that_cannot_be_read_is_unknown_too() {
    let fixture = Fixture::new().await;
    let request = fixture.request();
    fixture.streams().execute(&request, &fixture.stream(), Expect::New, &change(5)).await.unwrap();
    let mut faults = vec![Fault::None];
    faults.extend(vec![Fault::LoseRequest; 400]);
    fixture.arm(faults);
    let outcome = fixture.streams().execute(&request, &fixture.stream(), Expect::Existing, &change(5)).await;
    assert!(matches!(outcome, Err(ExecuteError::Unknown { .. })), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_only_throttled_is_busy() {
    let fixture = Fixture::with_faults(vec![Fault::Throttle; 200]).await;
    let outcome = fixture.streams().execute(&fixture.request(), &fixture.stream(), Expect::New, &change(5)).await;
    assert!(matches!(outcome, Err(ExecuteError::Busy { .. })), "{outcome:?}");
}
