//! Finds a stream: which service's log it is in, and its commits.

use std::sync::Arc;

use annals_kit::{StreamId, Version};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_log::{Commit, Log, LogConfig};
use annals_reads::{Item, Reads};
use serde_json::Value;

use crate::logs::ServiceLog;
use crate::outcome::CouldNotTell;
use crate::session::Session;

/// Who reads logs for people.
pub(super) const AUDITOR: &str = "auditor";
/// How many commits are read at a time.
const PAGE: usize = 200;

/// A log as a role reaches it.
pub(super) fn log_as(session: &Session, role: &str, log: &ServiceLog) -> Log {
    let client = session.account(role).dynamodb();
    let reads = Reads::new(client.clone(), (log.matrix)());
    Log::new(client, reads, LogConfig::new(log.table), Arc::new(MachineClock), Arc::new(MachineIds))
}

/// A stream's name as it was typed.
pub(super) fn parse(text: &str) -> Result<StreamId, CouldNotTell> {
    text.parse().map_err(|error| {
        CouldNotTell::new(
            error,
            "nothing was read; write it as SUB#<id>, INV#<id>, PLAN#<id>, HOOK#<id>, USER#<id>, ORG#<id>, NOTE#<id>, ACCESS#<id> or DLQ#<queue>, in quotes",
        )
    })
}

/// The logs that may hold a stream of this type.
pub(super) fn logs_of(session: &Session, stream: &StreamId) -> Result<Vec<Log>, CouldNotTell> {
    let services: &[&str] = match stream.stream_type() {
        "SUB" | "INV" | "PLAN" | "HOOK" => &["billing"],
        "USER" | "EMAIL" | "ORG" | "INVITE" | "KEY" | "CONTACT" | "ERASURE" => &["identity"],
        "NOTE" => &["notifications"],
        "ACCESS" | "DLQ" => &["billing", "identity", "notifications"],
        other => {
            return Err(CouldNotTell::new(
                format!("no service has streams of type {other}"),
                "nothing was read; types are SUB, INV, PLAN, HOOK, USER, EMAIL, ORG, INVITE, KEY, CONTACT, ERASURE, NOTE, ACCESS, DLQ",
            ));
        }
    };
    Ok(services.iter().map(|service| log_as(session, AUDITOR, ServiceLog::of(service))).collect())
}

/// Every item of a stream, oldest first, as far as `until` says.
pub(super) async fn items(session: &Session, stream: &StreamId, mut until: impl FnMut(&Item) -> bool) -> Result<Vec<Item>, CouldNotTell> {
    for log in logs_of(session, stream)? {
        let (mut found, mut after) = (vec![], None);
        loop {
            let page = log.from_version(stream, Version::FIRST, PAGE, after).await.map_err(CouldNotTell::reading)?;
            for item in page.items {
                if until(&item) {
                    return Ok(found);
                }
                found.push(item);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(vec![])
}

/// The commit in an item, or what is wrong with it.
pub(super) fn commit(item: &Item) -> Result<Commit, CouldNotTell> {
    Commit::from_item(item).map_err(|error| CouldNotTell::new(error, "nothing was changed; annals verify tells more"))
}

/// Text without quotes, anything else as JSON; never a control character, whatever was stored.
pub(super) fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
