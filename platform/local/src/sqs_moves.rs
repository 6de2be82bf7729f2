//! Moves dead letters back in tasks, as SQS's redrive does: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.
//!
//! A task is a row of the host store until it is done, so a restart goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::account::Account;
use crate::arn;
use crate::queues::Moved;
use crate::randomness::uuid;
use crate::sqs::{Asked, missing, refused, stored};
use crate::wire::{Answer, Reply};

/// The fastest a task may be asked to move; also what it moves by itself.
const MOST_PER_SECOND: i64 = 500;
/// Finished tasks of a queue that can be listed.
const KEPT: i64 = 10;

struct Task {
    handle: String,
    source: String,
    destination: Option<String>,
    per_second: i64,
    status: String,
    failure: Option<String>,
    moved: i64,
    to_move: i64,
    started_at: i64,
    rate_asked: bool,
}

/// StartMessageMoveTask.
pub(crate) fn start(asked: &Asked<'_>) -> Reply {
    let source = queue_of(asked, "SourceArn")?.ok_or_else(|| missing("SourceArn"))?;
    let destination = queue_of(asked, "DestinationArn")?;
    let rate = asked.number(asked.body, "MaxNumberOfMessagesPerSecond", 1..=MOST_PER_SECOND)?;
    let queues = &asked.account.queues;
    if !queues.names().iter().any(|name| queues.definition(name).is_some_and(|queue| queue.dead_letter_queue.as_ref() == Some(&source))) {
        let message = "Source queue must be configured as a Dead Letter Queue.";
        return Err(refused("InvalidParameterValueException", "InvalidParameterValue", message));
    }
    let handle = uuid(&*asked.account.config.randomness);
    let now = asked.account.clock.now().micros();
    let depth = i64::try_from(queues.depth(&source).map_err(stored)?).unwrap_or(i64::MAX);
    let began = asked.account.host.write(|host| {
        let running =
            host.query_row("SELECT 1 FROM move_tasks WHERE source = ?1 AND status = 'RUNNING'", [&source], |_| Ok(())).optional()?;
        if running.is_some() {
            return Ok(false);
        }
        host.execute(
            "INSERT INTO move_tasks (handle, source, destination, per_second, rate_asked, status, moved, to_move, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'RUNNING', 0, ?6, ?7)",
            (&handle, &source, &destination, rate.map_or(MOST_PER_SECOND, |rate| rate as i64), rate.is_some(), depth, now),
        )?;
        host.execute(
            "DELETE FROM move_tasks WHERE source = ?1 AND handle NOT IN
             (SELECT handle FROM move_tasks WHERE source = ?1 ORDER BY started_at DESC, rowid DESC LIMIT ?2)",
            (&source, KEPT),
        )?;
        Ok(true)
    });
    if !began.map_err(stored)? {
        let message = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
        return Err(refused("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", message));
    }
    queues.moves_changed();
    Ok(json!({ "TaskHandle": handle }))
}

/// ListMessageMoveTasks, newest first.
pub(crate) fn list(asked: &Asked<'_>) -> Reply {
    let source = queue_of(asked, "SourceArn")?.ok_or_else(|| missing("SourceArn"))?;
    let most = asked.number(asked.body, "MaxResults", 1..=KEPT)?.unwrap_or(1);
    let tasks = asked.account.host.read(|host| {
        host.prepare_cached(&format!("{SELECT} WHERE source = ?1 ORDER BY started_at DESC, rowid DESC LIMIT ?2"))?
            .query_map((&source, most as i64), task)?
            .collect::<rusqlite::Result<Vec<_>>>()
    });
    Ok(json!({ "Results": tasks.map_err(stored)?.iter().map(Task::wire).collect::<Vec<_>>() }))
}

/// CancelMessageMoveTask. What was moved stays moved.
pub(crate) fn cancel(asked: &Asked<'_>) -> Reply {
    let handle = asked.body["TaskHandle"].as_str().ok_or_else(|| missing("TaskHandle"))?;
    let found = asked.account.host.write(|host| {
        let found = host.query_row(&format!("{SELECT} WHERE handle = ?1"), [handle], task).optional()?;
        host.execute("UPDATE move_tasks SET status = 'CANCELLED' WHERE handle = ?1 AND status = 'RUNNING'", [handle])?;
        Ok(found)
    });
    match found.map_err(stored)? {
        Some(task) if task.status == "RUNNING" => Ok(json!({ "ApproximateNumberOfMessagesMoved": task.moved })),
        Some(_) => {
            let message = "Only active tasks can be cancelled.";
            Err(refused("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", message))
        }
        None => Err(Answer { status: 404, ..refused("ResourceNotFoundException", "ResourceNotFoundException", "Task does not exist.") }),
    }
}

/// Whether a task is under way.
pub(crate) fn any_running(account: &Account) -> rusqlite::Result<bool> {
    account.host.read(|host| Ok(host.query_row("SELECT 1 FROM move_tasks WHERE status = 'RUNNING'", [], |_| Ok(())).optional()?.is_some()))
}

/// Carries tasks on, a second's worth at a time, until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mut stop: watch::Receiver<bool>) {
    let mut changed = account.queues.moves();
    while !*stop.borrow() {
        changed.borrow_and_update();
        let busy = step_all(&account).unwrap_or_else(|error| {
            tracing::error!(%error, "dead letters could not be moved");
            true
        });
        account.progress.moved();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            _ = changed.changed() => {}
            () = tokio::time::sleep(Duration::from_secs(1)), if busy => {}
        }
    }
}

/// Moves a second's worth of every task; whether any is left.
fn step_all(account: &Account) -> rusqlite::Result<bool> {
    let running = account.host.read(|host| {
        host.prepare_cached(&format!("{SELECT} WHERE status = 'RUNNING'"))?.query_map([], task)?.collect::<rusqlite::Result<Vec<_>>>()
    })?;
    let mut left = false;
    for task in &running {
        let (reached, done) = account.host.write(|host| step(account, host, task))?;
        reached.iter().for_each(|queue| account.queues.arrived(queue));
        left |= !done;
    }
    Ok(left)
}

fn step(account: &Account, host: &Connection, task: &Task) -> rusqlite::Result<(Vec<String>, bool)> {
    let Moved { reached, count, without_source } =
        account.queues.move_visible(host, &task.source, task.destination.as_deref(), task.per_second)?;
    let status = match (without_source, count < task.per_second) {
        (true, _) => "FAILED",
        (false, true) => "COMPLETED",
        (false, false) => "RUNNING",
    };
    let failure = without_source.then_some("CouldNotDetermineMessageSource");
    // Unless it was cancelled meanwhile.
    host.execute(
        "UPDATE move_tasks SET moved = moved + ?2, status = ?3, failure = ?4 WHERE handle = ?1 AND status = 'RUNNING'",
        (&task.handle, count, status, failure),
    )?;
    Ok((reached, status != "RUNNING"))
}

/// The queue that an ARN of the request names, where it does.
fn queue_of(asked: &Asked<'_>, member: &str) -> Result<Option<String>, Answer> {
    let Some(named) = asked.body[member].as_str() else { return Ok(None) };
    let name = arn::name_of(named);
    match asked.account.queues.definition(name) {
        Some(queue) if arn::queue(&queue.name) == named => Ok(Some(queue.name.clone())),
        _ => {
            let message = format!("The resource that you specified for the {member} parameter doesn't exist.");
            Err(Answer { status: 404, ..refused("ResourceNotFoundException", "ResourceNotFoundException", &message) })
        }
    }
}

const SELECT: &str =
    "SELECT handle, source, destination, per_second, status, failure, moved, to_move, started_at, rate_asked FROM move_tasks";

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        handle: row.get(0)?,
        source: row.get(1)?,
        destination: row.get(2)?,
        per_second: row.get(3)?,
        status: row.get(4)?,
        failure: row.get(5)?,
        moved: row.get(6)?,
        to_move: row.get(7)?,
        started_at: row.get(8)?,
        rate_asked: row.get(9)?,
    })
}

impl Task {
    fn wire(&self) -> Value {
        let mut wire = json!({
            "Status": self.status,
            "SourceArn": arn::queue(&self.source),
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": self.started_at / 1000,
        });
        if self.status == "RUNNING" {
            wire["TaskHandle"] = self.handle.clone().into();
        }
        if let Some(destination) = &self.destination {
            wire["DestinationArn"] = arn::queue(destination).into();
        }
        if self.rate_asked {
            wire["MaxNumberOfMessagesPerSecond"] = self.per_second.into();
        }
        if let Some(failure) = &self.failure {
            wire["FailureReason"] = failure.clone().into();
        }
        wire
    }
}
