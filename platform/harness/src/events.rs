//! Events as AWS hands them to functions: for tests that invoke one without its queue or its bus.

use annals_kit::StreamId;
use annals_local::arn;
use serde_json::{Value, json};
use uuid::Uuid;

/// A batch of `queue`: messages by id and body.
pub fn batch(queue: &str, messages: &[(&str, Value)]) -> Value {
    let records = messages.iter().map(|(id, body)| {
        json!({
            "messageId": id, "receiptHandle": id, "body": body.to_string(), "attributes": {}, "messageAttributes": {}, "md5OfBody": "",
            "eventSource": "aws:sqs", "eventSourceARN": arn::queue(queue), "awsRegion": arn::REGION,
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

/// An event of `service` on the bus: the first of version 2 of its stream, of tenant `demo`.
pub fn published(service: &str, event_type: &str, stream: &StreamId, data: Value) -> Value {
    let at = "2026-01-01T00:00:00";
    json!({
        "version": "0", "id": Uuid::from_u128(1), "source": service, "account": arn::ACCOUNT, "time": format!("{at}Z"),
        "region": arn::REGION, "resources": [], "detail-type": event_type,
        "detail": {
            "metadata": {
                "event_id": format!("0/{stream}@2.1"), "stream": stream.to_string(), "version": 2, "schema_version": 1,
                "recorded_at": format!("{at}.000000Z"), "tenant": "demo", "actor": "tester", "correlation_id": Uuid::from_u128(2),
            },
            "data": data,
        },
    })
}
