//! What becomes of commands when writers race and answers are lost: every event has a tag, and the stored ones are counted.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use annals_local::Store;

use crate::account::{Account, Plan};
use crate::contestant::{Contestant, Runner, Start};
use crate::findings::{Safety, Transport, Trial, Verdict};
use crate::note::Notebook;
use crate::streams::Scale;
use crate::task::{Answer, Command, Task};

/// Writers in a race.
pub const WRITERS: u64 = 8;
/// Answers to writes that are lost, of a hundred.
pub const LOSSY: u64 = 10;
/// How often a caller hands a command over that ended in an error.
const DELIVERIES: u64 = 3;
/// Notes that a stream has before.
const BEFORE: u64 = 3;

/// Every trial, of every contestant: in process where it can be.
pub async fn run(scale: Scale) -> Result<Vec<(Transport, Safety)>, String> {
    let account = Account::open(Store::Memory).await?;
    let mut all = vec![];
    let start = Start { metered: true, filled: false };
    for transport in [Transport::InProcess, Transport::Loopback] {
        let mut runners = vec![];
        for contestant in Contestant::DISTINCT {
            if (contestant == Contestant::Castore) == (transport == Transport::Loopback) {
                runners.push(Runner::here(contestant, &account, start).await?);
            }
        }
        let first = if transport == Transport::InProcess { 0 } else { 1_000 };
        all.extend(races(&account, &mut runners, first, scale).await.into_iter().map(|one| (transport, one)));
        let alone = runners.iter_mut().map(|runner| sequences(&account, runner, first + 500, scale));
        let alone = futures_util::future::join_all(alone).await;
        all.extend(alone.into_iter().flatten().map(|one| (transport, one)));
    }
    account.close().await;
    Ok(all)
}

/// Races, calm and lossy; everyone has a turn, round after round.
async fn races(account: &Account, runners: &mut [Runner], first: u64, scale: Scale) -> Vec<Safety> {
    let mut all = BTreeMap::<(Trial, Contestant), Safety>::new();
    for round in 0..scale.rounds.min(3) {
        for (trial, plan) in [(Trial::Race, Plan::Calm), (Trial::LossyRace, Plan::LoseSome { percent: LOSSY, writes: 0 })] {
            for runner in &mut *runners {
                let stream = runner.contestant.first_stream() + first + round * 10 + trial as u64;
                let safety = race(account, runner, trial, plan, stream, scale.commands).await;
                match all.entry((trial, runner.contestant)) {
                    Entry::Vacant(place) => {
                        place.insert(safety);
                    }
                    Entry::Occupied(mut place) => add(place.get_mut(), safety),
                }
            }
        }
    }
    all.into_values().collect()
}

async fn race(account: &Account, runner: &mut Runner, trial: Trial, plan: Plan, stream: u64, each: u64) -> Safety {
    runner.run(Task::Fill { streams: vec![(stream, BEFORE)] }).await;
    account.forget_spent();
    account.arm(runner.contestant, plan);
    let answer = runner.run(Task::Race { stream, writers: WRITERS, each, first_tag: 10_000 }).await;
    account.arm(runner.contestant, Plan::Calm);
    let spent = account.spent(runner.contestant).per(WRITERS * each);
    let asked: Vec<u64> = (0..WRITERS).flat_map(|writer| (0..each).map(move |n| 10_000 + writer * 10_000 + n)).collect();
    let verdict = judge(runner, stream, &asked, &answer.acknowledged).await;
    let rates = vec![answer.acknowledged.len() as f64 / (answer.elapsed_micros as f64 / 1e6)];
    let Answer { conflicts, failures, micros, failed, .. } = answer;
    Safety { contestant: runner.contestant, trial, verdict, conflicts, errors: failures, spent, micros, rates, failed }
}

fn add(sum: &mut Safety, one: Safety) {
    let (all, new) = (&mut sum.verdict, one.verdict);
    all.commands += new.commands;
    all.acknowledged += new.acknowledged;
    all.lost += new.lost;
    all.doubled += new.doubled;
    all.reordered += new.reordered;
    all.unsaid += new.unsaid;
    all.state_is_right &= new.state_is_right;
    sum.conflicts += one.conflicts;
    sum.errors += one.errors;
    sum.micros.extend(one.micros);
    sum.rates.extend(one.rates);
    sum.failed = sum.failed.take().or(one.failed);
}

/// Commands one after the other, under what goes wrong; a caller asks again after an error, as a queue would.
async fn sequences(account: &Account, runner: &mut Runner, first: u64, scale: Scale) -> Vec<Safety> {
    let mut all = vec![];
    for (trial, plan, commands, notes) in [
        (Trial::LostAnswer, Plan::LoseNextWrite, scale.commands, 1),
        (Trial::Outage, Plan::LoseAllFromNextWrite, scale.commands.div_ceil(5), 1),
        (Trial::Calm, Plan::Calm, scale.commands * 10, 5),
    ] {
        let stream = runner.contestant.first_stream() + first + trial as u64;
        all.push(sequence(account, runner, trial, plan, stream, commands, notes).await);
    }
    all
}

async fn sequence(account: &Account, runner: &mut Runner, trial: Trial, plan: Plan, stream: u64, commands: u64, notes: u64) -> Safety {
    let contestant = runner.contestant;
    runner.run(Task::Fill { streams: vec![(stream, BEFORE)] }).await;
    let before = account.spent(contestant);
    let (mut asked, mut acknowledged, mut micros, mut errors, mut failed) = (vec![], vec![], vec![], 0, None);
    for number in 0..commands {
        let command = Command { stream, tags: (0..notes).map(|n| 10_000 + number * 10 + n).collect(), new: false };
        asked.extend(&command.tags);
        let mut took = 0;
        account.arm(contestant, plan);
        for _ in 0..DELIVERIES {
            let answer = runner.run(Task::Once { command: command.clone() }).await;
            account.arm(contestant, Plan::Calm);
            took += answer.elapsed_micros;
            acknowledged.extend(&answer.acknowledged);
            if answer.failed.is_none() {
                break;
            }
            errors += 1;
            failed = failed.or(answer.failed);
        }
        micros.push(took);
    }
    let after = account.spent(contestant);
    let all = crate::account::Spent {
        calls: after.calls - before.calls,
        wcu: after.wcu - before.wcu,
        rcu: after.rcu - before.rcu,
        refused: after.refused - before.refused,
    };
    let verdict = judge(runner, stream, &asked, &acknowledged).await;
    Safety { contestant, trial, verdict, conflicts: 0, errors, spent: all.per(commands), micros, rates: vec![], failed }
}

/// Compares what was asked and acknowledged with what is stored. Tags are in the order in which each writer asked.
async fn judge(runner: &mut Runner, stream: u64, asked: &[u64], acknowledged: &[u64]) -> Verdict {
    let stored = runner.run(Task::History { stream }).await.tags;
    let state = runner.run(Task::State { stream }).await.state;
    let known: BTreeSet<u64> = stored.iter().copied().collect();
    let said: BTreeSet<u64> = acknowledged.iter().copied().collect();
    let (mut met, mut last, mut reordered) = (BTreeSet::new(), BTreeMap::new(), 0);
    for tag in stored.iter().filter(|tag| **tag >= 10_000) {
        if met.insert(*tag) && last.insert(tag / 10_000, *tag).is_some_and(|before| before > *tag) {
            reordered += 1;
        }
    }
    Verdict {
        commands: asked.len() as u64,
        acknowledged: said.len() as u64,
        lost: said.difference(&known).count() as u64,
        doubled: (stored.len() - known.len()) as u64,
        reordered,
        unsaid: asked.iter().filter(|tag| known.contains(tag) && !said.contains(tag)).count() as u64,
        state_is_right: state.is_some_and(|state| state == Notebook::of(&stored)),
    }
}
