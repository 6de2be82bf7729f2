//! notifications-projector's own binary under the Lambda runtime API: what was changed in the log is counted, and nothing else done.

use annals_harness::Stage;
use annals_lambda::Metric;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

const LOG: &str = "notifications-log";

#[tokio::test]
async fn notifications_projector() {
    let stage = Stage::of("notifications-projector", env!("CARGO_BIN_EXE_notifications-projector"));
    let harness = stage.variable("ANNALS_BUS", "annals").following(LOG).open().await;
    let client = harness.host().account.dynamodb();
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let (pk, sk) = ("NOTE#1", "00000000000000000001");
    harness.put(LOG, json!({ "PK": pk, "SK": sk })).await;
    harness.local.settle().await;
    assert_eq!(harness.counted(Metric::LogTampered), 0);
    client.delete_item().table_name(LOG).key("PK", key(pk)).key("SK", key(sk)).send().await.unwrap();
    harness.local.settle().await;
    assert_eq!((harness.counted(Metric::LogTampered), harness.published().len()), (1, 0));
    harness.refuses_what_is_no_event().await;
}
