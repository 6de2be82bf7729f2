//! notifications-projector's own binary under the Lambda runtime API: it writes rows, publishes nothing, and counts what was changed in the log.

use annals_harness::Stage;
use annals_lambda::Metric;
use aws_sdk_dynamodb::types::AttributeValue;
use notifications::email::{EmailSent, Finish, Intend};
use notifications::note::Kind;
use serde_json::json;
use uuid::Uuid;

const LOG: &str = "notifications-log";

#[tokio::test]
async fn notifications_projector() {
    let stage = Stage::of("notifications-projector", env!("CARGO_BIN_EXE_notifications-projector"));
    let harness = stage.variable("ANNALS_BUS", "annals").following(LOG).open().await;
    let client = harness.host().account.sdk_dynamodb();
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

#[tokio::test]
async fn a_notification_has_a_row_and_is_not_published() {
    const NOTE: Uuid = Uuid::from_u128(7);
    let stage = Stage::of("notifications-projector", env!("CARGO_BIN_EXE_notifications-projector"));
    let harness = stage.variable("ANNALS_BUS", "annals").following(LOG).open().await;
    let intend = Intend {
        notification_id: NOTE,
        kind: Kind::Receipt,
        customer_id: "ada".parse().unwrap(),
        about: "0/INV#1@2.0".parse().unwrap(),
        lease_until: harness.clock().now(),
    };
    harness.append(LOG, NOTE, &intend).await;
    harness.append(LOG, NOTE, &Finish::Sent(EmailSent { notification_id: NOTE, message_id: "m".into() })).await;
    harness.local.settle().await;
    let client = harness.host().account.sdk_dynamodb();
    let rows = client.scan().table_name("notifications").limit(10).send().await.unwrap().items.unwrap();
    let text = |name: &str| rows[0][name].as_s().unwrap().as_str();
    assert_eq!((rows.len(), text("PK"), text("status"), text("GSI1PK")), (1, format!("NOTE#{NOTE}").as_str(), "sent", "USER#ada"));
    assert_eq!((harness.counted(Metric::RowWritten) > 0, harness.published().len()), (true, 0));
}
