//! Keeps alarms as CloudWatch does: a name, what it watches, a threshold, a state since when, and the history; restarts included.
//!
//! An alarm is on while something that raised it is open. What watches a level opens and closes by itself, every minute and whenever
//! alarms are read; what was reported stays open until it is taken back or acknowledged.

use annals_kit::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::account::Account;
use crate::config::{AlarmRule, Watched};
use crate::host_store::HostStore;
use crate::levels;

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What it watches and above which value it is on, in words.
    pub watches: String,
    /// Whether it is on.
    pub state: AlarmState,
    /// Since when it is in this state; `None` where it was never on.
    pub since: Option<Timestamp>,
    /// What turned it on, oldest first; without personal data.
    pub details: Vec<String>,
    /// Whether a person must say that it may end.
    pub needs_acknowledgement: bool,
}

/// As on CloudWatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// Nothing to look at.
    Ok,
    /// A person must look.
    Alarm,
}

/// A line of the history: something turned an alarm on, or ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmChange {
    /// The alarm.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What it turned.
    pub state: AlarmState,
    /// What happened, or why it ended.
    pub detail: String,
}

/// The alarms could not be read, or not be written: nobody knows whether there are any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of alarms, queues and checkpoints does not answer: {0}")]
pub struct Unreadable(String);

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The alarm ended.
    Ended,
    /// No alarm of this name is on.
    NotOn,
    /// It ends by itself, when what it watches is better.
    EndsByItself,
}

/// Raises an alarm, unless it is on for the same reason already. What cannot be stored is still logged.
pub(crate) fn raise(host: &HostStore, at: Timestamp, name: &str, detail: &str) {
    tracing::error!(alarm = name, detail, "alarm");
    if let Err(error) = host.write(|host| open(host, at, name, detail)) {
        tracing::error!(alarm = name, %error, "the alarm could not be stored");
    }
}

/// Ends what this detail turned on. What cannot be stored is logged, and stays on.
pub(crate) fn take_back(host: &HostStore, at: Timestamp, name: &str, detail: &str, reason: &str) {
    if let Err(error) = host.write(|host| end(host, at, (name, Some(detail)), reason)) {
        tracing::error!(alarm = name, %error, "the end of an alarm could not be stored");
    }
}

/// Every alarm there may be, those that are on first.
pub(crate) fn list(account: &Account) -> rusqlite::Result<Vec<Alarm>> {
    evaluate(account)?;
    account.host.read(|host| {
        let mut names: Vec<String> = account.config.alarms.iter().map(|rule| rule.name.clone()).collect();
        let others: Vec<String> = host
            .prepare_cached("SELECT DISTINCT name FROM alarms ORDER BY name")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        names.extend(others.into_iter().filter(|name| !account.config.alarms.iter().any(|rule| rule.name == *name)));
        let mut alarms = names.iter().map(|name| alarm(host, account, name)).collect::<rusqlite::Result<Vec<_>>>()?;
        alarms.sort_by_key(|alarm| alarm.state == AlarmState::Ok);
        Ok(alarms)
    })
}

/// Everything that turned an alarm on or ended it, oldest first.
pub(crate) fn history(host: &HostStore) -> rusqlite::Result<Vec<AlarmChange>> {
    host.read(|host| {
        let mut changes = host.prepare_cached(
            "SELECT name, at, detail, 1, id FROM alarms
             UNION ALL SELECT alarms.name, ended.at, alarms.detail || ': ' || ended.reason, 0, alarms.id
             FROM alarm_ends AS ended JOIN alarms ON alarms.id = ended.alarm ORDER BY 2, 5, 4 DESC",
        )?;
        let changes = changes.query_map([], |row| {
            let state = if row.get(3)? { AlarmState::Alarm } else { AlarmState::Ok };
            Ok(AlarmChange { name: row.get(0)?, at: time(row.get(1)?), state, detail: row.get(2)? })
        })?;
        changes.collect()
    })
}

/// Ends an alarm that does not end by itself.
pub(crate) fn acknowledge(account: &Account, name: &str, reason: &str) -> rusqlite::Result<Acknowledged> {
    evaluate(account)?;
    let now = account.clock.now();
    account.host.write(|host| {
        if opened(host, name)?.is_empty() {
            return Ok(Acknowledged::NotOn);
        }
        if !needs_acknowledgement(account, name) {
            return Ok(Acknowledged::EndsByItself);
        }
        end(host, now, (name, None), reason).map(|()| Acknowledged::Ended)
    })
}

/// Compares every level that an alarm watches with its threshold.
pub(crate) fn evaluate(account: &Account) -> rusqlite::Result<()> {
    for rule in &account.config.alarms {
        let Some(value) = value(account, &rule.watched)? else { continue };
        let is_on = !account.host.read(|host| opened(host, &rule.name))?.is_empty();
        match (value > rule.above, is_on) {
            (true, false) => raise(&account.host, account.clock.now(), &rule.name, &format!("{}: {value}", watches(rule))),
            (false, true) => {
                let reason = format!("{value}, no longer above {}", rule.above);
                account.host.write(|host| end(host, account.clock.now(), (&rule.name, None), &reason))?;
            }
            (true, true) | (false, false) => {}
        }
    }
    Ok(())
}

/// The level now, in the rule's unit; `None` where it is not a level but reported.
fn value(account: &Account, watched: &Watched) -> rusqlite::Result<Option<u64>> {
    let millis = |age: std::time::Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Ok(match watched {
        Watched::Reports { .. } => None,
        Watched::IteratorAge { mapping } => Some(levels::iterator_age(account, mapping)?.map_or(0, millis)),
        Watched::QueueDepth { queue } => Some(account.queues.depth(queue)? as u64),
        Watched::QueueAge { queue } => Some(levels::queue_age(account, queue)?.unwrap_or_default().as_secs()),
    })
}

fn alarm(host: &Connection, account: &Account, name: &str) -> rusqlite::Result<Alarm> {
    let open = opened(host, name)?;
    let rule = account.config.alarms.iter().find(|rule| rule.name == name);
    let since = match open.first() {
        Some((at, _)) => Some(*at),
        None => host
            .prepare_cached("SELECT MAX(ended.at) FROM alarm_ends AS ended JOIN alarms ON alarms.id = ended.alarm WHERE alarms.name = ?1")?
            .query_row([name], |row| row.get::<_, Option<i64>>(0))?
            .map(time),
    };
    Ok(Alarm {
        name: name.to_owned(),
        watches: rule.map_or_else(|| "what is reported under this name".to_owned(), watches),
        state: if open.is_empty() { AlarmState::Ok } else { AlarmState::Alarm },
        since,
        details: open.into_iter().map(|(_, detail)| detail).collect(),
        needs_acknowledgement: needs_acknowledgement(account, name),
    })
}

/// What has no rule was reported by the account itself, of something that does not become undone.
fn needs_acknowledgement(account: &Account, name: &str) -> bool {
    let rule = account.config.alarms.iter().find(|rule| rule.name == name);
    rule.is_none_or(|rule| matches!(rule.watched, Watched::Reports { needs_acknowledgement: true }))
}

fn watches(rule: &AlarmRule) -> String {
    format!("{} above {}", rule.metric, rule.above)
}

/// What keeps an alarm on, oldest first.
fn opened(host: &Connection, name: &str) -> rusqlite::Result<Vec<(Timestamp, String)>> {
    host.prepare_cached("SELECT at, detail FROM alarms WHERE name = ?1 AND id NOT IN (SELECT alarm FROM alarm_ends) ORDER BY id")?
        .query_map([name], |row| Ok((time(row.get(0)?), row.get(1)?)))?
        .collect()
}

fn open(host: &Connection, at: Timestamp, name: &str, detail: &str) -> rusqlite::Result<()> {
    let same = host
        .prepare_cached("SELECT 1 FROM alarms WHERE name = ?1 AND detail = ?2 AND id NOT IN (SELECT alarm FROM alarm_ends)")?
        .query_row((name, detail), |_| Ok(()))
        .optional()?;
    match same {
        Some(()) => Ok(()),
        None => host.execute("INSERT INTO alarms (name, at, detail) VALUES (?1, ?2, ?3)", (name, at.micros(), detail)).map(drop),
    }
}

fn end(host: &Connection, at: Timestamp, (name, detail): (&str, Option<&str>), reason: &str) -> rusqlite::Result<()> {
    host.execute(
        "INSERT INTO alarm_ends (alarm, at, reason)
         SELECT id, ?2, ?3 FROM alarms WHERE name = ?1 AND (?4 IS NULL OR detail = ?4) AND id NOT IN (SELECT alarm FROM alarm_ends)",
        (name, at.micros(), reason, detail),
    )
    .map(drop)
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap_or_else(|| Timestamp::new(Default::default()))
}
