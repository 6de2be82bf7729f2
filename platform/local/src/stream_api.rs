//! Answers the DynamoDB Streams API: streams, shards, iterators that expire, pages of records.

use annals_kit::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::account::Account;
use crate::streams::{Record, Shard, Stream, place, sequence_number};
use crate::wire::{Answer, Reply, answer};

/// How long an iterator is good for.
const ITERATOR_LIVES: TimeDelta = TimeDelta::minutes(15);
const MOST_RECORDS: u64 = 1000;
const MOST_BYTES: usize = 1024 * 1024;
const MOST_STREAMS: u64 = 100;

/// Runs an operation.
pub(crate) fn run(account: &Account, operation: &str, request: &Value) -> Answer {
    answer(match operation {
        "ListStreams" => list_streams(account, request),
        "DescribeStream" => describe_stream(account, request),
        "GetShardIterator" => get_shard_iterator(account, request),
        "GetRecords" => get_records(account, request),
        _ => Err(Answer::refused("UnknownOperationException", "")),
    })
}

fn list_streams(account: &Account, request: &Value) -> Reply {
    let limit = limit(request, MOST_STREAMS)?;
    let streams = account.streams.list(request["TableName"].as_str()).map_err(failed)?;
    let start = request["ExclusiveStartStreamArn"].as_str();
    let after = start.map_or(0, |start| streams.iter().position(|stream| stream.arn == start).map_or(streams.len(), |index| index + 1));
    let page: Vec<_> = streams[after..].iter().take(limit).collect();
    let described = page.iter().map(|stream| json!({ "StreamArn": stream.arn, "TableName": stream.table, "StreamLabel": stream.label }));
    let mut reply = json!({ "Streams": described.collect::<Vec<_>>() });
    if after + page.len() < streams.len()
        && let Some(last) = page.last()
    {
        reply["LastEvaluatedStreamArn"] = last.arn.clone().into();
    }
    Ok(reply)
}

fn describe_stream(account: &Account, request: &Value) -> Reply {
    let limit = limit(request, MOST_STREAMS)?;
    let stream = stream(account, request["StreamArn"].as_str())?;
    let shards = account.streams.shards(&stream.arn).map_err(failed)?;
    let start = request["ExclusiveStartShardId"].as_str();
    let after = start.map_or(0, |start| shards.iter().position(|shard| shard.id == start).map_or(shards.len(), |index| index + 1));
    let page = &shards[after..shards.len().min(after + limit)];
    let mut description = json!({
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": if stream.disabled_at.is_some() { "DISABLED" } else { "ENABLED" },
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created_at.micros() as f64 / 1e6,
        "TableName": stream.table,
        "KeySchema": stream.key_schema,
        "Shards": page.iter().map(described).collect::<Vec<_>>(),
    });
    if after + page.len() < shards.len()
        && let Some(last) = page.last()
    {
        description["LastEvaluatedShardId"] = last.id.clone().into();
    }
    Ok(json!({ "StreamDescription": description }))
}

/// An open shard has no ending number.
fn described(shard: &Shard) -> Value {
    let mut range = json!({ "StartingSequenceNumber": sequence_number(shard.after + 1) });
    if let Some(until) = shard.until {
        range["EndingSequenceNumber"] = sequence_number(until.max(shard.after + 1)).into();
    }
    let mut described = json!({ "ShardId": shard.id, "SequenceNumberRange": range });
    if let Some(parent) = &shard.parent {
        described["ParentShardId"] = parent.clone().into();
    }
    described
}

fn get_shard_iterator(account: &Account, request: &Value) -> Reply {
    let stream = stream(account, request["StreamArn"].as_str())?;
    let shard = shard(account, &stream, request["ShardId"].as_str().unwrap_or_default())?;
    let trimmed_to = account.streams.trimmed_to(&stream.arn).map_err(failed)?;
    let number = || {
        let number = request["SequenceNumber"].as_str().unwrap_or_default();
        let inside = |place: &i64| *place > shard.after && shard.until.is_none_or(|until| *place <= until);
        let place = place(number).filter(inside);
        let place = place.ok_or_else(|| Answer::refused("ValidationException", &format!("Invalid SequenceNumber: {number}")))?;
        if place <= trimmed_to { Err(trimmed()) } else { Ok(place) }
    };
    let after = match request["ShardIteratorType"].as_str() {
        Some("TRIM_HORIZON") => shard.after.max(trimmed_to),
        Some("LATEST") => account.streams.end(&stream, &shard).map_err(failed)?.max(shard.after),
        Some("AT_SEQUENCE_NUMBER") => number()? - 1,
        Some("AFTER_SEQUENCE_NUMBER") => number()?,
        _ => return Err(Answer::refused("ValidationException", "ShardIteratorType is not one of the four")),
    };
    Ok(json!({ "ShardIterator": ShardIterator { stream: stream.arn, shard: shard.id, after, issued: account.clock.now() }.write() }))
}

fn get_records(account: &Account, request: &Value) -> Reply {
    let limit = limit(request, MOST_RECORDS)?;
    let invalid = || Answer::refused("ValidationException", "Invalid ShardIterator");
    let iterator = ShardIterator::read(request["ShardIterator"].as_str().unwrap_or_default()).ok_or_else(invalid)?;
    let now = account.clock.now();
    if now.since(iterator.issued) > ITERATOR_LIVES {
        return Err(Answer::refused("ExpiredIteratorException", "Iterator expired: the iterator was issued more than 15 minutes ago."));
    }
    let stream = stream(account, Some(&iterator.stream))?;
    let shard = shard(account, &stream, &iterator.shard)?;
    // TRIM_HORIZON begins where trimming ended; anything before it is gone.
    if iterator.after < account.streams.trimmed_to(&stream.arn).map_err(failed)? {
        return Err(trimmed());
    }
    let (records, read_to) = page(account, &stream, &shard, iterator.after, limit).map_err(failed)?;
    let mut reply = json!({ "Records": records.into_iter().map(api_record).collect::<Vec<_>>() });
    if shard.until.is_none_or(|until| read_to < until) {
        reply["NextShardIterator"] = ShardIterator { after: read_to, issued: now, ..iterator }.write().into();
    }
    Ok(reply)
}

/// Up to `limit` records and a megabyte, but at least one if there is one.
fn page(account: &Account, stream: &Stream, shard: &Shard, after: i64, limit: usize) -> rusqlite::Result<(Vec<Record>, i64)> {
    let page = account.streams.read(stream, shard, after, limit)?;
    let mut bytes = 0;
    let fits = page.records.iter().take_while(|record| {
        bytes += record.size;
        bytes <= MOST_BYTES
    });
    let fits = fits.count().max(1);
    let mut records = page.records;
    if records.len() <= fits {
        return Ok((records, page.read_to));
    }
    records.truncate(fits);
    let read_to = records[fits - 1].place;
    Ok((records, read_to))
}

/// The API spells the identity otherwise than Lambda does, and leaves the stream out.
fn api_record(record: Record) -> Value {
    let mut json = record.json;
    if let Some(members) = json.as_object_mut() {
        members.remove("eventSourceARN");
        if let Some(identity) = members.get_mut("userIdentity") {
            *identity = json!({ "Type": identity["type"], "PrincipalId": identity["principalId"] });
        }
    }
    json
}

/// A place in a shard, and when it was given out.
struct ShardIterator {
    stream: String,
    shard: String,
    after: i64,
    issued: Timestamp,
}

impl ShardIterator {
    fn write(&self) -> String {
        let place = json!([self.shard, self.after, self.issued.micros()]).to_string();
        format!("{}|1|{}", self.stream, BASE64_STANDARD.encode(place))
    }

    fn read(text: &str) -> Option<Self> {
        let (stream, place) = text.split_once("|1|")?;
        let (shard, after, issued): (String, i64, i64) = serde_json::from_slice(&BASE64_STANDARD.decode(place).ok()?).ok()?;
        Some(Self { stream: stream.to_owned(), shard, after, issued: Timestamp::from_micros(issued)? })
    }
}

fn stream(account: &Account, arn: Option<&str>) -> Result<Stream, Answer> {
    let arn = arn.unwrap_or_default();
    let found = account.streams.find(arn).map_err(failed)?;
    found.ok_or_else(|| Answer::refused("ResourceNotFoundException", &format!("Requested resource not found: Stream: {arn} not found")))
}

fn shard(account: &Account, stream: &Stream, id: &str) -> Result<Shard, Answer> {
    let shards = account.streams.shards(&stream.arn).map_err(failed)?;
    let found = shards.into_iter().find(|shard| shard.id == id);
    found.ok_or_else(|| {
        let message = format!("Requested resource not found: Shard: {id} in Stream: {} not found", stream.arn);
        Answer::refused("ResourceNotFoundException", &message)
    })
}

fn limit(request: &Value, most: u64) -> Result<usize, Answer> {
    match &request["Limit"] {
        Value::Null => Ok(most as usize),
        limit => match limit.as_u64() {
            Some(limit) if (1..=most).contains(&limit) => Ok(limit as usize),
            _ => Err(Answer::refused("ValidationException", &format!("Limit must be between 1 and {most}"))),
        },
    }
}

fn trimmed() -> Answer {
    let message = "The operation attempted to read past the oldest stream record in a shard.";
    Answer::refused("TrimmedDataAccessException", message)
}

fn failed(error: rusqlite::Error) -> Answer {
    tracing::error!(%error, "streams could not be read");
    Answer::internal("the stream could not be read")
}
