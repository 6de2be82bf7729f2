//! `annals projections`, `rebuild`, `diff` and `unpark`: how projections stand to their logs, and how they are mended.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use annals_contract::delivery::BUS;
use annals_kit::{Clock, StreamId};
use annals_lambda::causes;
use annals_lambda::machine::MachineClock;
use annals_log::{Commit, Log, StreamHead};
use annals_projection::catalogue::Stored;
use annals_projection::difference::Folded;
use annals_projection::{Consumer, Described, Difference, Found, Kind, Mode, One, Reconciler, Standing, Walk, Watched};
use chrono::TimeDelta;
use serde_json::json;

use super::stream::{AUDITOR, log_as, parse};
use crate::cli::{Diff, Projections, Rebuild, Unpark};
use crate::logs::{LOGS, ServiceLog};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// How often a long walk says how far it is.
const PROGRESS: TimeDelta = TimeDelta::seconds(1);
/// Commits of a page of the log, as `diff` walks it.
const PAGE: usize = 1000;

/// A projection alone, as a role runs it, and the log that it reads.
struct Projected {
    log: &'static ServiceLog,
    described: Described,
    one: One,
}

/// Lists every projection; exits 1 where one lacks something or a stream is parked.
pub(super) async fn list(session: &Session, options: &Projections) -> Result<Answer, CouldNotTell> {
    session.settle().await;
    let mut answer = Answer::Yes;
    for log in &LOGS {
        let projector = (log.projector)(&session.host(AUDITOR), BUS);
        let all = projector.described();
        if all.is_empty() {
            continue;
        }
        let stored = projector.stored().await.map_err(CouldNotTell::reading)?;
        for (described, standing) in all.iter().zip(standings(session, log, &all).await?) {
            if standing.behind + standing.parked > 0 {
                answer = Answer::No;
            }
            let served = match projector.followers().iter().find(|follower| follower.name() == described.name) {
                Some(follower) => follower.served().await.map_err(CouldNotTell::reading)?,
                None => described.revision,
            };
            match options.json {
                true => say(as_json(log, described, served, &standing, &stored)),
                false => say(as_text(log, described, served, &standing, &stored)),
            }
        }
    }
    Ok(answer)
}

/// How each stands, in one walk over the log's keys.
async fn standings(session: &Session, log: &ServiceLog, all: &[Described]) -> Result<Vec<Standing>, CouldNotTell> {
    let role = reconciler(log);
    let clock = session.host(&role).clock;
    let (mut walker, mut watched) = (Reconciler::new(log_as(session, &role, log), clock.clone()), vec![]);
    for described in all {
        let (consumer, standing) = Watched::new(alone(session, log, &role, described.name)?, clock.clone());
        walker = walker.feeding(consumer);
        watched.push(standing);
    }
    let mut walk = Walk::new(MachineClock.now());
    walker.go_on(&mut walk, Mode::Look, None).await.map_err(|error| CouldNotTell::reading(causes(&error)))?;
    Ok(watched.iter().map(|standing| lock(standing).clone()).collect())
}

/// Folds again what stands at an older revision or lacks commits, while traffic goes on; exits 1 where streams are parked.
pub(super) async fn rebuild(session: &Session, options: &Rebuild) -> Result<Answer, CouldNotTell> {
    let Projected { log, described, one } = find(session, &options.projection, reconciler)?;
    let name = described.name;
    if let Some(stream) = &options.stream {
        let head = head(session, log, &parse(stream)?).await?;
        return mended(name, &head, one.reconcile(std::slice::from_ref(&head), Mode::Mend).await.pop());
    }
    let role = reconciler(log);
    let walker = Reconciler::new(log_as(session, &role, log), session.host(&role).clock).feeding(one);
    let mut walk = Walk::new(MachineClock.now());
    while walk.finished_at.is_none() {
        let through = walk.is_through();
        let walked = walker.go_on(&mut walk, Mode::Rebuild, Some(MachineClock.now().plus(PROGRESS))).await;
        walked.map_err(|error| CouldNotTell::new(causes(&error), "what was folded again stays; running it again goes on from there"))?;
        progress(name, &walk);
        if through && walk.open() > 0 {
            return Err(CouldNotTell::new(
                format!("{} streams of {name} could not be fed", walk.open()),
                "what was folded again stays; running it again goes on from there; ANNALS_LOG=debug says why",
            ));
        }
    }
    let (lacked, streams, commits) = (walk.tally.all(), walk.tally.streams, walk.tally.commits);
    let revision = described.revision;
    if lacked.parked > 0 {
        let (mended, parked) = (lacked.mended, lacked.parked);
        say(format_args!("no: {mended} streams of {name} folded again, {parked} are parked: annals projections says why"));
        return Ok(Answer::No);
    }
    say(match lacked.mended {
        0 => format!("yes: {name} stands at revision {revision} already; raise REVISION to fold it again"),
        mended => format!(
            "yes: {name} stands at revision {revision}: {mended} streams folded again, of {commits} commits of {streams} streams in the log"
        ),
    });
    Ok(Answer::Yes)
}

/// A bar on a terminal; nothing elsewhere.
fn progress(name: &str, walk: &Walk) {
    let mut to = std::io::stderr();
    if !to.is_terminal() {
        return;
    }
    let (done, of) = walk.parts();
    let end = if done == of { "\n" } else { "" };
    let bar = format!("{}{}", "#".repeat(done), ".".repeat(of - done));
    let tally = &walk.tally;
    let _ = write!(to, "\r{name} [{bar}] {} commits, {} streams, {} folded again{end}", tally.commits, tally.streams, tally.all().mended);
    let _ = to.flush();
}

/// Folds the log again and compares with what is stored; exits 1 at the first difference.
pub(super) async fn diff(session: &Session, options: &Diff) -> Result<Answer, CouldNotTell> {
    session.settle().await;
    // It only reads, and with what an auditor may read.
    let Projected { log, described, one } = find(session, &options.projection, |_| AUDITOR.to_owned())?;
    let reading = |error: annals_log::BoxError| CouldNotTell::reading(causes(&*error));
    let table = log_as(session, AUDITOR, log);
    let (mut folded, mut streams, mut after, mut held) = (Folded::default(), 0u64, None, None::<StreamHead>);
    loop {
        let mut page = table.heads(after, (0, 1), PAGE).await.map_err(CouldNotTell::reading)?;
        held = page.part(held);
        for head in page.heads.iter().filter(|head| head.stream.stream_type() == described.stream_type) {
            streams += 1;
            if let Some(difference) = one.difference(head, &mut folded).await.map_err(reading)? {
                return Ok(differs(described.name, &difference, options.json));
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if let One::Follower(follower) = &one
        && let Some(difference) = follower.totals_difference(&folded).await.map_err(reading)?
    {
        return Ok(differs(described.name, &difference, options.json));
    }
    if !options.json {
        say(format_args!("yes: {} is what the log of {streams} streams folds to", described.name));
    }
    Ok(Answer::Yes)
}

fn differs(name: &str, Difference { of, version, what, folded, stored }: &Difference, as_json: bool) -> Answer {
    if as_json {
        say(json!({ "projection": name, "of": of, "version": version, "what": what, "folded": folded, "stored": stored }));
    } else {
        let version = version.map(|version| format!(" version {version}")).unwrap_or_default();
        say(format_args!("no: {name}: {of}{version}: {what} is stored as {stored}; the log folds to {folded}"));
    }
    Answer::No
}

/// Tries a parked stream again: the code may have learnt to fold it since.
pub(super) async fn unpark(session: &Session, options: &Unpark) -> Result<Answer, CouldNotTell> {
    let Projected { log, described, one } = find(session, &options.projection, reconciler)?;
    let head = head(session, log, &parse(&options.stream)?).await?;
    if head.stream.stream_type() != described.stream_type {
        let why = format!("{} reads streams of type {}, not {}", described.name, described.stream_type, head.stream.stream_type());
        return Err(CouldNotTell::new(why, "nothing was changed"));
    }
    mended(described.name, &head, one.reconcile(std::slice::from_ref(&head), Mode::Mend).await.pop())
}

/// How one stream has come out.
fn mended(name: &str, head: &StreamHead, found: Option<Found>) -> Result<Answer, CouldNotTell> {
    let StreamHead { stream, version, .. } = head;
    match found {
        Some(Found::Mended { .. }) => say(format_args!("yes: {stream} is folded to version {version} in {name}")),
        Some(Found::Parked { version }) => {
            say(format_args!("no: {stream} is still parked at version {version} in {name}: annals projections says why"));
            return Ok(Answer::No);
        }
        Some(Found::Failed { reason }) => {
            return Err(CouldNotTell::new(format!("{stream} in {name}: {reason}"), "running it again is safe"));
        }
        Some(Found::NotRead) | None => {
            return Err(CouldNotTell::new(format!("{name} does not read {stream}"), "nothing was changed"));
        }
        Some(Found::Complete | Found::Lacks { .. }) => say(format_args!("yes: {stream} stands at version {version} in {name} already")),
    }
    Ok(Answer::Yes)
}

/// The newest version of a stream.
async fn head(session: &Session, log: &ServiceLog, stream: &StreamId) -> Result<StreamHead, CouldNotTell> {
    let log: Log = log_as(session, AUDITOR, log);
    let newest = log.newest_first(stream, 1, None).await.map_err(CouldNotTell::reading)?.items.pop();
    let missing = || CouldNotTell::new(format!("there is no stream {stream}"), "nothing was changed; see annals history");
    let commit = Commit::from_item(&newest.ok_or_else(missing)?).map_err(CouldNotTell::reading)?;
    Ok(StreamHead { stream: stream.clone(), version: commit.version, recorded_at: Some(commit.recorded_at), commits: vec![] })
}

fn reconciler(log: &ServiceLog) -> String {
    format!("{}-reconciler", log.service)
}

fn alone(session: &Session, log: &ServiceLog, role: &str, name: &str) -> Result<One, CouldNotTell> {
    let missing = || CouldNotTell::new(format!("there is no projection `{name}`"), "nothing was done");
    (log.projector)(&session.host(role), BUS).only(name).ok_or_else(missing)
}

fn find(session: &Session, name: &str, role: impl Fn(&ServiceLog) -> String) -> Result<Projected, CouldNotTell> {
    let mut names = vec![];
    for log in &LOGS {
        for described in (log.projector)(&session.host(AUDITOR), BUS).described() {
            if described.name == name {
                return Ok(Projected { log, one: alone(session, log, &role(log), name)?, described });
            }
            names.push(described.name);
        }
    }
    Err(CouldNotTell::new(format!("there is no projection `{name}`"), format!("nothing was done; there are {}", names.join(", "))))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Row => "a row a stream",
        Kind::Rows => "rows",
        Kind::Totals => "totals",
    }
}

fn as_text(log: &ServiceLog, described: &Described, served: u32, standing: &Standing, stored: &Stored) -> String {
    let Described { name, stream_type, revision, .. } = described;
    let rows = stored.rows.get(*name).copied().unwrap_or(0);
    let lag = match standing.behind {
        0 => "lacks nothing".to_owned(),
        behind => format!("lacks {} commits of {behind} streams, {} s", standing.commits, standing.seconds),
    };
    let mut lines = vec![format!(
        "{:<13} {name:<24} {:<14} {stream_type:<5} revision {revision}  {rows:>8} stored  {lag}; {} parked",
        log.service,
        kind(described.kind),
        standing.parked
    )];
    if served != *revision {
        lines.push(format!("  readers see revision {served}: annals rebuild {name}"));
    }
    let parked = stored.parked.get(*name).into_iter().flatten();
    lines.extend(parked.map(|one| format!("  {} parked at version {} since {}: {}", one.stream, one.version, one.at, one.reason)));
    lines.join("\n")
}

fn as_json(log: &ServiceLog, described: &Described, served: u32, standing: &Standing, stored: &Stored) -> serde_json::Value {
    let Described { name, stream_type, revision, .. } = described;
    let parked = stored.parked.get(*name).into_iter().flatten();
    let parked: Vec<_> =
        parked.map(|one| json!({ "stream": one.stream, "version": one.version, "since": one.at, "reason": one.reason })).collect();
    json!({
        "service": log.service, "projection": name, "kind": kind(described.kind), "stream_type": stream_type, "revision": revision,
        "served_revision": served,
        "stored": stored.rows.get(*name).copied().unwrap_or(0), "streams": standing.streams, "behind": standing.behind,
        "lacks_commits": standing.commits, "lag_seconds": standing.seconds, "parked": parked,
    })
}

fn lock(standing: &Mutex<Standing>) -> std::sync::MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}
