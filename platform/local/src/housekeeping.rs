//! Deletes what is past its time: stream records after 24 hours, archived events, expired items. Looks after alarms every minute.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::Timestamp;
use chrono::TimeDelta;
use tokio::sync::watch;

use crate::account::Account;
use crate::alarms;
use crate::checkpoints;
use crate::config::Trim;
use crate::stream_records;
use crate::streams::Stream;

/// How long stream records can be read.
const RECORDS_LIVE: TimeDelta = TimeDelta::hours(24);
/// How often alarms look.
const ALARM_PERIOD: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(600);
/// Records deleted at a time: every client waits meanwhile.
const AT_ONCE: usize = 500;

/// Trims now and then until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mut stop: watch::Receiver<bool>) {
    loop {
        trim(&account);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Compares what alarms watch with their thresholds every minute, as CloudWatch does, until it is told to stop.
pub(crate) async fn watch(account: Arc<Account>, mut stop: watch::Receiver<bool>) {
    loop {
        alarms::evaluate(&account).unwrap_or_else(failed);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(ALARM_PERIOD) => {}
        }
    }
}

/// Deletes what is past its time.
pub(crate) fn trim(account: &Account) {
    for stream in account.streams.all() {
        while trim_stream(account, &stream).unwrap_or_else(failed) {}
    }
    account.engine.forget_before(account.clock.now().plus(-RECORDS_LIVE));
    account.bus.trim().unwrap_or_else(failed);
    account.queues.expire().unwrap_or_else(failed);
    expire(account);
}

/// Deletes items whose time to live is over, by the machine's clock: the embedded database has no other for it.
fn expire(account: &Account) {
    match account.engine.run(&*account.clock, |database| database.sweep_ttl()) {
        Ok(0) => {}
        Ok(_) => account.streams.all().iter().for_each(|stream| account.streams.written(&stream.table)),
        Err(error) => tracing::error!(%error, "expired items could not be deleted"),
    }
}

/// Deletes some of a table's old records; true when there may be more.
fn trim_stream(account: &Account, stream: &Stream) -> rusqlite::Result<bool> {
    let horizon = account.clock.now().plus(-RECORDS_LIVE);
    let passed = match account.config.trim {
        Trim::AsAws => i64::MAX,
        Trim::OncePassed => passed_by_all(account, stream)?,
    };
    let is_old = |(id, created_at): &&(i64, i64)| {
        let written_at = account.engine.written_at(*id).or_else(|| Timestamp::from_seconds(*created_at));
        *id <= passed && written_at.is_some_and(|at| at < horizon)
    };
    let oldest = stream_records::oldest(&account.engine, &stream.table, AT_ONCE)?;
    let old = oldest.iter().take_while(is_old).count();
    if let Some((last, _)) = old.checked_sub(1).map(|index| oldest[index]) {
        stream_records::delete_to(&account.engine, &stream.table, last)?;
        account.streams.note_trimmed(&stream.table, last)?;
        if passed_by_all(account, stream)? < last {
            let detail = format!("records of table {} were deleted after 24 hours before every mapping had them", stream.table);
            alarms::raise(&account.host, account.clock.now(), &format!("unread-records-trimmed-{}", stream.table), &detail);
        }
    }
    Ok(old == AT_ONCE)
}

/// The place every mapping of the table has passed.
fn passed_by_all(account: &Account, stream: &Stream) -> rusqlite::Result<i64> {
    let shards = account.streams.shards(&stream.arn)?;
    let mut passed = i64::MAX;
    for mapping in account.config.stream_mappings.iter().filter(|mapping| mapping.table == stream.table) {
        for shard in &shards {
            let position = checkpoints::load(&account.host, &mapping.name, &stream.arn, &shard.id)?.unwrap_or(shard.after);
            // A closed shard that was read to its end holds nothing up.
            if shard.until.is_none_or(|until| position < until) {
                passed = passed.min(position);
            }
        }
    }
    Ok(passed)
}

fn failed<T: Default>(error: rusqlite::Error) -> T {
    tracing::error!(%error, "housekeeping failed");
    T::default()
}
