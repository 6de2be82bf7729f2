//! Refused commands and failed logins are facts too: `ACCESS#<actor>-<day>-<tenant's hash>` streams, coalesced and rate-limited. What is
//! read of history goes there as well, see [`crate::readings`].
//!
//! The first refusal of a kind is written at once. Those that follow within a minute are counted, and the count goes into the next
//! commit of that kind; what an instance has counted when it ends is lost, and nothing else is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::{Actor, Aggregate, Clock, Command, CommandId, Event, Ids, Recorded, Schema, StreamId, Tenant, Timestamp};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::readings::{HistoryExported, HistoryRead, Lately};
use crate::request::{Expect, Request};
use crate::streams::Streams;

/// At most one commit of a kind in this time, per instance.
const INTERVAL: TimeDelta = TimeDelta::seconds(60);
/// Kinds that are kept apart at a time; beyond that nothing is noted until older ones are a minute past.
const KINDS: usize = 1024;

/// What happens on an access stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum AccessEvent {
    /// A request was refused.
    #[serde(rename = "COMMAND_REFUSED")]
    Refused(CommandRefused),
    /// History was asked something.
    #[serde(rename = "HISTORY_READ")]
    Read(HistoryRead),
    /// An answer was taken away, as files.
    #[serde(rename = "HISTORY_EXPORTED")]
    Exported(HistoryExported),
}

/// Requests of one kind were refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRefused {
    /// The function, such as `create-subscription`.
    pub function: String,
    /// The kind of refusal, as in the answer's problem type.
    pub code: String,
    /// How many, this one and those since the last commit of this kind.
    pub count: u64,
}

impl Event for AccessEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "COMMAND_REFUSED", upcasts: &[], published: false },
        Schema { event_type: "HISTORY_READ", upcasts: &[], published: false },
        Schema { event_type: "HISTORY_EXPORTED", upcasts: &[], published: false },
    ];
}

/// One actor's day. All that is decided by it is what need not be noted again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessDay {
    pub(crate) lately: Lately,
}

impl Aggregate for AccessDay {
    const STREAM_TYPE: &'static str = "ACCESS";
    const FOLD_REVISION: u32 = 2;
    type Event = AccessEvent;

    fn evolve(&mut self, event: &AccessEvent, recorded: Recorded) {
        if let AccessEvent::Read(read) = event {
            self.lately.add(read, recorded.at);
        }
    }
}

struct Note(CommandRefused);

impl Command for Note {
    type Aggregate = AccessDay;
    type Refusal = std::convert::Infallible;

    fn decide(&self, _: &AccessDay, _: Timestamp) -> Result<Vec<AccessEvent>, Self::Refusal> {
        Ok(vec![AccessEvent::Refused(self.0.clone())])
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    tenant: Tenant,
    actor: Actor,
    function: &'static str,
    code: &'static str,
}

struct Pending {
    written_at: Timestamp,
    since: u64,
}

/// Writes refusals into one service's log.
pub struct AccessLog {
    days: Streams<AccessDay>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    kinds: Mutex<HashMap<Kind, Pending>>,
}

impl AccessLog {
    /// Refusals go into `log`.
    pub fn new(log: Log) -> Self {
        let (clock, ids) = (log.clock.clone(), log.ids.clone());
        Self { days: Streams::new(log), clock, ids, kinds: Mutex::new(HashMap::new()) }
    }

    /// Notes that `actor` of `tenant` was refused `code` by `function`. A failure is logged and changes nothing for the caller: the
    /// answer to a refused request does not depend on it.
    ///
    /// Cost: 1 WCU, at most once a minute per kind and instance; on an actor's first of a day or a cold instance also a Query.
    pub async fn refused(&self, tenant: &Tenant, actor: &Actor, function: &'static str, code: &'static str) {
        let now = self.clock.now();
        let kind = Kind { tenant: tenant.clone(), actor: actor.clone(), function, code };
        let Some(count) = self.due(kind.clone(), now) else { return };
        let request = Request::new(tenant, actor.clone(), CommandId(self.ids.uuid()), code.as_bytes());
        let Ok(stream) = stream(tenant, actor, now) else { return };
        let note = Note(CommandRefused { function: function.to_owned(), code: code.to_owned(), count });
        if let Err(error) = self.days.execute(&request, &stream, Expect::Existing, &note).await {
            tracing::warn!(%stream, %error, "a refusal could not be noted");
            self.put_back(kind, count);
        }
    }

    /// Counts refusals that could not be written towards the next commit of their kind.
    fn put_back(&self, kind: Kind, count: u64) {
        if let Some(pending) = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&kind) {
            pending.since += count;
        }
    }

    /// How many refusals are to be written now; `None` when this one only counts.
    fn due(&self, kind: Kind, now: Timestamp) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pending) = kinds.get_mut(&kind) {
            if now.since(pending.written_at) < INTERVAL {
                pending.since += 1;
                return None;
            }
            let count = pending.since + 1;
            *pending = Pending { written_at: now, since: 0 };
            return Some(count);
        }
        if kinds.len() >= KINDS {
            kinds.retain(|_, pending| now.since(pending.written_at) < INTERVAL);
        }
        if kinds.len() >= KINDS {
            // Someone changes names faster than once a minute: nothing more is written until a minute is over.
            return None;
        }
        kinds.insert(kind, Pending { written_at: now, since: 0 });
        Some(1)
    }
}

/// Actors of two tenants may have one name, so the tenant is part of the id.
pub(crate) fn stream(tenant: &Tenant, actor: &Actor, now: Timestamp) -> Result<StreamId, annals_kit::ids::InvalidId> {
    let tenant = annals_kit::ids::derived_uuid("access", tenant, "").simple().to_string();
    StreamId::new(AccessDay::STREAM_TYPE, &format!("{actor}-{}-{}", now.date(), &tenant[..12]))
}

/// The stream of what `actor` of `tenant` was refused on the day of `now`.
pub fn access_stream(tenant: &Tenant, actor: &Actor, now: Timestamp) -> Option<StreamId> {
    stream(tenant, actor, now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_actor_still_has_a_stream() {
        let long = "x".repeat(40);
        let stream = access_stream(&long.parse().unwrap(), &long.parse().unwrap(), Timestamp::from_seconds(0).unwrap());
        assert!(stream.is_some());
    }
}
