//! Batches that an event source mapping gave up on, as Lambda leaves them in S3: one JSON object each, records included.
//!
//! - [`folder`]: on one machine, under the keys of S3
//!
//! Source: Lambda Developer Guide, "Retain discarded records for a DynamoDB event source".

pub mod folder;

use std::pin::Pin;

use annals_kit::{StreamId, Version};
use annals_log::{BoxError, StreamHead};
use aws_lambda_events::dynamodb::Event;
use serde::Deserialize;
use serde_json::Value;

use crate::records::sort_out;

/// What reading failures gives, in time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Where failed batches lie.
pub trait Failures: Send + Sync {
    /// The keys of up to `most` batches that are not handled yet, oldest first.
    fn list(&self, most: usize) -> Answer<'_, Vec<String>>;
    /// A batch.
    fn read<'a>(&'a self, key: &'a str) -> Answer<'a, Vec<u8>>;
    /// Marks a batch as handled: it is listed no more.
    fn handled<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
}

/// What a failed batch tells.
#[derive(Debug, PartialEq)]
pub(crate) enum Failed {
    /// These streams had come this far.
    Heads(Vec<StreamHead>),
    /// Not which streams: only a walk finds them.
    Unknown,
    /// It is of another table's stream.
    Foreign,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "DDBStreamBatchInfo")]
    batch: BatchInfo,
    payload: Option<Value>,
}

#[derive(Deserialize)]
struct BatchInfo {
    #[serde(rename = "streamArn")]
    stream_arn: String,
}

/// Reads an object. The records only say which streams; what they lack is taken from the log.
pub(crate) fn read(body: &[u8], table: &str) -> Failed {
    let Ok(object) = serde_json::from_slice::<Object>(body) else { return Failed::Unknown };
    if !object.batch.stream_arn.contains(&format!(":table/{table}/stream/")) {
        return Failed::Foreign;
    }
    // The event as it was sent, as text.
    let event = match object.payload {
        Some(Value::String(text)) => serde_json::from_str::<Event>(&text),
        Some(other) => serde_json::from_value(other),
        None => return Failed::Unknown,
    };
    let Ok(event) = event else { return Failed::Unknown };
    let heads = sort_out(event).0.into_iter().filter_map(|one| head(one.stream, one.highest));
    Failed::Heads(heads.collect())
}

fn head(stream: StreamId, highest: u64) -> Option<StreamHead> {
    Some(StreamHead { stream, version: Version::new(highest)?, recorded_at: None, commits: vec![] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(payload: Value) -> Vec<u8> {
        let arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/subscriptions-log/stream/2026-01-01T00:00:00.000";
        json!({
            "requestContext": { "requestId": "r", "functionArn": "f", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 11 },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0", "timestamp": "2026-01-01T00:00:00.000Z",
            "DDBStreamBatchInfo": { "shardId": "s", "startSequenceNumber": "1", "endSequenceNumber": "2", "batchSize": 2, "streamArn": arn },
            "payload": payload,
        })
        .to_string()
        .into_bytes()
    }

    fn event() -> Value {
        let record = |version: u64| {
            let keys = json!({ "PK": { "S": "INV#1" }, "SK": { "S": format!("{version:020}") } });
            json!({
                "eventID": "1", "eventName": "INSERT", "awsRegion": "eu-west-1",
                "dynamodb": { "ApproximateCreationDateTime": 1.0, "Keys": keys, "SequenceNumber": "1", "SizeBytes": 1 },
            })
        };
        json!({ "Records": [record(2), record(1)] })
    }

    #[test]
    fn a_failed_batch_tells_how_far_its_streams_had_come() {
        let expected = Failed::Heads(vec![head("INV#1".parse().unwrap(), 2).unwrap()]);
        assert_eq!(read(&object(Value::String(event().to_string())), "subscriptions-log"), expected);
        assert_eq!(read(&object(event()), "subscriptions-log"), expected);
    }

    #[test]
    fn what_does_not_tell_its_streams_asks_for_a_walk_and_another_tables_is_left() {
        assert_eq!(read(&object(Value::Null), "subscriptions-log"), Failed::Unknown);
        assert_eq!(read(b"not JSON", "subscriptions-log"), Failed::Unknown);
        assert_eq!(read(&object(event()), "notifications-log"), Failed::Foreign);
    }
}
