//! send-email's own binary under the Lambda runtime API, on a local account, with its own role.

use annals_harness::{Stage, events};
use annals_kit::StreamId;
use annals_lambda::Metric;
use annals_local::Function;
use serde_json::{Value, json};
use uuid::Uuid;

fn payment_received() -> Value {
    let (invoice, subscription) = (Uuid::from_u128(1), Uuid::from_u128(3));
    let amount = json!({ "amount": 4900, "currency": "EUR" });
    let data = json!({ "invoice_id": invoice, "subscription_id": subscription, "customer_id": "ada", "amount": amount });
    events::published("billing", "PAYMENT_RECEIVED", &StreamId::of("INV", invoice), data)
}

#[tokio::test]
async fn send_email() {
    let contact =
        Function::new("contact", |_, _| async { Ok(json!({ "statusCode": 200, "body": r#"{"email":"ada@customers.example"}"# })) });
    let harness = Stage::of("send-email", env!("CARGO_BIN_EXE_send-email"))
        .variable("ANNALS_MAIL_FROM", "billing@annals.example")
        .api_variable("ANNALS_IDENTITY_URL")
        .variable("ANNALS_IDENTITY_KEY", "annals_service_notifications_0")
        .other("GET", "/v1/tenants/{tenant}/contacts/{id}", contact)
        .open()
        .await;
    let batch = events::batch("send-email", &[("good", payment_received()), ("bad", json!("no event"))]);
    let answer = harness.invoke(batch.clone()).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
    let mail = harness.local.mail().unwrap();
    assert!(mail.len() == 1 && String::from_utf8_lossy(&mail[0].message).contains("ada@customers.example"));
    // The same again sends nothing.
    harness.invoke(batch).await.unwrap();
    assert_eq!((harness.local.mail().unwrap().len(), harness.counted(Metric::EffectDone)), (1, 1));
    harness.refuses_what_is_no_event().await;
}
