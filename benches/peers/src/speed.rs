//! How fast operations are. The contestants take turns, round after round, as the machine has other work as well; medians are reported.

use std::collections::BTreeMap;

use crate::account::Account;
use crate::contestant::{Contestant, Runner, Start};
use crate::cost::FREE_TAG;
use crate::findings::{Resident, Speed, Transport, Work};
use crate::streams::{CLIENTS, Scale};
use crate::task::Task;

/// A turn ends after so many milliseconds: those who read ten thousand events for each operation do fewer.
const TURN_MS: u64 = 400;

type Key = (Transport, Work, u64, Contestant);

/// Runs everything that is timed; speeds, and the memory of those that are processes of their own.
pub async fn run(account: &Account, scale: Scale) -> Result<(Vec<Speed>, Vec<Resident>), String> {
    let start = Start { metered: false, filled: true };
    let (mut runners, mut begun) = (vec![], BTreeMap::new());
    for contestant in Contestant::RUST {
        runners.push((Transport::InProcess, Runner::here(contestant, account, start).await?));
    }
    for contestant in Contestant::DISTINCT {
        let mut runner = Runner::there(contestant, account, start).await?;
        begun.insert(contestant, runner.run(Task::Memory).await.resident_kb[0]);
        runners.push((Transport::Loopback, runner));
    }
    let (mut speeds, mut tag) = (BTreeMap::<Key, Speed>::new(), FREE_TAG * 10);
    for round in 0..scale.rounds {
        eprintln!("  round {} of {}", round + 1, scale.rounds);
        for (transport, runner) in &mut runners {
            turn(runner, *transport, Work::Create, 1, scale, &mut tag, &mut speeds).await;
        }
        for &length in scale.lengths {
            for work in Work::AT_LENGTHS {
                for (transport, runner) in &mut runners {
                    turn(runner, *transport, work, length, scale, &mut tag, &mut speeds).await;
                }
            }
        }
    }
    let mut resident = vec![];
    for (transport, runner) in &mut runners {
        if *transport == Transport::Loopback {
            let peak_kb = runner.run(Task::Memory).await.resident_kb[1];
            resident.push(Resident { contestant: runner.contestant, begun_kb: begun[&runner.contestant], peak_kb });
        }
    }
    Ok((speeds.into_values().collect(), resident))
}

/// One contestant's turn at one thing: with one client, then with several.
async fn turn(
    runner: &mut Runner,
    transport: Transport,
    work: Work,
    length: u64,
    scale: Scale,
    tag: &mut u64,
    speeds: &mut BTreeMap<Key, Speed>,
) {
    let contestant = runner.contestant;
    let empty = Speed { contestant, work, length, transport, rates: vec![], micros: vec![], failed: None };
    let speed = speeds.entry((transport, work, length, contestant)).or_insert(empty);
    if speed.failed.is_some() {
        return;
    }
    let streams: Vec<u64> = match work {
        Work::Create => (0..CLIENTS).map(|client| contestant.first_stream() + 100_000_000 + client).collect(),
        _ => scale.streams_of(contestant, length).into_iter().map(|(stream, _)| stream).collect(),
    };
    let mut measure = async |ops: u64, clients: u64, streams: &[u64]| {
        let first_tag = *tag;
        *tag += ops * 10;
        runner.run(Task::Measure { what: work.task(), streams: streams.to_vec(), ops, clients, first_tag, most_ms: TURN_MS }).await
    };
    let [single, several] = scale.ops;
    // What another runner of the same contestant has written meanwhile is news to this one: each stream is met once before it is warm.
    let met = &streams[..streams.len().min(several as usize)];
    if work.is_warm() {
        measure(met.len() as u64, 1, met).await;
    }
    let alone = measure(single, 1, met).await;
    let together = measure(several, CLIENTS, met).await;
    speed.micros.extend(&alone.micros);
    speed.rates.push(together.micros.len() as f64 / (together.elapsed_micros as f64 / 1e6));
    speed.failed = alone.failed.or(together.failed);
}
