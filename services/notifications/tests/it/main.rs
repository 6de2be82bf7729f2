//! Each function's own binary under the Lambda runtime API, on a local account, with its own role.

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

#[tokio::test]
async fn read_notifications() {
    let stage = Stage::of("read-notifications", env!("CARGO_BIN_EXE_read-notifications"));
    let stage = stage.route("GET", "/v1/notifications/{id}").route("GET", "/v1/users/{id}/notifications");
    let harness = stage.open().await;
    let row = |tenant: &str, id: Uuid| {
        json!({
            "PK": format!("NOTE#{id}"), "SK": "META", "GSI1PK": "USER#ada", "GSI1SK": format!("NOTE#2026-01-31T09:30:00.000000Z#{tenant}"),
            "tenant": tenant, "id": id, "user_id": "ada", "kind": "receipt", "status": "sent",
            "created_at": "2026-01-31T09:30:00.000000Z", "rev": 1, "ver": 2,
        })
    };
    let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
    harness.put("notifications", row("demo", ours)).await;
    harness.put("notifications", row("other", theirs)).await;
    let (status, shown) = harness.http(http::Request::get(format!("/v1/notifications/{ours}")), "").await;
    assert_eq!((status, &shown["status"]), (200, &json!("sent")), "{shown}");
    assert!(shown.get("tenant").is_none() && shown.get("PK").is_none(), "{shown}");
    assert_eq!(harness.http(http::Request::get(format!("/v1/notifications/{theirs}")), "").await.0, 404, "another tenant's is not found");
    assert_eq!(harness.http(http::Request::get("/v1/notifications/none"), "").await.0, 404);
    let (status, page) = harness.http(http::Request::get("/v1/users/ada/notifications"), "").await;
    let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((status, ids), (200, vec![ours.to_string()]), "{page}");
    assert_eq!(harness.http(http::Request::get("/v1/users/ada/notifications?limit=0"), "").await.0, 400);
    harness.refuses_what_is_no_event().await;
}
