//! Reading history is history too: who asked which question, and who took which answer away, on the `ACCESS#` stream of their day.
//!
//! A question is noted before it is answered. The same question of the same actor within a minute is noted once, whichever instances
//! answer it; other questions are noted each.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kit::{Actor, Command, CommandId, Ids, Payload, Tenant, Timestamp};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::access::{AccessDay, AccessEvent, stream};
use crate::log::{BoxError, Log};
use crate::request::{Expect, Request};
use crate::streams::Streams;

/// The same question is noted at most once in this time.
const INTERVAL: TimeDelta = TimeDelta::seconds(60);

/// Someone asked history something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRead {
    /// The question, such as `revisions`.
    pub question: String,
    /// About what, as asked.
    pub parameters: Payload,
}

/// Someone took an answer away, as files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryExported {
    /// The question.
    pub question: String,
    /// About what, as asked.
    pub parameters: Payload,
    /// In which form, such as `parquet`.
    pub format: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// What was read lately on a day, so that it is noted once: the questions of the last minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lately(BTreeMap<String, Timestamp>);

impl Lately {
    pub(crate) fn add(&mut self, read: &HistoryRead, at: Timestamp) {
        self.0.retain(|_, noted| at.since(*noted) < INTERVAL);
        self.0.insert(read.key(), at);
    }

    fn has(&self, read: &HistoryRead, at: Timestamp) -> bool {
        self.0.get(&read.key()).is_some_and(|noted| at.since(*noted) < INTERVAL)
    }
}

impl HistoryRead {
    fn key(&self) -> String {
        format!("{} {}", self.question, serde_json::Value::Object(self.parameters.clone()))
    }
}

/// Notes a question.
struct NoteRead(HistoryRead);

impl Command for NoteRead {
    type Aggregate = AccessDay;
    type Refusal = std::convert::Infallible;

    fn decide(&self, state: &AccessDay, at: Timestamp) -> Result<Vec<AccessEvent>, Self::Refusal> {
        Ok(if state.lately.has(&self.0, at) { vec![] } else { vec![AccessEvent::Read(self.0.clone())] })
    }
}

/// Notes an export.
struct NoteExport(HistoryExported);

impl Command for NoteExport {
    type Aggregate = AccessDay;
    type Refusal = std::convert::Infallible;

    fn decide(&self, _: &AccessDay, _: Timestamp) -> Result<Vec<AccessEvent>, Self::Refusal> {
        Ok(vec![AccessEvent::Exported(self.0.clone())])
    }
}

/// Notes in one service's log what of its history was read.
pub struct Readings {
    days: Streams<AccessDay>,
    ids: Arc<dyn Ids>,
}

impl Readings {
    /// Notes go into `log`.
    pub fn new(log: Log) -> Self {
        let ids = log.ids.clone();
        Self { days: Streams::new(log), ids }
    }

    /// Notes that `actor` of `tenant` asks something. What cannot be noted must not be answered.
    ///
    /// Cost: 1 WCU and, on an instance that does not know the day yet, a Query; within a minute of the same question, a Query of the day's newest.
    pub async fn read(&self, tenant: &Tenant, actor: &Actor, read: HistoryRead) -> Result<(), BoxError> {
        self.note(tenant, actor, &NoteRead(read)).await
    }

    /// Notes that `actor` of `tenant` has taken an answer away. What cannot be noted must not be handed out.
    ///
    /// Cost: 1 WCU and, on an instance that does not know the day yet, a Query.
    pub async fn exported(&self, tenant: &Tenant, actor: &Actor, exported: HistoryExported) -> Result<(), BoxError> {
        self.note(tenant, actor, &NoteExport(exported)).await
    }

    async fn note<C>(&self, tenant: &Tenant, actor: &Actor, command: &C) -> Result<(), BoxError>
    where
        C: Command<Aggregate = AccessDay, Refusal = std::convert::Infallible>,
    {
        let id = CommandId(self.ids.uuid());
        let day = stream(tenant, actor, self.days.log().clock.now())?;
        let request = Request::new(tenant, actor.clone(), id, id.0.as_bytes());
        self.days.execute(&request, &day, Expect::Existing, command).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(question: &str) -> HistoryRead {
        HistoryRead { question: question.to_owned(), parameters: Payload::new() }
    }

    #[test]
    fn a_question_is_noted_once_a_minute_and_another_at_once() {
        let at = |seconds: i64| Timestamp::from_seconds(1_767_225_600 + seconds).unwrap();
        let mut day = AccessDay::default();
        day.lately.add(&read("day"), at(0));
        let noted = |question: &str, seconds| !NoteRead(read(question)).decide(&day, at(seconds)).unwrap().is_empty();
        assert!(!noted("day", 59) && noted("day", 60) && noted("actor", 1));
    }
}
