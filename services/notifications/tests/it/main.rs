//! send-email's own binary under the Lambda runtime API, on a local account, with its own role.

use annals_harness::Stage;
use annals_lambda::Metric;
use annals_local::Function;
use serde_json::{Value, json};

fn message(id: &str, body: &Value) -> Value {
    json!({
        "messageId": id, "receiptHandle": id, "body": body.to_string(), "attributes": {}, "messageAttributes": {},
        "md5OfBody": "", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:send-email", "awsRegion": "eu-west-1",
    })
}

fn payment_received() -> Value {
    json!({
        "version": "0", "id": "6f1f8c7e-0000-4000-8000-000000000001", "source": "billing", "account": "000000000000",
        "time": "2026-01-01T00:00:00Z", "region": "eu-west-1", "resources": [], "detail-type": "PAYMENT_RECEIVED",
        "detail": {
            "metadata": {
                "event_id": "0/INV#00000000-0000-0000-0000-000000000001@2.1", "stream": "INV#00000000-0000-0000-0000-000000000001",
                "version": 2, "schema_version": 1, "recorded_at": "2026-01-01T00:00:00.000000Z", "tenant": "demo", "actor": "stripe",
                "correlation_id": "00000000-0000-0000-0000-000000000002",
            },
            "data": {
                "invoice_id": "00000000-0000-0000-0000-000000000001", "subscription_id": "00000000-0000-0000-0000-000000000003",
                "customer_id": "ada", "amount": { "amount": 4900, "currency": "EUR" },
            },
        },
    })
}

#[tokio::test]
async fn send_email() {
    let contact =
        Function::new("contact", |_, _| async { Ok(json!({ "statusCode": 200, "body": r#"{"email":"ada@customers.example"}"# })) });
    let harness = Stage::of("send-email", env!("CARGO_BIN_EXE_send-email"))
        .variable("ANNALS_MAIL_FROM", "billing@annals.example")
        .api_variable("ANNALS_IDENTITY_URL")
        .other("GET", "/v1/contacts/{customer}", contact)
        .open()
        .await;
    let batch = json!({ "Records": [message("good", &payment_received()), message("bad", &json!("no event"))] });
    let answer = harness.invoke(batch.clone()).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
    let mail = harness.local.mail().unwrap();
    assert!(mail.len() == 1 && String::from_utf8_lossy(&mail[0].message).contains("ada@customers.example"));
    // The same again sends nothing.
    harness.invoke(batch).await.unwrap();
    assert_eq!((harness.local.mail().unwrap().len(), harness.counted(Metric::EffectDone)), (1, 1));
    harness.refuses_what_is_no_event().await;
}
