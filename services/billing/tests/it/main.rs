//! Each function's own binary under the Lambda runtime API, on a local account, with its own role; and what the contract says of events.

use annals_harness::{Harness, Stage};
use annals_kit::{CommandId, Money, StreamId};
use annals_lambda::Metric;
use annals_log::{Expect, Log, LogConfig, Request, RequestHash, Streams};
use annals_reads::Reads;
use billing::plan::Interval;
use billing::subscription::{CreateSubscription, Subscription, SubscriptionCreated};
use serde_json::{Value, json};
use uuid::Uuid;

mod contract;

const SECRET: &str = "whsec_of_the_test";
const SUBSCRIPTION: Uuid = Uuid::from_u128(7);

fn asked() -> String {
    json!({ "customer_id": "ada", "plan": "pro", "price": { "amount": 4900, "currency": "EUR" }, "interval": "month" }).to_string()
}

fn post(path: &str) -> http::request::Builder {
    http::Request::post(path).header("idempotency-key", "k")
}

/// A subscription in the log, as create-subscription leaves it.
async fn with_a_subscription(harness: &Harness) {
    let host = harness.host();
    let reads = Reads::new(host.account.dynamodb(), access_patterns::billing());
    let log = Log::new(host.account.dynamodb(), reads, LogConfig::new("subscriptions-log"), host.clock.clone(), host.ids.clone());
    let created = SubscriptionCreated {
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        price: Money::new(4900, "EUR".parse().unwrap()).unwrap(),
        interval: Interval::Month,
        provider_subscription: None,
    };
    let request = Request {
        tenant: "demo".parse().unwrap(),
        actor: "tester".parse().unwrap(),
        command: CommandId(Uuid::from_u128(1)),
        hash: RequestHash::of(b"test"),
        correlation: Uuid::from_u128(1),
        causation: None,
        seal: None,
    };
    let stream = StreamId::of("SUB", SUBSCRIPTION);
    Streams::<Subscription>::new(log).execute(&request, &stream, Expect::New, &CreateSubscription(created)).await.unwrap();
}

#[tokio::test]
async fn create_subscription() {
    let stage = Stage::of("create-subscription", env!("CARGO_BIN_EXE_create-subscription"));
    let harness = stage.route("POST", "/v1/subscriptions").open().await;
    let (status, created) = harness.http(post("/v1/subscriptions"), &asked()).await;
    assert_eq!((status, created["version"].as_u64()), (201, Some(1)), "{created}");
    let (status, again) = harness.http(post("/v1/subscriptions"), &asked()).await;
    assert_eq!((status, &again), (201, &created));
    assert_eq!(harness.http(post("/v1/subscriptions"), "{\"customer_id\":7}").await.0, 400);
    assert_eq!((harness.count("subscriptions-log").await, harness.counted(Metric::CommandCommitted)), (1, 1));
    harness.refuses_what_is_no_event().await;
    println!("{}", harness.local.function_timings()[0]);
}

#[tokio::test]
async fn generate_invoice() {
    let stage = Stage::of("generate-invoice", env!("CARGO_BIN_EXE_generate-invoice"));
    let harness = stage.route("POST", "/v1/subscriptions/{id}/invoices").open().await;
    with_a_subscription(&harness).await;
    let path = format!("/v1/subscriptions/{SUBSCRIPTION}/invoices");
    let (status, issued) = harness.http(post(&path), r#"{"period_start":"2026-01-01"}"#).await;
    assert_eq!((status, issued["amount"]["amount"].as_i64()), (201, Some(4900)), "{issued}");
    assert_eq!(harness.http(post(&path), r#"{"period_start":"January"}"#).await.0, 400);
    assert_eq!(harness.count("subscriptions-log").await, 2);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn process_webhook() {
    let stage = Stage::of("process-webhook", env!("CARGO_BIN_EXE_process-webhook"))
        .variable("ANNALS_WEBHOOK_TENANT", "demo")
        .variable("ANNALS_WEBHOOK_SECRET", SECRET)
        .variable("ANNALS_VAULT_KEY", "alias/vault");
    let harness = stage.route("POST", "/v1/webhooks/stripe").open().await;
    let body = json!({ "id": "evt_1", "type": "t", "created": 1, "data": { "object": { "customer": "cus_1" } } }).to_string();
    let signature = billing_service::signature::sign(body.as_bytes(), SECRET, harness.clock().now());
    let signed = || http::Request::post("/v1/webhooks/stripe").header("stripe-signature", &signature);
    let (status, kept) = harness.http(signed(), &body).await;
    assert_eq!((status, kept["outcome"].as_str()), (200, Some("not-understood")), "{kept}");
    assert_eq!(harness.count("billing-vault").await, 1, "its body is sealed under a key of the customer's own");
    assert_eq!(harness.http(signed(), "{}").await.0, 400);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn process_webhook_does_not_start_without_its_secret() {
    let harness =
        Stage::of("process-webhook", env!("CARGO_BIN_EXE_process-webhook")).variable("ANNALS_WEBHOOK_TENANT", "demo").open().await;
    let error = harness.invoke(Value::Null).await.unwrap_err();
    assert_eq!(error.to_string(), "Function.InitError: the environment variable ANNALS_WEBHOOK_SECRET is not set");
}

#[tokio::test]
async fn read_billing() {
    let harness = Stage::of("read-billing", env!("CARGO_BIN_EXE_read-billing")).route("GET", "/v1/subscriptions/{id}").open().await;
    with_a_subscription(&harness).await;
    // No projector runs here: the log answers.
    let (status, shown) = harness.http(http::Request::get(format!("/v1/subscriptions/{SUBSCRIPTION}?min_version=1")), "").await;
    assert_eq!((status, shown["version"].as_u64()), (200, Some(1)), "{shown}");
    assert_eq!(harness.http(http::Request::get(format!("/v1/subscriptions/{SUBSCRIPTION}?min_version=x")), "").await.0, 400);
    assert_eq!(harness.http(http::Request::get("/v1/subscriptions/none"), "").await.0, 404);
    harness.refuses_what_is_no_event().await;
}
