//! Keeps batches that a mapping gave up on in a folder, as Lambda's on-failure destination puts them into S3: same keys, same JSON.
//!
//! Source: Lambda Developer Guide, "Retain discarded records for a DynamoDB event source".

use std::fs;
use std::io::{self, Write};

use annals_kit::Timestamp;
use serde_json::{Value, json};

use crate::account::Account;
use crate::arn;
use crate::batch_delivery::event;
use crate::functions::FunctionError;
use crate::randomness::uuid;
use crate::streams::{Record, sequence_number};

/// A batch that a mapping gave up on.
pub(crate) struct Failure<'a> {
    pub mapping: &'a str,
    pub function: &'a str,
    pub stream: &'a str,
    pub shard: &'a str,
    /// `RetryAttemptsExhausted` or `RecordAgeExceeded`.
    pub condition: &'a str,
    pub invoked: u32,
    /// What the last invocation failed with, if it did not merely report records.
    pub error: Option<&'a FunctionError>,
    pub records: &'a [Record],
}

/// Writes the batch into the folder, whole or not at all. Without a folder nothing is kept.
pub(crate) fn keep(account: &Account, failure: &Failure<'_>) -> io::Result<()> {
    let Some(folder) = &account.config.failures else { return Ok(()) };
    let now = account.clock.now();
    let path = folder.join(key(failure, now, &uuid(&*account.config.randomness)));
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent)?;
    // Hidden, so that whoever lists the folder sees only whole objects.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = parent.join(format!(".{name}.unfinished"));
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(object(failure, now, &uuid(&*account.config.randomness)).to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)
}

/// `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>`: on AWS the mapping is named by its UUID.
fn key(failure: &Failure<'_>, now: Timestamp, id: &str) -> String {
    let now = now.to_string();
    let (day, time) = (&now[..10], now[11..19].replace(':', "."));
    format!("aws/lambda/{}/{}/{}/{day}T{time}-{id}", failure.mapping, failure.shard, day.replace('-', "/"))
}

fn object(failure: &Failure<'_>, now: Timestamp, request: &str) -> Value {
    let (first, last) = (failure.records.first(), failure.records.last());
    let number = |record: Option<&Record>| record.map(|record| sequence_number(record.place));
    let arrival = |record: Option<&Record>| record.map(|record| format!("{}Z", &record.written_at.to_string()[..19]));
    let mut response = json!({ "statusCode": 200, "executedVersion": "$LATEST" });
    if failure.error.is_some() {
        response["functionError"] = "Unhandled".into();
    }
    let records = failure.records.iter().map(|record| record.json.clone()).collect();
    json!({
        "requestContext": {
            "requestId": request,
            "functionArn": arn::function(failure.function),
            "condition": failure.condition,
            "approximateInvokeCount": failure.invoked,
        },
        "responseContext": response,
        "version": "1.0",
        "timestamp": format!("{}Z", &now.to_string()[..23]),
        "DDBStreamBatchInfo": {
            "shardId": failure.shard,
            "startSequenceNumber": number(first),
            "endSequenceNumber": number(last),
            "approximateArrivalOfFirstRecord": arrival(first),
            "approximateArrivalOfLastRecord": arrival(last),
            "batchSize": failure.records.len(),
            "streamArn": failure.stream,
        },
        "payload": event(records).to_string(),
    })
}
