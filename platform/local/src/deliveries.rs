//! Delivers events of the bus to the queues of targets; what fails comes again as the target's retry policy says, or is a dead letter.
//!
//! The first attempt is part of accepting the event. What it leaves undone is a row of the host store until it is delivered or given
//! up, so a restart loses nothing. Source: EventBridge user guide, "How EventBridge retries delivering events" and "Using dead-letter
//! queues to process undelivered events".

use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::account::Account;
use crate::alarms;
use crate::arn;
use crate::config::{Rule, Target};
use crate::faults::{Delivery, DeliveryFault, Faults};
use crate::host_store::HostStore;
use crate::queues::{Queues, Sent};
use crate::randomness::{Randomness, jittered};
use crate::timer;

/// The longest wait between two attempts: 185 of them fill a day.
const LONGEST_BACKOFF: Duration = Duration::from_secs(900);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const STORE_BACKOFF: TimeDelta = TimeDelta::seconds(1);
/// Deliveries tried in one transaction.
const AT_ONCE: i64 = 100;

/// The deliveries that are not done yet, and what they need.
pub(crate) struct Deliveries {
    host: Arc<HostStore>,
    queues: Arc<Queues>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    faults: Option<Arc<dyn Faults>>,
    failed: watch::Sender<u64>,
}

/// An event on its way to one target, with the target as it was when the event was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub bus: String,
    pub rule: String,
    pub target: Target,
    /// The whole event.
    pub event: Value,
    /// What the target gets of it.
    pub body: String,
    pub accepted_at: Timestamp,
}

/// What one attempt came to.
#[derive(Default)]
pub(crate) struct Attempted {
    /// The queue that got a message: the target's or its dead-letter queue.
    pub reached: Option<String>,
    /// Why the event is lost, where it is.
    pub dropped: Option<String>,
}

/// A row of the host store.
struct Waiting {
    id: i64,
    pending: Pending,
    tries: u32,
    failure: Failure,
}

/// Why a target did not take an event.
#[derive(Clone, Debug)]
struct Failure {
    code: String,
    message: String,
    retriable: bool,
}

impl Deliveries {
    pub fn new(
        host: Arc<HostStore>,
        queues: Arc<Queues>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        faults: Option<Arc<dyn Faults>>,
    ) -> Self {
        Self { host, queues, clock, randomness, faults, failed: watch::Sender::new(0) }
    }

    /// Tries for the first time, within the transaction that accepts the event; call [`Deliveries::after`] when it is committed.
    pub fn begin(&self, host: &Connection, pending: &Pending) -> rusqlite::Result<Attempted> {
        match self.attempt(host, pending, 1)? {
            Ok(reached) => Ok(Attempted { reached: Some(reached), dropped: None }),
            Err(failure) => match self.next_try(pending, 1, &failure) {
                Some(at) => {
                    insert(host, pending, at, &failure)?;
                    Ok(Attempted::default())
                }
                None => self.give_up(host, pending, 1, &failure),
            },
        }
    }

    /// Wakes whoever waits for what was attempted, once it is committed.
    pub fn after(&self, attempted: &[Attempted]) {
        let mut reached: Vec<&str> = attempted.iter().filter_map(|one| one.reached.as_deref()).collect();
        reached.sort_unstable();
        reached.dedup();
        reached.iter().for_each(|queue| self.queues.arrived(queue));
        if attempted.iter().any(|one| one.reached.is_none()) {
            self.failed.send_modify(|count| *count += 1);
        }
        for why in attempted.iter().filter_map(|one| one.dropped.as_deref()) {
            alarms::raise(&self.host, self.clock.now(), "event-dropped", why);
        }
    }

    /// How many deliveries are neither done nor given up.
    pub fn open(&self) -> rusqlite::Result<i64> {
        self.host.read(|host| host.prepare_cached("SELECT COUNT(*) FROM deliveries")?.query_row([], |row| row.get(0)))
    }

    /// Tries what is due; whether anything was.
    fn retry(&self) -> rusqlite::Result<bool> {
        let attempted = self.host.write(|host| {
            let due = due(host, self.clock.now())?;
            due.iter().map(|waiting| self.again(host, waiting)).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        self.after(&attempted);
        Ok(!attempted.is_empty())
    }

    fn again(&self, host: &Connection, waiting: &Waiting) -> rusqlite::Result<Attempted> {
        let Waiting { id, pending, tries, failure } = waiting;
        if self.is_too_old(pending) {
            delete(host, *id)?;
            return self.give_up(host, pending, *tries, failure);
        }
        match self.attempt(host, pending, tries + 1)? {
            Ok(reached) => {
                delete(host, *id)?;
                Ok(Attempted { reached: Some(reached), dropped: None })
            }
            Err(failure) => match self.next_try(pending, tries + 1, &failure) {
                Some(at) => {
                    update(host, *id, tries + 1, at, &failure)?;
                    Ok(Attempted::default())
                }
                None => {
                    delete(host, *id)?;
                    self.give_up(host, pending, tries + 1, &failure)
                }
            },
        }
    }

    /// Puts the event into the target's queue; the queue, or why not.
    fn attempt(&self, host: &Connection, pending: &Pending, attempt: u32) -> rusqlite::Result<Result<String, Failure>> {
        let queue = pending.target.queue.as_str();
        if self.queues.definition(queue).is_none() {
            let message = "The specified queue does not exist.".to_owned();
            return Ok(Err(Failure { code: "NO_RESOURCE".to_owned(), message, retriable: false }));
        }
        let delivery = Delivery { rule: &pending.rule, queue, event: &pending.event, attempt };
        let (copies, delay) = match self.faults.as_ref().map_or(DeliveryFault::None, |faults| faults.delivery(&delivery)) {
            DeliveryFault::None => (1, Duration::ZERO),
            DeliveryFault::Duplicate(more) => (1 + more, Duration::ZERO),
            DeliveryFault::Delay(delay) => (1, delay),
            DeliveryFault::Fail => {
                let message = "The target did not answer (injected).".to_owned();
                return Ok(Err(Failure { code: "INTERNAL_ERROR".to_owned(), message, retriable: true }));
            }
            DeliveryFault::Refuse => {
                let message = "EventBridge may not send to the target (injected).".to_owned();
                return Ok(Err(Failure { code: "NO_PERMISSIONS".to_owned(), message, retriable: false }));
            }
        };
        for _ in 0..copies {
            self.queues.insert(host, &Sent { queue, body: &pending.body, attributes: &json!({}), delay })?;
        }
        Ok(Ok(queue.to_owned()))
    }

    /// When to try again; `None` when the retry policy is used up or trying again cannot help.
    fn next_try(&self, pending: &Pending, tries: u32, failure: &Failure) -> Option<Timestamp> {
        if !failure.retriable || tries > pending.target.max_attempts || self.is_too_old(pending) {
            return None;
        }
        let now = self.clock.now();
        let wait = jittered(&*self.randomness, FIRST_BACKOFF, tries - 1, LONGEST_BACKOFF);
        // Not after the event's last moment: then it is given up, without a further attempt.
        Some(now.plus(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)).min(last_moment(pending)))
    }

    fn is_too_old(&self, pending: &Pending) -> bool {
        self.clock.now() >= last_moment(pending)
    }

    /// Sends the event to the target's dead-letter queue. Without one it is lost.
    fn give_up(&self, host: &Connection, pending: &Pending, tries: u32, failure: &Failure) -> rusqlite::Result<Attempted> {
        let Pending { rule, target, .. } = pending;
        let Some(letters) = target.dead_letter_queue.as_ref().filter(|letters| self.queues.definition(letters).is_some()) else {
            let why = format!(
                "rule {rule}: an event for queue {} was dropped after {tries} attempts ({}), and there is no dead-letter queue",
                target.queue, failure.code
            );
            return Ok(Attempted { reached: None, dropped: Some(why) });
        };
        let exhausted = failure.retriable.then(|| match self.is_too_old(pending) {
            true => "MaximumEventAgeInSeconds",
            false => "MaximumRetryAttempts",
        });
        let attributes = letter_attributes(&[
            ("RULE_ARN", Some(arn::rule(&pending.bus, rule))),
            ("TARGET_ARN", Some(arn::queue(&target.queue))),
            ("ERROR_CODE", Some(failure.code.clone())),
            ("ERROR_MESSAGE", Some(failure.message.clone())),
            ("RETRY_ATTEMPTS", Some((tries - 1).to_string())),
            ("EXHAUSTED_RETRY_CONDITION", exhausted.map(str::to_owned)),
        ]);
        // The event as it was, not as the target would have got it.
        let body = pending.event.to_string();
        self.queues.insert(host, &Sent { queue: letters, body: &body, attributes: &attributes, delay: Duration::ZERO })?;
        Ok(Attempted { reached: Some(letters.clone()), dropped: None })
    }

    fn next_due(&self) -> rusqlite::Result<Option<Timestamp>> {
        let at: Option<i64> =
            self.host.read(|host| host.prepare_cached("SELECT MIN(next_at) FROM deliveries")?.query_row([], |row| row.get(0)))?;
        Ok(at.and_then(Timestamp::from_micros))
    }
}

/// Retries deliveries until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mut stop: watch::Receiver<bool>) {
    let deliveries = account.bus.deliveries();
    let mut failed = deliveries.failed.subscribe();
    while !*stop.borrow() {
        failed.borrow_and_update();
        let next = match deliveries.retry() {
            Ok(true) => {
                account.progress.moved();
                continue;
            }
            Ok(false) => deliveries.next_due(),
            Err(error) => Err(error),
        };
        let next = next.unwrap_or_else(|error| {
            tracing::error!(%error, "deliveries of the bus could not be read or written");
            Some(account.clock.now().plus(STORE_BACKOFF))
        });
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            _ = failed.changed() => {}
            () = timer::reached(&*account.clock, next) => {}
        }
    }
}

/// Message attributes of a dead letter, all of them text, as EventBridge and its Scheduler write them.
pub(crate) fn letter_attributes(attributes: &[(&str, Option<String>)]) -> Value {
    let there = attributes.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
    Value::Object(there.map(|(name, value)| (name.to_owned(), json!({ "DataType": "String", "StringValue": value }))).collect())
}

fn last_moment(pending: &Pending) -> Timestamp {
    pending.accepted_at.plus(TimeDelta::seconds(i64::from(pending.target.max_age_seconds)))
}

fn insert(host: &Connection, pending: &Pending, next_at: Timestamp, failure: &Failure) -> rusqlite::Result<()> {
    let target = &pending.target;
    host.prepare_cached(
        "INSERT INTO deliveries (bus, rule, queue, letters, max_attempts, max_age_seconds, event, body, accepted_at, tries, next_at,
         error_code, error_message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12)",
    )?
    .execute((
        &pending.bus,
        &pending.rule,
        &target.queue,
        &target.dead_letter_queue,
        target.max_attempts,
        target.max_age_seconds,
        pending.event.to_string(),
        &pending.body,
        pending.accepted_at.micros(),
        next_at.micros(),
        &failure.code,
        &failure.message,
    ))
    .map(drop)
}

fn update(host: &Connection, id: i64, tries: u32, next_at: Timestamp, failure: &Failure) -> rusqlite::Result<()> {
    host.prepare_cached("UPDATE deliveries SET tries = ?2, next_at = ?3, error_code = ?4, error_message = ?5 WHERE id = ?1")?
        .execute((id, tries, next_at.micros(), &failure.code, &failure.message))
        .map(drop)
}

fn delete(host: &Connection, id: i64) -> rusqlite::Result<()> {
    host.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([id]).map(drop)
}

fn due(host: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Waiting>> {
    host.prepare_cached(
        "SELECT id, bus, rule, queue, letters, max_attempts, max_age_seconds, event, body, accepted_at, tries, error_code, error_message
         FROM deliveries WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
    )?
    .query_map((now.micros(), AT_ONCE), waiting)?
    .collect()
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let queue: String = row.get(3)?;
    let letters: Option<String> = row.get(4)?;
    let target = Target { max_attempts: row.get(5)?, max_age_seconds: row.get(6)?, ..Target::new(queue, letters.as_deref()) };
    let accepted_at = Timestamp::from_micros(row.get(9)?).unwrap_or_else(|| Timestamp::new(Default::default()));
    let event = serde_json::from_str(&row.get::<_, String>(7)?).unwrap_or_default();
    Ok(Waiting {
        id: row.get(0)?,
        pending: Pending { bus: row.get(1)?, rule: row.get(2)?, target, event, body: row.get(8)?, accepted_at },
        tries: row.get(10)?,
        // Only what may be tried again waits.
        failure: Failure { code: row.get(11)?, message: row.get(12)?, retriable: true },
    })
}

/// What is wrong with a rule's targets, by EventBridge's limits.
pub(crate) fn check(rule: &Rule) -> Result<(), String> {
    rule.targets.iter().try_for_each(|target| {
        retry_policy(target.max_attempts, target.max_age_seconds).map_err(|wrong| format!("rule {}: {wrong}", rule.name))
    })
}

/// The limits EventBridge and its Scheduler set a retry policy.
pub(crate) fn retry_policy(max_attempts: u32, max_age_seconds: u32) -> Result<(), String> {
    if max_attempts > 185 {
        return Err(format!("max_attempts is {max_attempts}; a target is tried again 0 to 185 times"));
    }
    if !(60..=86_400).contains(&max_age_seconds) {
        return Err(format!("max_age_seconds is {max_age_seconds}; an event is kept 60 to 86400 seconds"));
    }
    Ok(())
}
