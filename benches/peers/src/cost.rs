//! What operations cost: calls and capacity units, as the database reports them, in process.

use annals_local::Store;

use crate::account::Account;
use crate::contestant::{Contestant, Runner, Start};
use crate::findings::{Cost, Steady, Work};
use crate::streams::Scale;
use crate::task::{Answer, Memory, Task, What};

/// Operations whose cost is averaged: as many as there are between two snapshots.
const OPS: u64 = 33;
/// The same on long streams whose snapshots hold every command: two streams, some 120 commands between two snapshots.
const OPS_BUSY: u64 = 240;
/// Nothing takes longer than this, in milliseconds.
pub const MOST_MS: u64 = 60_000;
/// Tags from here on are no filled stream's.
pub const FREE_TAG: u64 = 1_000_000;

impl Work {
    /// The same in the words of tasks.
    pub fn task(self) -> What {
        let append = |notes, memory| What::Append { notes, memory };
        match self {
            Self::Create => What::Create,
            Self::OneCold => append(1, Memory::Cold),
            Self::OneWarm => append(1, Memory::Warm),
            Self::FiveCold => append(5, Memory::Cold),
            Self::FiveWarm => append(5, Memory::Warm),
            Self::Load => What::Load,
        }
    }

    /// Whether the streams must be known before.
    pub fn is_warm(self) -> bool {
        matches!(self, Self::OneWarm | Self::FiveWarm)
    }
}

/// Single operations on filled streams.
pub async fn at_lengths(account: &Account, scale: Scale) -> Result<Vec<Cost>, String> {
    let mut costs = vec![];
    for contestant in Contestant::ALL {
        let mut runner = Runner::here(contestant, account, Start { metered: true, filled: true }).await?;
        let mut tag = FREE_TAG;
        let new = contestant.first_stream() + 50_000_000;
        costs.push(one(account, &mut runner, Work::Create, 1, vec![new], &mut tag).await);
        for &length in scale.lengths {
            let streams: Vec<u64> = scale.streams_of(contestant, length).into_iter().map(|(stream, _)| stream).collect();
            for work in Work::AT_LENGTHS {
                costs.push(one(account, &mut runner, work, length, streams.clone(), &mut tag).await);
            }
        }
    }
    Ok(costs)
}

async fn one(account: &Account, runner: &mut Runner, work: Work, length: u64, streams: Vec<u64>, tag: &mut u64) -> Cost {
    let ops = if runner.contestant == Contestant::AnnalsBusy && length >= 10_000 { OPS_BUSY } else { OPS };
    if work.is_warm() {
        let met = ops.min(streams.len() as u64);
        measure(runner, work.task(), streams.clone(), met, tag).await;
    }
    let missed = if work == Work::Load { runner.misses(streams[0], length).await } else { None };
    account.forget_spent();
    let answer = measure(runner, work.task(), streams, ops, tag).await;
    let spent = account.spent(runner.contestant).per(answer.micros.len() as u64);
    Cost { contestant: runner.contestant, work, length, spent, failed: answer.failed.or(missed) }
}

async fn measure(runner: &mut Runner, what: What, streams: Vec<u64>, ops: u64, tag: &mut u64) -> Answer {
    let first_tag = *tag;
    *tag += ops * 10;
    runner.run(Task::Measure { what, streams, ops, clients: 1, first_tag, most_ms: MOST_MS }).await
}

/// One stream, from the command on that comes after its first, and what it leaves in the tables.
pub async fn steady(scale: Scale) -> Result<Vec<Steady>, String> {
    let mut all = vec![];
    for notes in [1, 5] {
        let account = Account::open(Store::Memory).await?;
        for contestant in Contestant::ALL {
            let mut runner = Runner::here(contestant, &account, Start { metered: true, filled: false }).await?;
            let what = What::Append { notes, memory: Memory::Warm };
            let (streams, mut tag) = (vec![contestant.first_stream() + 1], 0);
            measure(&mut runner, what, streams.clone(), 1, &mut tag).await;
            let before = account.bytes(contestant).await?;
            account.forget_spent();
            let answer = measure(&mut runner, what, streams, scale.steady, &mut tag).await;
            let commands = answer.micros.len() as u64;
            let spent = account.spent(contestant).per(commands);
            let bytes = (account.bytes(contestant).await? - before) as f64 / (commands * notes).max(1) as f64;
            all.push(Steady { contestant, notes, commands, spent, bytes, failed: answer.failed });
        }
        account.close().await;
    }
    Ok(all)
}
