//! `annals reconcile`: does everyone have what the log has?

use std::path::Path;
use std::sync::Arc;

use annals_contract::delivery::BUS;
use annals_kit::Clock;
use annals_lambda::causes;
use annals_lambda::machine::MachineClock;
use annals_projection::failures::folder::Folder;
use annals_projection::{Mode, Reconciliation, Report, Walk};
use chrono::TimeDelta;
use serde_json::json;

use crate::cli::Reconcile;
use crate::logs::{LOGS, ServiceLog};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::system::failures;

/// How often a long walk says how far it is.
const PROGRESS: TimeDelta = TimeDelta::seconds(5);

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
            false => print(service, &report, walk, options.dry_run),
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
    let lacking = if dry_run { walk.tally.lacking } else { 0 };
    lacking + walk.tally.parked + walk.open() as u64
}

fn print(service: &str, report: &Report, walk: &Walk, dry_run: bool) {
    let tally = &walk.tally;
    let verdict = if left(walk, dry_run) + report.batches_left == 0 { "yes" } else { "no" };
    say(format_args!(
        "{verdict}: {service} has {} commits of {} streams; {} lacked {} commits, {} mended, {} parked, {} left open",
        tally.commits,
        tally.streams,
        tally.lacking,
        tally.lacking_commits,
        tally.mended,
        tally.parked,
        walk.open(),
    ));
    if report.batches + report.batches_left > 0 {
        let redriven = &report.redriven;
        say(format_args!(
            "  failed batches: {} re-driven, {} left; {} streams lacked {} commits",
            report.batches, report.batches_left, redriven.lacking, redriven.lacking_commits
        ));
    }
    let named = tally.named.iter().chain(&report.redriven.named);
    named.for_each(|named| say(format_args!("  {}  {}: {}", named.stream, named.consumer, named.found)));
}
