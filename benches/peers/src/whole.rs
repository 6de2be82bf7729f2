//! Work on everything there is: every event read in its stream's order, the total order, and a read model built anew.

use std::time::Instant;

use annals_local::Store;

use crate::account::Account;
use crate::contestant::{Contestant, Runner, Start};
use crate::findings::{Transport, Whole};
use crate::rows;
use crate::store::micros;
use crate::streams::Scale;
use crate::task::{Answer, Task};

/// The rounds that the tables of views are made for.
const ROUNDS: u64 = 3;

/// Everything, in rounds of turns.
pub async fn run(directory: &std::path::Path, scale: Scale) -> Result<Vec<Whole>, String> {
    let account = Account::open(Store::Directory(directory.to_owned())).await?;
    let [streams, notes] = scale.whole;
    let start = Start { metered: true, filled: false };
    let mut runners = vec![];
    for contestant in [Contestant::Annals, Contestant::Cqrs, Contestant::Adapter] {
        let mut runner = Runner::here(contestant, &account, start).await?;
        fill(&mut runner, streams, notes).await?;
        runners.push((Transport::InProcess, runner));
    }
    for contestant in [Contestant::Annals, Contestant::Castore] {
        let mut runner = Runner::there(contestant, &account, start).await?;
        if contestant == Contestant::Castore {
            fill(&mut runner, streams, notes).await?;
        }
        runners.push((Transport::Loopback, runner));
    }
    let events = streams * notes;
    let mut all: Vec<Whole> = vec![];
    for round in 1..=scale.rounds.min(ROUNDS) {
        for (transport, runner) in &mut runners {
            account.forget_spent();
            note(&mut all, &account, *transport, runner.contestant, READ, events, runner.run(Task::ReadAll).await);
        }
        for (transport, runner) in runners.iter_mut().filter(|(transport, _)| *transport == Transport::InProcess) {
            account.forget_spent();
            note(&mut all, &account, *transport, runner.contestant, REBUILD, events, runner.run(Task::Rebuild { round }).await);
        }
    }
    order(&mut all, &account, events).await;
    account.close().await;
    Ok(all)
}

/// Read every event.
pub const READ: &str = "read everything, each stream in order";
/// Build the read model anew.
pub const REBUILD: &str = "rebuild a read model of a row a stream";
/// Make the total order.
pub const SEQUENCE: &str = "give every commit its place in a total order";
/// Read it.
pub const ORDER: &str = "read the total order";

async fn fill(runner: &mut Runner, streams: u64, notes: u64) -> Result<(), String> {
    let answer = runner.run(Task::Fill { streams: (1..=streams).map(|stream| (stream, notes)).collect() }).await;
    answer.failed.map_or(Ok(()), Err)
}

/// What only Annals has: the ledger.
async fn order(all: &mut Vec<Whole>, account: &Account, events: u64) {
    let way = account.here(Contestant::Annals, true);
    for (work, made) in [(SEQUENCE, true), (ORDER, false)] {
        account.forget_spent();
        let began = Instant::now();
        let done = if made { rows::sequence(&way).await.map(|_| events) } else { rows::read_order(&way).await };
        let elapsed_micros = micros(began.elapsed());
        let answer = done.map_or_else(Answer::of_failure, |count| Answer { count: Some(count), ..Answer::default() });
        note(all, account, Transport::InProcess, Contestant::Annals, work, events, Answer { elapsed_micros, ..answer });
    }
}

fn note(all: &mut Vec<Whole>, account: &Account, transport: Transport, contestant: Contestant, work: &str, events: u64, answer: Answer) {
    let Some(count) = answer.count.or(answer.failed.is_some().then_some(0)) else { return };
    let rate = events as f64 / (answer.elapsed_micros as f64 / 1e6);
    let known = all.iter_mut().find(|one| one.transport == transport && one.contestant == contestant && one.work == work);
    match known {
        Some(one) => one.rates.push(rate),
        None => all.push(Whole {
            contestant,
            transport,
            work: work.into(),
            events,
            count,
            spent: account.spent(contestant).per(events),
            rates: vec![rate],
            failed: answer.failed,
        }),
    }
}
