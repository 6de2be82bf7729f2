//! What was set out to be reached, what was found, and where Annals is not first.

use std::fmt::Write;

use super::tables::{cost, figure};
use super::{rate, speed};
use crate::contestant::Contestant;
use crate::findings::{Findings, LENGTHS, Steady, Transport, Work, median};
use crate::whole;

/// The goals, each with what was found.
pub fn table(findings: &Findings) -> String {
    let goals = [
        ("an append is one call, and a WCU for each begun kilobyte", one_call(findings)),
        ("no RCU warm; cold those of the bytes since the last snapshot, however long the stream", reads(findings)),
        ("half the WCU of any peer with the same guarantees, or less, for one event", times(findings, 1, 2.0)),
        ("a fifth or less for five events", times(findings, 5, 5.0)),
        ("first in operations a second at every length", firsts(findings)),
        ("as fast on streams of 10,000 events as on those of 10", flat(findings)),
        ("no event lost, doubled or out of order, whatever goes wrong", safe(findings)),
    ];
    let mut text = String::from("| goal | | found |\n|---|---|---|\n");
    for (goal, (reached, found)) in goals {
        let _ = writeln!(text, "| {goal} | {} | {found} |", if reached { "yes" } else { "**no**" });
    }
    text
}

fn steady(findings: &Findings, contestant: Contestant, notes: u64) -> Option<&Steady> {
    findings.steady.iter().find(|one| one.contestant == contestant && one.notes == notes && one.failed.is_none())
}

fn one_call(findings: &Findings) -> (bool, String) {
    let found = [1, 5].map(|notes| steady(findings, Contestant::Annals, notes));
    let reached = found.iter().flatten().all(|one| {
        let kilobytes = (one.bytes * one.notes as f64 / 1024.0).ceil();
        one.spent.calls == 1.0 && one.spent.wcu <= kilobytes
    });
    let said = found.into_iter().flatten().map(|one| {
        let bytes = one.bytes * one.notes as f64;
        format!("{} event(s): {} calls, {} WCU for {bytes:.0} bytes", one.notes, figure(one.spent.calls), figure(one.spent.wcu))
    });
    (reached, said.collect::<Vec<_>>().join("; "))
}

fn reads(findings: &Findings) -> (bool, String) {
    let of = |contestant, work| LENGTHS.map(|length| cost(findings, contestant, work, length).map_or(f64::NAN, |cost| cost.spent.rcu));
    let (warm, cold) = (of(Contestant::Annals, Work::OneWarm), of(Contestant::Annals, Work::OneCold));
    let busy = of(Contestant::AnnalsBusy, Work::OneCold);
    let list = |values: [f64; 4]| values.map(figure).join(", ");
    // Eight commits of half a kilobyte, one of them with a snapshot.
    let reached = warm.iter().all(|rcu| *rcu == 0.0) && cold.iter().all(|rcu| *rcu <= 2.0);
    (
        reached,
        format!(
            "warm {}; cold {} at 10 to 10,000 events; on a busy day, whose commands it must remember, {}",
            list(warm),
            list(cold),
            list(busy)
        ),
    )
}

fn times(findings: &Findings, notes: u64, wanted: f64) -> (bool, String) {
    let Some(annals) = steady(findings, Contestant::Annals, notes) else { return (false, "not measured".into()) };
    let mut reached = true;
    let mut said = vec![];
    for contestant in [Contestant::Cqrs, Contestant::CqrsSnapshots, Contestant::Adapter, Contestant::Castore] {
        let Some(one) = steady(findings, contestant, notes) else { continue };
        let times = one.spent.wcu / annals.spent.wcu;
        // A single put of castore is not what this is measured against: it has no answer to a lost answer.
        reached &= times >= wanted - 0.005 || (contestant == Contestant::Castore && notes == 1);
        said.push(format!("{} {}x", contestant.name(), figure(times)));
    }
    (reached, said.join(", "))
}

fn firsts(findings: &Findings) -> (bool, String) {
    let (all, lost) = (cells(findings).len(), behind(findings).len());
    (lost == 0, format!("{} of {all} rows of the tables below", all - lost))
}

fn flat(findings: &Findings) -> (bool, String) {
    let (mut reached, mut said) = (true, vec![]);
    for work in [Work::OneWarm, Work::OneCold, Work::Load] {
        let of = |length| rate(speed(findings, Transport::InProcess, work, length, Contestant::Annals)?);
        let Some((short, long)) = of(LENGTHS[0]).zip(of(LENGTHS[3])) else { continue };
        // All are read alike, the newest two commits: what differs between short ones is the machine's.
        let hundred = of(LENGTHS[1]).unwrap_or(short);
        reached &= long >= 0.75 * hundred.min(short);
        said.push(format!("{}: {} of the rate at 10, {} of that at 100", work.name(), figure(long / short), figure(long / hundred)));
    }
    (reached, said.join("; "))
}

fn safe(findings: &Findings) -> (bool, String) {
    let bad = |contestant: Contestant| -> u64 {
        let of = findings.safety.iter().filter(|(_, one)| one.contestant == contestant);
        of.map(|(_, one)| one.verdict.lost + one.verdict.doubled + one.verdict.reordered + u64::from(!one.verdict.state_is_right)).sum()
    };
    let said: Vec<String> = Contestant::DISTINCT.into_iter().map(|one| format!("{} {}", one.name(), bad(one))).collect();
    (bad(Contestant::Annals) == 0, format!("lost, doubled, out of order, or wrong states: {}", said.join(", ")))
}

type Cell = (Transport, Work, u64);

/// What is timed of Annals and of others.
fn cells(findings: &Findings) -> Vec<Cell> {
    let of_annals = findings.speeds.iter().filter(|one| one.contestant == Contestant::Annals && one.failed.is_none());
    of_annals.map(|one| (one.transport, one.work, one.length)).collect()
}

/// Where another is faster: who, and how many times as fast.
fn behind(findings: &Findings) -> Vec<(Cell, Contestant, f64)> {
    let mut lost = vec![];
    for (transport, work, length) in cells(findings) {
        let of = |contestant| rate(speed(findings, transport, work, length, contestant)?);
        let Some(own) = of(Contestant::Annals) else { continue };
        let others = Contestant::ALL.into_iter().filter(|one| !matches!(one, Contestant::Annals | Contestant::AnnalsBusy));
        let best = others.filter_map(|other| Some((other, of(other)?))).max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((other, best)) = best.filter(|(_, best)| *best > own) {
            lost.push(((transport, work, length), other, best / own));
        }
    }
    lost
}

/// Every place where another is faster or cheaper, and why.
pub fn not_first(findings: &Findings) -> String {
    let mut text = String::new();
    for ((transport, work, length), other, times) in behind(findings) {
        let at = if work == Work::Create { String::new() } else { format!(" at {length} events") };
        let _ = writeln!(text, "- {}{at}, {}: {} is {}x as fast.", work.name(), transport.name(), other.name(), figure(times));
    }
    for work in [whole::READ, whole::REBUILD] {
        for transport in [Transport::InProcess, Transport::Loopback] {
            let of = |annals: bool| {
                let same = findings.whole.iter().filter(|one| one.work == work && one.transport == transport && one.failed.is_none());
                let same = same.filter(|one| (one.contestant == Contestant::Annals) == annals);
                same.filter_map(|one| Some((one.contestant, median(&one.rates)?))).max_by(|(_, one), (_, other)| one.total_cmp(other))
            };
            if let Some(((_, own), (other, best))) = of(true).zip(of(false)).filter(|((_, own), (_, best))| best > own) {
                let _ = writeln!(text, "- {work}, {}: {} is {}x as fast.", transport.name(), other.name(), figure(best / own));
            }
        }
    }
    if text.is_empty() {
        text.push_str("Nowhere that is timed.\n");
    }
    text + "\n" + super::words::WHY
}
