//! Invokes functions on schedules, as EventBridge Scheduler does with a flexible time window that is off.
//!
//! When a schedule fires next, and invocations that are not done, are rows of the host store: a restart loses none. A schedule that
//! came due while nothing ran fires once at the start, however often it was due; AWS, which is never off, has no such case.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Timestamp};
use chrono::TimeDelta;
use rusqlite::{OptionalExtension, Row};
use serde_json::Value;
use tokio::sync::watch;

use crate::account::Account;
use crate::alarms;
use crate::arn;
use crate::config::Schedule;
use crate::deliveries::{letter_attributes, retry_policy};
use crate::functions::{FunctionError, NO_FUNCTION, TIMED_OUT};
use crate::host_store::HostStore;
use crate::queues::Sent;
use crate::randomness::{jittered, uuid};
use crate::schedule_expression::ScheduleExpression;
use crate::timer;

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(900);
const STORE_BACKOFF: TimeDelta = TimeDelta::seconds(1);

/// An invocation that is not done.
struct Invocation {
    id: i64,
    execution: String,
    scheduled_at: Timestamp,
    /// How often the function was invoked.
    tries: u32,
}

/// What is wrong with schedules, by the Scheduler's limits.
pub(crate) fn check(schedules: &[Schedule]) -> Result<(), String> {
    for schedule in schedules {
        let named = |wrong: String| format!("schedule {}: {wrong}", schedule.name);
        ScheduleExpression::read(&schedule.expression, &schedule.time_zone).map_err(|error| named(error.to_string()))?;
        retry_policy(schedule.max_attempts, schedule.max_age_seconds).map_err(named)?;
    }
    Ok(())
}

/// Notes when new or changed schedules fire first, and forgets those that are gone.
pub(crate) fn register(host: &HostStore, clock: &dyn Clock, schedules: &[Schedule]) -> rusqlite::Result<()> {
    let now = clock.now();
    host.write(|host| {
        let known: Vec<String> =
            host.prepare("SELECT name FROM schedules")?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for gone in known.iter().filter(|name| schedules.iter().all(|schedule| schedule.name != **name)) {
            host.execute("DELETE FROM schedules WHERE name = ?1", [gone])?;
            host.execute("DELETE FROM invocations WHERE schedule = ?1", [gone])?;
        }
        for schedule in schedules {
            let Ok(expression) = ScheduleExpression::read(&schedule.expression, &schedule.time_zone) else { continue };
            host.execute(
                "INSERT INTO schedules (name, expression, time_zone, next_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET expression = ?2, time_zone = ?3, next_at = ?4
                 WHERE expression <> ?2 OR time_zone <> ?3",
                (&schedule.name, &schedule.expression, &schedule.time_zone, expression.first(now).map(Timestamp::micros)),
            )?;
        }
        Ok(())
    })
}

/// Whether a schedule is due or an invocation not done.
pub(crate) fn any_due(account: &Account) -> rusqlite::Result<bool> {
    let now = account.clock.now().micros();
    account.host.read(|host| {
        let due = host.query_row("SELECT EXISTS (SELECT 1 FROM schedules WHERE next_at <= ?1)", [now], |row| row.get::<_, bool>(0))?;
        let open = host.query_row("SELECT EXISTS (SELECT 1 FROM invocations)", [], |row| row.get::<_, bool>(0))?;
        Ok(due || open)
    })
}

/// Runs one schedule until it is told to stop. Its invocations come one after the other.
pub(crate) async fn run(account: Arc<Account>, schedule: Schedule, mut stop: watch::Receiver<bool>) {
    let Ok(expression) = ScheduleExpression::read(&schedule.expression, &schedule.time_zone) else { return };
    while !*stop.borrow() {
        let stepped = match fire(&account, &schedule, &expression) {
            Ok(()) => step(&account, &schedule).await,
            Err(error) => Err(error),
        };
        account.progress.moved();
        let next = match stepped {
            Ok(true) => continue,
            Ok(false) => next_due(&account, &schedule),
            Err(error) => Err(error),
        };
        let next = next.unwrap_or_else(|error| {
            tracing::error!(schedule = schedule.name, %error, "the schedule could not be read or written");
            Some(account.clock.now().plus(STORE_BACKOFF))
        });
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            () = timer::reached(&*account.clock, next) => {}
        }
    }
}

/// Makes an invocation of a schedule that is due, in one step with noting when it is due next.
fn fire(account: &Account, schedule: &Schedule, expression: &ScheduleExpression) -> rusqlite::Result<()> {
    let now = account.clock.now();
    account.host.write(|host| {
        let due: Option<Option<i64>> =
            host.query_row("SELECT next_at FROM schedules WHERE name = ?1", [&schedule.name], |row| row.get(0)).optional()?;
        let Some(due) = due.flatten().and_then(Timestamp::from_micros).filter(|due| *due <= now) else { return Ok(()) };
        host.execute(
            "INSERT INTO invocations (schedule, execution, scheduled_at, tries, next_at) VALUES (?1, ?2, ?3, 0, ?3)",
            (&schedule.name, uuid(&*account.config.randomness), due.micros()),
        )?;
        let next = expression.next(due, now).map(Timestamp::micros);
        host.execute("UPDATE schedules SET next_at = ?2 WHERE name = ?1", (&schedule.name, next)).map(drop)
    })
}

/// Invokes the function for the oldest invocation that is due; whether there was one.
async fn step(account: &Account, schedule: &Schedule) -> rusqlite::Result<bool> {
    let now = account.clock.now();
    let due = account.host.read(|host| {
        host.query_row(
            "SELECT id, execution, scheduled_at, tries FROM invocations WHERE schedule = ?1 AND next_at <= ?2 ORDER BY next_at, id LIMIT 1",
            (&schedule.name, now.micros()),
            invocation,
        )
        .optional()
    })?;
    let Some(mut invocation) = due else { return Ok(false) };
    if invocation.tries > 0 && now >= last_moment(schedule, &invocation) {
        give_up(account, schedule, &invocation, "the invocation was too old for another attempt", Some("MaximumEventAgeInSeconds"))?;
        return Ok(true);
    }
    invocation.tries += 1;
    match account.functions.invoke(&schedule.function, input(schedule, &invocation)).await {
        Ok(_) => forget(account, &invocation)?,
        Err(error) => failed(account, schedule, &invocation, &error)?,
    }
    Ok(true)
}

/// Notes when an invocation that failed is tried again, or gives it up.
fn failed(account: &Account, schedule: &Schedule, invocation: &Invocation, error: &FunctionError) -> rusqlite::Result<()> {
    let now = account.clock.now();
    let last = last_moment(schedule, invocation);
    if error.kind == NO_FUNCTION {
        return give_up(account, schedule, invocation, &error.to_string(), None);
    }
    if invocation.tries > schedule.max_attempts {
        return give_up(account, schedule, invocation, &error.to_string(), Some("MaximumRetryAttempts"));
    }
    if now >= last {
        return give_up(account, schedule, invocation, &error.to_string(), Some("MaximumEventAgeInSeconds"));
    }
    let wait = jittered(&*account.config.randomness, FIRST_BACKOFF, invocation.tries - 1, LONGEST_BACKOFF);
    let next = now.plus(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)).min(last);
    account.host.write(|host| {
        host.execute("UPDATE invocations SET tries = ?2, next_at = ?3 WHERE id = ?1", (invocation.id, invocation.tries, next.micros()))
            .map(drop)
    })
}

/// Sends an invocation to the schedule's dead-letter queue; without one, it is an alarm.
fn give_up(account: &Account, schedule: &Schedule, invocation: &Invocation, error: &str, exhausted: Option<&str>) -> rusqlite::Result<()> {
    let letters = schedule.dead_letter_queue.as_ref().filter(|letters| account.queues.definition(letters).is_some());
    let Some(letters) = letters else {
        forget(account, invocation)?;
        let detail = format!(
            "schedule {}: the invocation of {} was given up after {} attempts",
            schedule.name, invocation.scheduled_at, invocation.tries
        );
        alarms::raise(&account.host, account.clock.now(), "invocation-dropped", &detail);
        return Ok(());
    };
    let attributes = letter_attributes(&[
        ("SCHEDULE_ARN", Some(arn::schedule(&schedule.name))),
        ("TARGET_ARN", Some(arn::function(&schedule.function))),
        ("EXECUTION_ID", Some(invocation.execution.clone())),
        ("SCHEDULED_TIME", Some(seconds(invocation.scheduled_at))),
        ("ERROR_CODE", Some(error_code(error).to_owned())),
        ("ERROR_MESSAGE", Some(error.to_owned())),
        ("RETRY_ATTEMPTS", Some(invocation.tries.saturating_sub(1).to_string())),
        ("EXHAUSTED_RETRY_CONDITION", exhausted.map(str::to_owned)),
        ("IS_PAYLOAD_TRUNCATED", Some("false".to_owned())),
    ]);
    let body = input(schedule, invocation).to_string();
    account.host.write(|host| {
        host.execute("DELETE FROM invocations WHERE id = ?1", [invocation.id])?;
        account.queues.insert(host, &Sent { queue: letters, body: &body, attributes: &attributes, delay: Duration::ZERO }).map(drop)
    })?;
    account.queues.arrived(letters);
    Ok(())
}

fn error_code(error: &str) -> &'static str {
    match error.split(':').next() {
        Some(NO_FUNCTION) => "NO_RESOURCE",
        Some(TIMED_OUT) => "TIMEOUT",
        _ => "ERROR_FROM_TARGET",
    }
}

fn forget(account: &Account, invocation: &Invocation) -> rusqlite::Result<()> {
    account.host.write(|host| host.execute("DELETE FROM invocations WHERE id = ?1", [invocation.id]).map(drop))
}

/// What the function gets: the schedule's input with its context attributes filled in.
fn input(schedule: &Schedule, invocation: &Invocation) -> Value {
    let values = [
        ("<aws.scheduler.schedule-arn>", arn::schedule(&schedule.name)),
        ("<aws.scheduler.scheduled-time>", seconds(invocation.scheduled_at)),
        ("<aws.scheduler.execution-id>", invocation.execution.clone()),
        ("<aws.scheduler.attempt-number>", invocation.tries.max(1).to_string()),
    ];
    filled(&schedule.input, &values)
}

fn filled(value: &Value, values: &[(&str, String)]) -> Value {
    match value {
        Value::String(text) => values.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value)).into(),
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(name, item)| (name.clone(), filled(item, values))).collect()),
        other => other.clone(),
    }
}

/// A time as the Scheduler writes it: whole seconds.
fn seconds(at: Timestamp) -> String {
    format!("{}Z", &at.to_string()[..19])
}

fn last_moment(schedule: &Schedule, invocation: &Invocation) -> Timestamp {
    invocation.scheduled_at.plus(TimeDelta::seconds(i64::from(schedule.max_age_seconds)))
}

/// When the schedule or one of its invocations is due next, if ever.
fn next_due(account: &Account, schedule: &Schedule) -> rusqlite::Result<Option<Timestamp>> {
    let next: Option<i64> = account.host.read(|host| {
        host.query_row(
            "SELECT MIN(next_at) FROM (SELECT next_at FROM schedules WHERE name = ?1 UNION ALL
             SELECT next_at FROM invocations WHERE schedule = ?1)",
            [&schedule.name],
            |row| row.get(0),
        )
    })?;
    Ok(next.and_then(Timestamp::from_micros))
}

fn invocation(row: &Row<'_>) -> rusqlite::Result<Invocation> {
    let scheduled_at = Timestamp::from_micros(row.get(2)?).unwrap_or_else(|| Timestamp::new(Default::default()));
    Ok(Invocation { id: row.get(0)?, execution: row.get(1)?, scheduled_at, tries: row.get(3)? })
}
