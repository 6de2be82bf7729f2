//! `annals show`: what was known of a stream, at a version or a time.

use annals_kit::{Aggregate, Event, Recorded, StreamId, Timestamp};
use annals_log::Commit;
use annals_log::verify::Chain;
use billing::rows::{InvoiceRow, PlanRow, SubscriptionRow, WebhookRow};
use chrono::{DateTime, NaiveDate, TimeDelta};
use notifications::email::Email;
use serde_json::{Value, json};

use super::stream;
use crate::cli::Show;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Up to where a stream is folded.
#[derive(Clone, Copy, Debug, PartialEq)]
enum AsOf {
    Now,
    Version(u64),
    Time(Timestamp),
}

/// Prints the folded state; exits 1 when nothing was known.
pub(super) async fn run(session: &Session, options: &Show) -> Result<Answer, CouldNotTell> {
    let id = stream::parse(&options.stream)?;
    let as_of = options.as_of.as_deref().map_or(Ok(AsOf::Now), parse)?;
    let items = stream::items(session, &id, |_| false).await?;
    let mut chain = Chain::new(id.clone());
    if let Some(broken) = items.iter().find_map(|item| chain.check(item).err()) {
        return Err(CouldNotTell::new(
            format!("the history is not what it was: {broken}"),
            "nothing was changed; annals verify tells more",
        ));
    }
    let commits: Vec<Commit> = items.iter().map(stream::commit).collect::<Result<_, _>>()?;
    let known: Vec<_> = commits.into_iter().take_while(|commit| within(commit, as_of)).collect();
    let Some(last) = known.last() else {
        say(format_args!("no: nothing was known of {id} {}", described(as_of)));
        return Ok(Answer::No);
    };
    let state = fold(&id, &known)?;
    let shown = json!({ "stream": id.to_string(), "version": last.version, "recorded_at": last.recorded_at, "state": state });
    match options.json {
        true => say(format_args!("{shown}")),
        false => print(&id, last, &state),
    }
    Ok(Answer::Yes)
}

fn parse(text: &str) -> Result<AsOf, CouldNotTell> {
    if let Ok(version) = text.parse() {
        return Ok(AsOf::Version(version));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(AsOf::Time(Timestamp::new(time.to_utc())));
    }
    let day = text.parse::<NaiveDate>().ok().and_then(|day| day.succ_opt()).and_then(|day| day.and_hms_opt(0, 0, 0));
    let next_day = day.ok_or_else(|| {
        CouldNotTell::new(
            format!("`{text}` is neither a version, a time nor a day"),
            "nothing was read; write 17, 2026-01-31T09:30:00Z or 2026-01-31",
        )
    })?;
    Ok(AsOf::Time(Timestamp::new(next_day.and_utc()).plus(-TimeDelta::microseconds(1))))
}

fn within(commit: &Commit, as_of: AsOf) -> bool {
    match as_of {
        AsOf::Now => true,
        AsOf::Version(version) => commit.version.get() <= version,
        AsOf::Time(time) => commit.recorded_at <= time,
    }
}

fn described(as_of: AsOf) -> String {
    match as_of {
        AsOf::Now => "yet".into(),
        AsOf::Version(version) => format!("as of version {version}"),
        AsOf::Time(time) => format!("as of {time}"),
    }
}

/// The state of a stream after these commits: its row where its type has one, otherwise its aggregate.
fn fold(stream: &StreamId, commits: &[Commit]) -> Result<Value, CouldNotTell> {
    let state = match stream.stream_type() {
        "SUB" => json(folded(commits, None, SubscriptionRow::fold)?),
        "INV" => json(folded(commits, None, InvoiceRow::fold)?),
        "PLAN" => json(folded(commits, None, PlanRow::fold)?),
        "HOOK" => json(folded(commits, None, |row, event, recorded| WebhookRow::fold(stream.id(), row, event, recorded))?),
        "NOTE" => json(folded(commits, Email::default(), |mut email, event, recorded| {
            email.evolve(event, recorded);
            email
        })?),
        // An access stream has no state: it is its events.
        _ => Ok(commits.iter().flat_map(|commit| &commit.events).map(|event| Value::Object(event.payload.clone())).collect()),
    };
    state.map_err(CouldNotTell::reading)
}

fn json(state: impl serde::Serialize) -> Result<Value, serde_json::Error> {
    serde_json::to_value(state)
}

fn folded<E: Event, S>(commits: &[Commit], start: S, step: impl Fn(S, &E, Recorded) -> S) -> Result<S, CouldNotTell> {
    let mut state = start;
    for commit in commits {
        let recorded = Recorded { version: commit.version, at: commit.recorded_at };
        for stored in &commit.events {
            state = step(state, &stored.decode().map_err(CouldNotTell::reading)?, recorded);
        }
    }
    Ok(state)
}

fn print(stream: &StreamId, last: &Commit, state: &Value) {
    say(format_args!("{stream} as of version {}, {}", last.version, last.recorded_at));
    match state {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| say(format_args!("  {name:<22} {}", stream::plain(value)))),
        other => say(format_args!("  {other}")),
    }
}
