//! Commands on two streams: both commits or none, once, whatever becomes of the answers.

use std::collections::BTreeMap;

use annals_kit::{CommandId, StreamId};
use annals_local::Fault;
use annals_log::{Commit, ExecuteError, Expect, Joint, Together, execute_together};
use annals_reads::Item;
use proptest::prelude::*;
use uuid::Uuid;

use crate::fixture::{Balance, Change, Fixture, Overdrawn, change, request};

fn account(number: u128) -> StreamId {
    StreamId::of("SUB", Uuid::from_u128(100 + number))
}

/// Moves `by` from one account to another.
async fn transfer(fixture: &Fixture, command: CommandId, (from, to): (u128, u128), by: i64) -> Result<Together, ExecuteError<Overdrawn>> {
    let streams = fixture.streams();
    let part = |number, by| Joint::<Balance, Change>::new(&streams, request(command), account(number), change(by));
    let (mut out, mut into) = (part(from, -by), part(to, by));
    execute_together(&fixture.log, command, &mut [&mut out, &mut into]).await
}

async fn commits(fixture: &Fixture, number: u128) -> Vec<Commit> {
    let items: Vec<Item> = fixture.log.newest_first(&account(number), 200, None).await.unwrap().items;
    items.iter().map(|item| Commit::from_item(item).unwrap()).collect()
}

async fn balance(fixture: &Fixture, number: u128) -> i64 {
    fixture.streams().load(&account(number)).await.unwrap().state.minor
}

async fn with_accounts(faults: Vec<Fault>) -> Fixture {
    let fixture = Fixture::new().await;
    for number in 0..3 {
        fixture.streams().execute(&fixture.request(), &account(number), Expect::New, &change(100)).await.unwrap();
    }
    fixture.arm(faults);
    fixture
}

#[tokio::test(start_paused = true)]
async fn both_commits_or_none_and_a_repetition_is_known() {
    let fixture = with_accounts(vec![]).await;
    let (command, poor) = (CommandId(Uuid::from_u128(1)), CommandId(Uuid::from_u128(2)));
    assert_eq!(transfer(&fixture, command, (0, 1), 60).await.unwrap(), Together::Committed);
    assert_eq!(transfer(&fixture, command, (0, 1), 60).await.unwrap(), Together::Repeated);
    let refused = transfer(&fixture, poor, (0, 1), 60).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Overdrawn { balance: 40 }))), "{refused:?}");
    assert_eq!(transfer(&fixture, CommandId(Uuid::from_u128(3)), (0, 1), 0).await.unwrap(), Together::Unchanged);
    assert_eq!((balance(&fixture, 0).await, balance(&fixture, 1).await), (40, 160));
    assert_eq!((commits(&fixture, 0).await.len(), commits(&fixture, 1).await.len()), (2, 2));
    assert_eq!(fixture.calls("ExecuteTransaction"), 1);
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        3 => Just(Fault::LoseResponse),
        2 => Just(Fault::LoseRequest),
        2 => Just(Fault::Throttle),
        1 => Just(Fault::InternalError),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Law: whatever is lost, throttled or raced, a command is in both of its streams or in neither, once; what was acknowledged is there, what was
    /// refused is not, and nothing is lost or made.
    #[test]
    fn transfers_conserve_what_there_is(
        faults in prop::collection::vec(a_fault(), 0..40),
        transfers in prop::collection::vec((0u128..3, 0u128..3, 1i64..80), 1..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fixture = with_accounts(faults).await;
            let asked = transfers.iter().enumerate().filter(|(_, (from, to, _))| from != to);
            let told = asked.map(|(n, (from, to, by))| {
                let (fixture, command) = (&fixture, CommandId(Uuid::from_u64_pair(7, n as u64 + 1)));
                async move { (command, (*from, *to), transfer(fixture, command, (*from, *to), *by).await) }
            });
            let told = futures_util::future::join_all(told).await;
            fixture.calm();
            let mut seen: BTreeMap<CommandId, Vec<u128>> = BTreeMap::new();
            let mut total = 0;
            for number in 0..3 {
                total += balance(&fixture, number).await;
                prop_assert!(balance(&fixture, number).await >= 0);
                for commit in commits(&fixture, number).await {
                    seen.entry(commit.command).or_default().push(number);
                }
            }
            prop_assert_eq!(total, 300);
            for (command, (from, to), outcome) in told {
                let mut both = vec![from, to];
                both.sort_unstable();
                let there = seen.remove(&command).unwrap_or_default();
                match outcome {
                    Ok(_) => prop_assert_eq!(there, both),
                    Err(ExecuteError::Unknown { .. }) => prop_assert!(there.is_empty() || there == both, "{:?}", there),
                    Err(_) => prop_assert!(there.is_empty(), "{:?}", there),
                }
            }
            Ok(())
        })?;
    }
}
