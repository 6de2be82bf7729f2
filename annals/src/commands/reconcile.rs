//! `annals reconcile`: does everyone have what the log has?

use std::path::Path;
use std::sync::Arc;

use annals_contract::delivery::BUS;
use annals_kit::Clock;
use annals_lambda::causes;
use annals_lambda::machine::MachineClock;
use annals_projection::failures::folder::Folder;
use annals_projection::{Lacked, Mode, Reconciliation, Report, Tally, Walk};
use chrono::TimeDelta;
use serde_json::json;

use crate::cli::Reconcile;
use crate::logs::{LOGS, ServiceLog};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::system::failures;

/// How often a long walk says how far it is.
const PROGRESS: TimeDelta = TimeDelta::seconds(5);

/// Whom every reconciler feeds, by the names they have in reports; other projections are told of where they lacked something.
const CONSUMERS: [&str; 2] = ["rows", "ledger"];

/// Walks the logs from beginning to end and mends what lacks something; with `--dry-run` only says so. Exits 1 where something is
/// lacking afterwards, parked streams included.
pub(super) async fn run(session: &Session, directory: &Path, options: &Reconcile) -> Result<Answer, CouldNotTell> {
    // What a system of our own is about to do by itself is not lacking.
    session.settle().await;
    let asked = |log: &&ServiceLog| options.service.as_deref().is_none_or(|asked| asked == log.service);
    let mut answer = Answer::Yes;
    for log in LOGS.iter().filter(asked) {
        let service = log.service;
        let host = session.host(&format!("{service}-reconciler"));
        let failures = Arc::new(Folder::new(failures(directory)));
        let reconciliation = (log.reconciler)(&host, BUS).with_failures(failures);
        let report = one(&reconciliation, service, options).await?;
        let walk = report.walk.as_ref().expect("a command walks");
        match options.json {
            true => say(json!({ "service": service, "report": report })),
            false => say(text(service, &report, walk, options.dry_run)),
        }
        if left(walk, options.dry_run) + report.batches_left > 0 {
            answer = Answer::No;
        }
    }
    Ok(answer)
}

async fn one(reconciliation: &Reconciliation, service: &str, options: &Reconcile) -> Result<Report, CouldNotTell> {
    let mut report = Report::default();
    let mode = if options.dry_run { Mode::Look } else { Mode::Mend };
    if mode == Mode::Mend {
        let stopped = |error: annals_log::BoxError| stopped(service, &causes(&*error), 0);
        reconciliation.redrive(&mut report).await.map_err(stopped)?;
    }
    let mut walk = Walk::new(MachineClock.now());
    while !walk.is_through() {
        let until = MachineClock.now().plus(PROGRESS);
        let walked = reconciliation.reconciler().go_on(&mut walk, mode, Some(until)).await;
        walked.map_err(|error| stopped(service, &causes(&error), walk.tally.commits))?;
        if !walk.is_through() {
            eprintln!("{service}: {} commits of {} streams so far", walk.tally.commits, walk.tally.streams);
        }
    }
    report.finished = walk.finished_at.is_some();
    report.walk = Some(walk);
    Ok(report)
}

fn stopped(service: &str, reason: &str, commits: u64) -> CouldNotTell {
    CouldNotTell::new(
        format!("{service}: {reason}"),
        format!("{commits} commits were walked; what was mended stays, and running it again is safe; ANNALS_LOG=debug shows more"),
    )
}

/// Streams that lack something after this run.
fn left(walk: &Walk, dry_run: bool) -> u64 {
    let all = walk.tally.all();
    let lacking = if dry_run { all.streams } else { 0 };
    lacking + all.parked + walk.open() as u64
}

/// `lacked 3 commits of 2 streams, 2 mended`, or that it lacked nothing.
fn lacked(lacked: Lacked) -> String {
    match lacked.streams {
        0 => "lacked nothing".into(),
        streams => format!("lacked {} commits of {streams} streams, {} mended", lacked.commits, lacked.mended),
    }
}

/// The answer, and under it who lacked what.
fn text(service: &str, report: &Report, walk: &Walk, dry_run: bool) -> String {
    let tally = &walk.tally;
    let verdict = if left(walk, dry_run) + report.batches_left == 0 { "yes" } else { "no" };
    let mut lines = vec![format!(
        "{verdict}: {service} has {} commits of {} streams; {} parked, {} left open",
        tally.commits,
        tally.streams,
        tally.all().parked,
        walk.open(),
    )];
    lines.extend(consumers(tally).map(|consumer| format!("  {consumer}: {}", lacked(tally.of(consumer)))));
    if report.batches + report.batches_left > 0 {
        lines.push(format!("  failed batches: {} re-driven, {} left", report.batches, report.batches_left));
        let redriven = &report.redriven;
        lines.extend(consumers(redriven).map(|consumer| format!("    {consumer}: {}", lacked(redriven.of(consumer)))));
    }
    let named = tally.named.iter().chain(&report.redriven.named);
    lines.extend(named.map(|named| format!("  {}  {}: {}", named.stream, named.consumer, named.found)));
    lines.join("\n")
}

fn consumers(tally: &Tally) -> impl Iterator<Item = &str> {
    CONSUMERS.into_iter().chain(tally.consumers.keys().map(String::as_str).filter(|name| !CONSUMERS.contains(name)))
}

#[cfg(test)]
mod tests {
    use annals_kit::Timestamp;
    use annals_projection::consumer::Named;

    use super::*;

    fn lacked_by(consumer: &str, lacked: Lacked) -> Tally {
        let named = Named { stream: "INV#1".into(), consumer: consumer.into(), found: "lacked 2 commits".into() };
        Tally { commits: 9, streams: 3, consumers: [(consumer.to_owned(), lacked)].into(), named: vec![named] }
    }

    fn walked(tally: Tally) -> Walk {
        let mut walk = Walk::new(Timestamp::from_seconds(0).unwrap());
        walk.tally = tally;
        walk
    }

    #[test]
    fn what_the_ledger_lacked_stands_beside_what_the_rows_lacked() {
        let walk = walked(lacked_by("ledger", Lacked { streams: 1, commits: 2, mended: 1, parked: 0 }));
        let expected = "yes: billing has 9 commits of 3 streams; 0 parked, 0 left open\n  rows: lacked nothing\n  \
                        ledger: lacked 2 commits of 1 streams, 1 mended\n  INV#1  ledger: lacked 2 commits";
        assert_eq!(text("billing", &Report::default(), &walk, false), expected);
    }

    #[test]
    fn a_dry_run_says_no_where_only_the_ledger_lacks_something() {
        let walk = walked(lacked_by("ledger", Lacked { streams: 1, commits: 2, mended: 0, parked: 0 }));
        assert!(text("billing", &Report::default(), &walk, true).starts_with("no: "));
        assert_eq!(left(&walk, true), 1);
    }

    #[test]
    fn failed_batches_say_for_whom_they_were_redriven() {
        let redriven = lacked_by("rows", Lacked { streams: 1, commits: 2, mended: 1, parked: 0 });
        let report = Report { batches: 4, batches_left: 1, redriven, ..Report::default() };
        let said = text("billing", &report, &walked(Tally::default()), false);
        let expected =
            "  failed batches: 4 re-driven, 1 left\n    rows: lacked 2 commits of 1 streams, 1 mended\n    ledger: lacked nothing";
        assert!(said.starts_with("no: ") && said.contains(expected), "{said}");
    }
}
