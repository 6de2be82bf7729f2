//! The functions of inboxes and devices, each its own binary under the Lambda runtime API with its own role.

use annals_harness::{Stage, events};
use annals_kit::StreamId;
use annals_lambda::Metric;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{answering, unknown};

const ADA: Uuid = Uuid::from_u128(5);
const PHONE: Uuid = Uuid::from_u128(0xd1);
const APPLICATION: &str = "arn:aws:sns:eu-west-1:000000000000:app/GCM/annals";

fn payment_of(customer: &str) -> Value {
    let invoice = Uuid::from_u128(1);
    let data = json!({ "invoice_id": invoice, "customer_id": customer, "amount": { "amount": 4900, "currency": "EUR" } });
    events::published("billing", "PAYMENT_RECEIVED", &StreamId::of("INV", invoice), data)
}

fn of_identity(event: &str, data: Value) -> Value {
    events::published("identity", event, &StreamId::of("USER", ADA), data)
}

fn device_added(endpoint: &str) -> notifications::devices::ChangeDevices {
    let endpoint = notifications::devices::Endpoint(endpoint.to_owned());
    notifications::devices::ChangeDevices::Add(notifications::devices::DeviceAdded { user_id: ADA, device_id: PHONE, endpoint })
}

#[tokio::test]
async fn add_to_inbox() {
    let account = answering("account", 200, json!({ "id": ADA }));
    let stage = Stage::of("add-to-inbox", env!("CARGO_BIN_EXE_add-to-inbox"))
        .api_variable("ANNALS_IDENTITY_URL")
        .variable("ANNALS_IDENTITY_KEY", "annals_service_notifications_0")
        .other("GET", "/v1/tenants/{tenant}/accounts/{id}", account);
    let harness = stage.open().await;
    let welcome = of_identity("USER_CREATED", json!({ "user_id": ADA }));
    let (paid, other) = (payment_of(&ADA.to_string()), payment_of("acme"));
    let batch = events::batch("add-to-inbox", &[("welcome", welcome), ("paid", paid), ("other", other), ("bad", json!("no event"))]);
    for _ in 0..2 {
        let answer = harness.invoke(batch.clone()).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
        assert_eq!((harness.count("notifications-log").await, harness.counted(Metric::EffectDone)), (2, 2));
    }
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn a_customer_without_an_account_has_no_inbox_and_where_identity_does_not_answer_the_message_waits() {
    for (account, waits) in [(unknown("account"), json!([])), (answering("account", 503, json!({})), json!([{ "itemIdentifier": "m" }]))] {
        let stage = Stage::of("add-to-inbox", env!("CARGO_BIN_EXE_add-to-inbox"))
            .api_variable("ANNALS_IDENTITY_URL")
            .variable("ANNALS_IDENTITY_KEY", "annals_service_notifications_0")
            .other("GET", "/v1/tenants/{tenant}/accounts/{id}", account);
        let harness = stage.open().await;
        let answer = harness.invoke(events::batch("add-to-inbox", &[("m", payment_of(&ADA.to_string()))])).await.unwrap();
        assert_eq!((&answer["batchItemFailures"], harness.count("notifications-log").await), (&waits, 0));
    }
}

#[tokio::test]
async fn keep_devices() {
    const ONE: &str = "/v1/me/devices/{id}";
    let stage = Stage::of("keep-devices", env!("CARGO_BIN_EXE_keep-devices")).variable("ANNALS_PUSH_APPLICATION", APPLICATION);
    let harness = stage.route("GET", "/v1/me/devices").route("PUT", ONE).route("DELETE", ONE).open().await;
    let path = format!("/v1/me/devices/{PHONE}");
    let (status, kept) = harness.http(http::Request::put(&path), &json!({ "token": "phone" }).to_string()).await;
    assert_eq!((status, &kept), (200, &json!({ "devices": [{ "id": PHONE }], "version": 1 })), "{kept}");
    assert_eq!(harness.http(http::Request::get("/v1/me/devices"), "").await, (200, kept));
    for refused in [json!({ "token": "" }), json!({ "token": "two words" }), json!({ "token": 7 }), json!({})] {
        assert_eq!(harness.http(http::Request::put(&path), &refused.to_string()).await.0, 400, "{refused}");
    }
    assert_eq!(harness.http(http::Request::delete(&path), "").await, (200, json!({ "devices": [], "version": 2 })));
    assert_eq!(harness.http(http::Request::delete(&path), "").await.0, 404);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn send_push() {
    let harness = Stage::of("send-push", env!("CARGO_BIN_EXE_send-push")).open().await;
    let sns = harness.host().account.sns();
    let made = sns.create_platform_endpoint().platform_application_arn(APPLICATION).token("phone").send().await.unwrap();
    harness.append("notifications-log", ADA, &device_added(made.endpoint_arn().unwrap())).await;
    let role = of_identity("MEMBER_ROLE_CHANGED", json!({ "user_id": ADA, "role": "finance" }));
    let batch = events::batch(
        "send-push",
        &[("paid", payment_of(&ADA.to_string())), ("role", role), ("other", payment_of("acme")), ("bad", json!(7))],
    );
    for _ in 0..2 {
        let answer = harness.invoke(batch.clone()).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
        assert_eq!((harness.local.pushes().unwrap().len(), harness.counted(Metric::EffectDone)), (2, 2));
    }
    let push = harness.local.pushes().unwrap().remove(0);
    for platform in ["default", "GCM", "APNS"] {
        assert!(push.message[platform].as_str().unwrap().contains("Receipt: 49.00 EUR"), "{platform}: {}", push.message);
    }
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn forget_devices() {
    let harness = Stage::of("forget-devices", env!("CARGO_BIN_EXE_forget-devices")).open().await;
    let sns = harness.host().account.sns();
    let made = sns.create_platform_endpoint().platform_application_arn(APPLICATION).token("phone").send().await.unwrap();
    harness.append("notifications-log", ADA, &device_added(made.endpoint_arn().unwrap())).await;
    let left = of_identity("MEMBER_LEFT", json!({ "user_id": ADA, "role": "member" }));
    for _ in 0..2 {
        let answer = harness.invoke(events::batch("forget-devices", &[("left", left.clone())])).await.unwrap();
        assert_eq!((&answer["batchItemFailures"], harness.count("notifications-log").await), (&json!([]), 2));
    }
    assert!(sns.publish().target_arn(made.endpoint_arn().unwrap()).message("m").send().await.is_err());
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn keep_inbox() {
    const MARK: &str = "/v1/me/inbox/{id}/read-mark";
    let stage = Stage::of("keep-inbox", env!("CARGO_BIN_EXE_keep-inbox")).route("PUT", MARK).route("DELETE", MARK);
    let harness = stage.open().await;
    let (note, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let item = |notification_id: Uuid, user_id: Uuid| {
        let (kind, about) = (notifications::note::Kind::Receipt, "0/INV#1@2.0".parse().unwrap());
        let (title, text) = ("t".into(), "x".into());
        let added = notifications::inbox::ItemAdded { notification_id, kind, user_id, about, title, text };
        notifications::inbox::TellInbox::Add(added)
    };
    harness.append("notifications-log", note, &item(note, annals_harness::EVERYBODY)).await;
    harness.append("notifications-log", other, &item(other, ADA)).await;
    let path = |note: Uuid| format!("/v1/me/inbox/{note}/read-mark");
    let marked = |version: u64| (200, json!({ "id": note, "version": version }));
    assert_eq!(harness.http(http::Request::put(path(note)), "").await, marked(2));
    assert_eq!(harness.http(http::Request::put(path(note)), "").await, marked(2));
    assert_eq!(harness.http(http::Request::delete(path(note)), "").await, marked(3));
    for theirs in [other, Uuid::from_u128(3)] {
        assert_eq!(harness.http(http::Request::put(path(theirs)), "").await.0, 404);
    }
    harness.refuses_what_is_no_event().await;
}
