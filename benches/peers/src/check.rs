//! What must be so in every run, however small: the costs that Annals promises, and everyone's verdicts as the report tells them.

use crate::contestant::Contestant;
use crate::findings::{Findings, Safety, Trial, Work};
use crate::streams::LIGHT;
use crate::whole::REBUILD;

/// Fails with everything that is not so in a run of the small scale.
pub fn check(findings: &Findings) -> Result<(), String> {
    let mut wrong = vec![];
    costs(findings, &mut wrong);
    verdicts(findings, &mut wrong);
    whole(findings, &mut wrong);
    for one in &findings.speeds {
        if let Some(reason) = &one.failed {
            wrong.push(format!("{} cannot {} at {}: {reason}", one.contestant.name(), one.work.name(), one.length));
        }
    }
    match wrong.is_empty() {
        true => {
            println!("as it should be: {} costs, {} trials", findings.costs.len() + findings.steady.len(), findings.safety.len());
            Ok(())
        }
        false => Err(format!("not as it should be:\n  {}", wrong.join("\n  "))),
    }
}

/// WCU of a command that appends one event, and five, where no snapshot comes with it: what DynamoDB's rules make of the peers' items.
fn plain_wcu(contestant: Contestant) -> [f64; 2] {
    match contestant {
        // One item.
        Contestant::Annals | Contestant::AnnalsBusy => [1.0, 2.0],
        // A transaction, twice the price, of an item an event.
        Contestant::Cqrs | Contestant::CqrsSnapshots => [2.0, 10.0],
        // A transaction of an item and a head an event.
        Contestant::Adapter => [4.0, 20.0],
        // A put; a transaction of five.
        Contestant::Castore => [1.0, 10.0],
    }
}

fn costs(findings: &Findings, wrong: &mut Vec<String>) {
    for one in &findings.costs {
        let what = format!("{}, {}, at {}", one.contestant.name(), one.work.name(), one.length);
        if let Some(reason) = &one.failed {
            wrong.push(format!("{what}: {reason}"));
            continue;
        }
        let [single, five] = plain_wcu(one.contestant);
        let least = match one.work {
            Work::OneCold | Work::OneWarm => single,
            Work::FiveCold | Work::FiveWarm => five,
            Work::Create | Work::Load => continue,
        };
        // Snapshots come on top: of most commands none, on average less than a tenth of a unit here, but for those who pay twice for one.
        if !(least..least * 1.2).contains(&one.spent.wcu) {
            wrong.push(format!("{what}: {} WCU, not about {least}", one.spent.wcu));
        }
        let calls = if one.work.is_warm() { 1.0 } else { 2.0 };
        if matches!(one.contestant, Contestant::Annals) && one.spent.calls != calls {
            wrong.push(format!("{what}: {} calls, not {calls}", one.spent.calls));
        }
        if matches!(one.contestant, Contestant::Annals) && one.work.is_warm() && one.spent.rcu != 0.0 {
            wrong.push(format!("{what}: {} RCU, not 0", one.spent.rcu));
        }
    }
    for one in findings.steady.iter().filter(|one| one.contestant == Contestant::Annals) {
        let kilobytes = (one.bytes * one.notes as f64 / 1024.0).ceil();
        if one.spent.calls != 1.0 || one.spent.wcu > kilobytes {
            wrong.push(format!("a stream of Annals: {} calls and {} WCU for {kilobytes} KB", one.spent.calls, one.spent.wcu));
        }
    }
}

fn verdicts(findings: &Findings, wrong: &mut Vec<String>) {
    for (transport, one) in &findings.safety {
        let verdict = &one.verdict;
        let what = format!("{}, {:?}, {}", one.contestant.name(), one.trial, transport.name());
        if verdict.lost > 0 || verdict.reordered > 0 {
            wrong.push(format!("{what}: {} lost, {} reordered", verdict.lost, verdict.reordered));
        }
        if doubles(one) != (verdict.doubled > 0) && must_be_known(one) {
            wrong.push(format!("{what}: {} doubled", verdict.doubled));
        }
        if one.contestant == Contestant::Annals && (!verdict.state_is_right || verdict.acknowledged != verdict.commands) {
            wrong.push(format!("{what}: {} of {} acknowledged, {:?}", verdict.acknowledged, verdict.commands, one.failed));
        }
    }
}

/// Whether the report says that this contestant doubles events in this trial.
fn doubles(one: &Safety) -> bool {
    match one.contestant {
        Contestant::Annals | Contestant::AnnalsBusy => false,
        Contestant::Castore => matches!(one.trial, Trial::LossyRace | Trial::LostAnswer | Trial::Outage),
        Contestant::Cqrs | Contestant::CqrsSnapshots | Contestant::Adapter => one.trial == Trial::Outage,
    }
}

/// A lossy race may by chance double nothing; with Annals it never may.
fn must_be_known(one: &Safety) -> bool {
    one.contestant == Contestant::Annals || one.trial != Trial::LossyRace
}

fn whole(findings: &Findings, wrong: &mut Vec<String>) {
    let [streams, _] = LIGHT.whole;
    for one in &findings.whole {
        let wanted = if one.work == REBUILD { streams } else { one.events };
        if one.failed.is_some() || one.count != wanted {
            wrong.push(format!("{}, {}: {} of {}, {:?}", one.contestant.name(), one.work, one.count, one.events, one.failed));
        }
    }
}
