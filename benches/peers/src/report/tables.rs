//! Figures as tables.

use std::fmt::Write;

use super::{rate, speed};
use crate::contestant::Contestant;
use crate::findings::{Cost, Findings, LENGTHS, Transport, Trial, Work, median, percentile};
use crate::safety::{LOSSY, WRITERS};
use crate::whole;

/// A table of rows, the first being its head.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
        }
    }
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// As many digits as say something.
pub fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        value => format!("{value:.2}"),
    }
}

fn bold_if(text: String, is: bool) -> String {
    if is { format!("**{text}**") } else { text }
}

/// Capacity units, calls and bytes.
pub fn costs(findings: &Findings) -> String {
    let mut text = String::from(
        "A stream from its second command on, warm where the contestant can be, snapshots included; for each command. `x` is how many times Annals' WCU it is:\n\n",
    );
    let mut rows = vec![row(["", "events", "calls", "WCU", "x", "RCU", "bytes stored for each event"])];
    for notes in [1, 5] {
        let of_annals = findings.steady.iter().find(|one| one.contestant == Contestant::Annals && one.notes == notes);
        for one in findings.steady.iter().filter(|one| one.notes == notes) {
            let times = of_annals.map_or(1.0, |annals| one.spent.wcu / annals.spent.wcu);
            let cells = [figure(one.spent.calls), figure(one.spent.wcu), figure(times), figure(one.spent.rcu), figure(one.bytes)];
            let mut cells = match &one.failed {
                None => cells.to_vec(),
                Some(reason) => vec![format!("fails: {reason}"); 1],
            };
            cells.splice(0..0, [one.contestant.name().to_owned(), notes.to_string()]);
            cells.resize(7, String::new());
            rows.push(cells);
        }
    }
    text += &table(&rows);
    text += "\nSingle commands on streams of some length, on average over 33 of them (of Annals' busy day at 10,000 over 240): calls / WCU / RCU.\n";
    for work in [Work::OneCold, Work::OneWarm, Work::FiveCold, Work::FiveWarm, Work::Load] {
        let _ = writeln!(text, "\n{}, by events in the stream:\n", work.name());
        let mut rows = vec![head()];
        for contestant in Contestant::ALL {
            let cells = LENGTHS.map(|length| cost(findings, contestant, work, length).map_or(String::new(), spent));
            rows.push([vec![contestant.name().to_owned()], cells.to_vec()].concat());
        }
        text += &table(&rows);
    }
    text += "\nCreating a stream: ";
    let creates: Vec<String> = Contestant::ALL
        .into_iter()
        .filter_map(|contestant| Some(format!("{} {}", contestant.name(), spent(cost(findings, contestant, Work::Create, 1)?))))
        .collect();
    text + &creates.join(", ") + ".\n"
}

fn head() -> Vec<String> {
    [vec![String::new()], LENGTHS.map(|length| length.to_string()).to_vec()].concat()
}

/// What one kind of operation cost.
pub fn cost(findings: &Findings, contestant: Contestant, work: Work, length: u64) -> Option<&Cost> {
    findings.costs.iter().find(|one| (one.contestant, one.work, one.length) == (contestant, work, length))
}

fn spent(cost: &Cost) -> String {
    match &cost.failed {
        None => format!("{} / {} / {}", figure(cost.spent.calls), figure(cost.spent.wcu), figure(cost.spent.rcu)),
        Some(_) => "fails".to_owned(),
    }
}

/// What became of commands.
pub fn safety(findings: &Findings) -> String {
    let mut text = format!(
        "Each event has a tag, and the stored ones are counted. {WRITERS} writers race on one stream, each with a memory of its own; in the lossy race {LOSSY} of a \
         hundred writes are done and their answers lost. *Unsaid*: stored, though the caller was never told so. *State*: whether what the contestant \
         loads is what its events fold into. Refused writes are billed like others, and not in WCU here.\n"
    );
    for (trial, title) in [
        (Trial::Calm, "Commands of five events, one after the other, nothing going wrong"),
        (Trial::Race, "A race"),
        (Trial::LossyRace, "A race with lost answers"),
        (Trial::LostAnswer, "One lost answer a command, one command after the other"),
        (Trial::Outage, "From each write on every answer is lost until the caller is told of an error; then the caller asks again"),
    ] {
        let _ = writeln!(text, "\n{title}:\n");
        let mut rows = vec![row([
            "",
            "commands",
            "lost",
            "doubled",
            "reordered",
            "unsaid",
            "state",
            "lost races told",
            "calls",
            "WCU",
            "RCU",
            "refused writes",
            "p50 ms",
            "p99 ms",
            "a second",
        ])];
        for (_, one) in findings.safety.iter().filter(|(_, one)| one.trial == trial) {
            let verdict = &one.verdict;
            let bad = |count: u64| bold_if(count.to_string(), count > 0);
            let ms = |percent| percentile(&one.micros, percent).map_or(String::new(), |micros| figure(micros as f64 / 1e3));
            rows.push(vec![
                one.contestant.name().to_owned(),
                verdict.commands.to_string(),
                bad(verdict.lost),
                bad(verdict.doubled),
                bad(verdict.reordered),
                bad(verdict.unsaid),
                bold_if(if verdict.state_is_right { "right" } else { "wrong" }.to_owned(), !verdict.state_is_right),
                one.conflicts.to_string(),
                figure(one.spent.calls),
                figure(one.spent.wcu),
                figure(one.spent.rcu),
                figure(one.spent.refused),
                ms(50),
                ms(99),
                median(&one.rates).map_or(String::new(), figure),
            ]);
        }
        text += &table(&rows);
    }
    text
}

/// How fast single operations are.
pub fn speeds(findings: &Findings) -> String {
    let mut text = String::from(
        "Operations a second of two clients at the same time (median of the rounds), then p50 and p99 of one client in milliseconds, by events in the stream. The \
         fastest of each is bold. Every round begins with a new copy of the filled database; within one, streams grow as they are appended to: those of 10 to \
         25 at most, those of 100 by a third, longer ones by a quarter or less.\n",
    );
    for transport in [Transport::InProcess, Transport::Loopback] {
        for work in [Work::Create].into_iter().chain(Work::AT_LENGTHS) {
            let _ = writeln!(text, "\n{}, {}:\n", work.name(), transport.name());
            let lengths: Vec<u64> = if work == Work::Create { vec![1] } else { LENGTHS.to_vec() };
            let heads = lengths.iter().map(|length| if work == Work::Create { "new".to_owned() } else { length.to_string() });
            let mut rows = vec![[String::new()].into_iter().chain(heads).collect::<Vec<_>>()];
            for contestant in Contestant::ALL {
                let cells: Vec<String> = lengths.iter().map(|length| cell(findings, transport, work, *length, contestant)).collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    rows.push([vec![contestant.name().to_owned()], cells].concat());
                }
            }
            text += &table(&rows);
        }
    }
    text
}

fn cell(findings: &Findings, transport: Transport, work: Work, length: u64, contestant: Contestant) -> String {
    let Some(one) = speed(findings, transport, work, length, contestant) else { return String::new() };
    let Some(own) = rate(one) else { return "fails".to_owned() };
    let first =
        Contestant::ALL.into_iter().filter_map(|other| rate(speed(findings, transport, work, length, other)?)).all(|other| other <= own);
    let ms = |percent| percentile(&one.micros, percent).map_or(String::new(), |micros| figure(micros as f64 / 1e3));
    format!("{}; {}, {}", bold_if(figure(own), first), ms(50), ms(99))
}

/// Work on everything.
pub fn whole(findings: &Findings) -> String {
    let events = findings.whole.first().map_or(0, |one| one.events);
    let mut text = format!("{events} events. Contestants that are not listed have no way to do it.\n\n");
    let mut rows = vec![row(["", "", "", "calls for each event", "WCU", "RCU", "events a second"])];
    for work in [whole::READ, whole::REBUILD, whole::SEQUENCE, whole::ORDER] {
        for one in findings.whole.iter().filter(|one| one.work == work) {
            let rate = match &one.failed {
                None => median(&one.rates).map_or(String::new(), figure),
                Some(reason) => format!("fails: {reason}"),
            };
            let spent = [one.spent.calls, one.spent.wcu, one.spent.rcu].map(|value| format!("{value:.3}"));
            let [calls, wcu, rcu] = spent;
            rows.push(vec![work.to_owned(), one.contestant.name().to_owned(), one.transport.name().to_owned(), calls, wcu, rcu, rate]);
        }
    }
    text += &table(&rows);
    text
}

/// Memory of client processes.
pub fn memory(findings: &Findings) -> String {
    let mut rows = vec![row(["", "MB when begun", "MB at most"])];
    for one in &findings.resident {
        let mb = |kb: u64| figure(kb as f64 / 1024.0);
        rows.push(vec![one.contestant.name().to_owned(), mb(one.begun_kb), mb(one.peak_kb)]);
    }
    format!(
        "Resident memory of a process that has only the contestant and reaches the database over loopback, after everything that is timed:\n\n{}",
        table(&rows)
    )
}
