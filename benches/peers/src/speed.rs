//! How fast operations are. The contestants take turns, round after round, as the machine has other work as well; medians are reported.

use std::collections::BTreeMap;
use std::path::Path;

use crate::account::Account;
use crate::contestant::{Contestant, Runner, Start};
use crate::cost::FREE_TAG;
use crate::findings::{Resident, Speed, Transport, Work};
use crate::streams::{CLIENTS, Scale};
use crate::task::Task;

/// A turn ends after so many milliseconds: those who read ten thousand events for each operation do fewer.
const TURN_MS: u64 = 400;

type Key = (Transport, Work, u64, Contestant);

/// Runs everything that is timed; speeds, and the memory of those that are processes of their own. Every round has a copy of the filled
/// database and new processes: otherwise streams would grow from round to round.
pub async fn run(filled: &Path, directory: &Path, scale: Scale) -> Result<(Vec<Speed>, Vec<Resident>), String> {
    let (mut speeds, mut resident) = (BTreeMap::new(), vec![]);
    for number in 1..=scale.rounds {
        eprintln!("  round {number} of {}", scale.rounds);
        let account = crate::copy(filled, &directory.join(number.to_string())).await?;
        resident = round(&account, scale, number, &mut speeds).await?;
        account.close().await;
    }
    Ok((speeds.into_values().collect(), resident))
}

/// One turn of everyone at everything. Whoever is first at something finds the machine least ready: in each round that is someone else.
async fn round(account: &Account, scale: Scale, number: u64, speeds: &mut BTreeMap<Key, Speed>) -> Result<Vec<Resident>, String> {
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
    let first = (number as usize - 1) % runners.len();
    runners.rotate_left(first);
    let mut tag = FREE_TAG * 10;
    for (transport, runner) in &mut runners {
        turn(runner, *transport, Work::Create, 1, scale, &mut tag, speeds).await;
    }
    for &length in scale.lengths {
        for work in Work::AT_LENGTHS {
            for (transport, runner) in &mut runners {
                turn(runner, *transport, work, length, scale, &mut tag, speeds).await;
            }
        }
    }
    let mut resident = vec![];
    for (_, runner) in runners.iter_mut().filter(|(transport, _)| *transport == Transport::Loopback) {
        let peak_kb = runner.run(Task::Memory).await.resident_kb[1];
        resident.push(Resident { contestant: runner.contestant, begun_kb: begun[&runner.contestant], peak_kb });
    }
    Ok(resident)
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
        _ => own_share(scale.streams_of(contestant, length), transport, work, scale.ops[1]),
    };
    let mut measure = async |ops: u64, clients: u64, streams: &[u64]| {
        let first_tag = *tag;
        *tag += ops * 10;
        runner.run(Task::Measure { what: work.task(), streams: streams.to_vec(), ops, clients, first_tag, most_ms: TURN_MS }).await
    };
    // What leaves streams as long as they were is done more often: the first few of a turn find nothing where they left it.
    let often = if matches!(work, Work::Load | Work::Create) { 4 } else { 1 };
    let [single, several] = scale.ops.map(|ops| ops * often);
    // What another runner of the same contestant has written meanwhile is news to this one: each stream is met once before it is warm.
    if work.is_warm() {
        measure(streams.len() as u64, 1, &streams).await;
    }
    let alone = measure(single, 1, &streams).await;
    let together = measure(several, CLIENTS, &streams).await;
    speed.micros.extend(&alone.micros);
    speed.rates.push(together.micros.len() as f64 / (together.elapsed_micros as f64 / 1e6));
    let missed = if work == Work::Load { runner.misses(streams[0], length).await } else { None };
    speed.failed = alone.failed.or(together.failed).or(missed);
}

/// At most so many of the streams; others than those of other work and of the other transport, as long as there are enough.
fn own_share(mut streams: Vec<(u64, u64)>, transport: Transport, work: Work, most: u64) -> Vec<u64> {
    let all = streams.len();
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(all);
    let place = work as usize * 2 + transport as usize;
    streams.rotate_left(place * most % all.max(1));
    streams.into_iter().take(most).map(|(stream, _)| stream).collect()
}
