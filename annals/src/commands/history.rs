//! `annals history`: the commits of a stream.

use annals_log::{Commit, CommitHash};
use annals_reads::Item;
use serde_json::{Value, json};

use super::stream;
use crate::cli::History;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Prints version, time, actor and event types of every commit; exits 1 when the stream has none.
pub(super) async fn run(session: &Session, options: &History) -> Result<Answer, CouldNotTell> {
    let id = stream::parse(&options.stream)?;
    let items = stream::items(session, &id, |_| false).await?;
    if items.is_empty() {
        say(format_args!("no: {id} has no commit"));
        return Ok(Answer::No);
    }
    for item in &items {
        let commit = stream::commit(item)?;
        match (options.json, options.full) {
            (true, _) => say(format_args!("{}", as_json(&commit, item))),
            (false, full) => print(&commit, full),
        }
    }
    Ok(Answer::Yes)
}

fn print(commit: &Commit, full: bool) {
    let types: Vec<_> = commit.events.iter().map(|event| event.event_type.as_str()).collect();
    say(format_args!("{:>6}  {}  {:<18} {}", commit.version.get(), commit.recorded_at, commit.actor.as_str(), types.join(", ")));
    if full {
        say(format_args!("        command {}  correlation {}{}", commit.command, commit.correlation, cause(commit)));
        for event in &commit.events {
            say(format_args!("        {} v{}", event.event_type, event.schema));
            for (name, value) in &event.payload {
                say(format_args!("          {name}: {}", stream::plain(value)));
            }
        }
    }
}

fn cause(commit: &Commit) -> String {
    commit.causation.as_ref().map(|cause| format!("  because of {cause}")).unwrap_or_default()
}

fn as_json(commit: &Commit, item: &Item) -> Value {
    let events: Vec<_> = commit
        .events
        .iter()
        .enumerate()
        .map(|(index, event)| json!({ "id": commit.event_id(index), "type": event.event_type, "schema": event.schema, "payload": event.payload }))
        .collect();
    json!({
        "stream": commit.stream.to_string(),
        "version": commit.version,
        "recorded_at": commit.recorded_at,
        "tenant": commit.tenant,
        "actor": commit.actor,
        "command_id": commit.command,
        "correlation_id": commit.correlation,
        "causation_id": commit.causation,
        "hash": CommitHash::of(item).ok().map(|hash| hash.to_string()),
        "previous": commit.previous.map(|hash| hash.to_string()),
        "events": events,
    })
}
