//! Each function's own binary under the Lambda runtime API, on a local account, with its own role.

use annals_harness::{Harness, Stage, events};
use annals_kit::{Money, StreamId};
use annals_lambda::Metric;
use billing::decimal::Percent;
use billing::invoice::{Happened, InvoiceIssued, Notice, RecordNotice};
use billing::plan::Interval;
use billing::subscription::{CreateSubscription, SubscriptionCreated};
use serde_json::{Value, json};
use uuid::Uuid;

const LOG: &str = "subscriptions-log";
const ROWS: &str = "subscriptions";
const SECRET: &str = "whsec_of_the_test";
const SUBSCRIPTION: Uuid = Uuid::from_u128(7);
const INVOICE: Uuid = Uuid::from_u128(8);

fn asked() -> String {
    json!({ "customer_id": "ada", "plan": "pro", "price": { "amount": 4900, "currency": "EUR" }, "interval": "month" }).to_string()
}

fn price() -> Money {
    Money::new(4900, "EUR".parse().unwrap()).unwrap()
}

fn today(harness: &Harness) -> String {
    harness.clock().now().date().to_string()
}

fn post(path: &str) -> http::request::Builder {
    http::Request::post(path).header("idempotency-key", "k")
}

/// A subscription in the log, as create-subscription leaves it.
async fn with_a_subscription(harness: &Harness) {
    let created = SubscriptionCreated {
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        plan_version: None,
        price: price(),
        interval: Interval::Month,
        quantity: 1,
        tax_percent: Percent::ZERO,
        trial_ends_on: None,
        starts_on: Some(harness.clock().now().date()),
        provider_subscription: None,
    };
    harness.append(LOG, SUBSCRIPTION, &CreateSubscription(created)).await;
}

/// An invoice of it whose payment has just failed.
async fn with_an_invoice_past_due(harness: &Harness) {
    let (now, today) = (harness.clock().now(), harness.clock().now().date());
    let issued = InvoiceIssued {
        invoice_id: INVOICE,
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().unwrap(),
        amount: price(),
        issued_on: today,
        period_start: today,
        period_end: today,
        tax: None,
        lines: vec![],
        number: None,
        provider_invoice: None,
    };
    let notice = Notice { event: "evt_1".parse().unwrap(), event_type: "invoice.payment_failed".into(), at: now };
    let failed = RecordNotice { issue: Some(issued), happened: Happened::Failed { due: price(), attempt: 1 }, notice };
    harness.append(LOG, INVOICE, &failed).await;
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
    assert_eq!((harness.count(LOG).await, harness.counted(Metric::CommandCommitted)), (1, 1));
    harness.refuses_what_is_no_event().await;
    println!("{}", harness.local.function_timings()[0]);
}

/// After a restore versions are used again: the generation keeps their events' ids apart (docs/runbooks/restore.md).
#[tokio::test]
async fn a_function_of_a_restored_log_writes_its_generation_into_every_commit() {
    let stage = Stage::of("create-subscription", env!("CARGO_BIN_EXE_create-subscription")).variable("ANNALS_GENERATION", "1");
    let harness = stage.route("POST", "/v1/subscriptions").open().await;
    let (status, created) = harness.http(post("/v1/subscriptions"), &asked()).await;
    assert_eq!(status, 201, "{created}");
    let commits = harness.items(LOG).await;
    let commit = annals_log::Commit::from_item(&commits[0]).unwrap();
    assert_eq!(commit.event_id(0).to_string(), format!("1/{}@1.0", commit.stream));
}

#[tokio::test]
async fn a_function_that_is_not_told_its_generation_does_not_start() {
    for (given, what) in [("", "ANNALS_GENERATION is \"\""), ("one", "ANNALS_GENERATION is \"one\"")] {
        let stage = Stage::of("create-subscription", env!("CARGO_BIN_EXE_create-subscription")).variable("ANNALS_GENERATION", given);
        let refused = stage.open().await.invoke(json!({})).await.expect_err("it does not start");
        assert!(refused.message.contains(what), "{refused}");
    }
}

#[tokio::test]
async fn generate_invoice() {
    let stage = Stage::of("generate-invoice", env!("CARGO_BIN_EXE_generate-invoice"));
    let harness = stage.route("POST", "/v1/subscriptions/{id}/invoices").open().await;
    with_a_subscription(&harness).await;
    let path = format!("/v1/subscriptions/{SUBSCRIPTION}/invoices");
    let (status, issued) = harness.http(post(&path), &json!({ "period_start": today(&harness) }).to_string()).await;
    assert_eq!((status, issued["amount"]["amount"].as_i64()), (201, Some(4900)), "{issued}");
    assert_eq!(harness.http(post(&path), r#"{"period_start":"January"}"#).await.0, 400);
    assert_eq!(harness.count(LOG).await, 2);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn change_subscription() {
    let stage = Stage::of("change-subscription", env!("CARGO_BIN_EXE_change-subscription"));
    let stage = stage.route("POST", "/v1/subscriptions/{id}/changes").route("POST", "/v1/subscriptions/{id}/cancellation");
    let harness = stage.route("POST", "/v1/subscriptions/{id}/reactivation").open().await;
    with_a_subscription(&harness).await;
    let path = |what: &str| format!("/v1/subscriptions/{SUBSCRIPTION}/{what}");
    let next = json!({ "price": { "amount": 9900, "currency": "EUR" }, "when": "period-end" }).to_string();
    let (status, changed) = harness.http(post(&path("changes")), &next).await;
    assert_eq!((status, changed["happened"][0]["type"].as_str()), (200, Some("SUBSCRIPTION_CHANGE_SCHEDULED")), "{changed}");
    assert_eq!(harness.http(post(&path("changes")), &next).await, (200, changed));
    let keep = r#"{"when":"now","unused":"keep"}"#;
    assert_eq!(harness.http(http::Request::post(path("cancellation")), keep).await.0, 200);
    assert_eq!(harness.http(http::Request::post(path("reactivation")), "").await.0, 200);
    assert_eq!(harness.http(http::Request::post(path("changes")), r#"{"when":"never"}"#).await.0, 400);
    assert_eq!((harness.count(LOG).await, harness.counted(Metric::CommandCommitted)), (4, 3));
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn adjust_invoice() {
    let stage = Stage::of("adjust-invoice", env!("CARGO_BIN_EXE_adjust-invoice"));
    let harness = stage.route("POST", "/v1/invoices/{id}/credit-notes").route("POST", "/v1/invoices/{id}/refunds").open().await;
    with_an_invoice_past_due(&harness).await;
    let credit = json!({ "amount": { "amount": 900, "currency": "EUR" }, "reason": "mistake" }).to_string();
    let path = format!("/v1/invoices/{INVOICE}/credit-notes");
    let (status, credited) = harness.http(post(&path), &credit).await;
    assert_eq!((status, credited["version"].as_u64()), (201, Some(2)), "{credited}");
    assert_eq!(harness.http(post(&path), &credit).await, (201, credited));
    let refund = json!({ "amount": { "amount": 900, "currency": "EUR" } }).to_string();
    let (status, refused) = harness.http(http::Request::post(format!("/v1/invoices/{INVOICE}/refunds")), &refund).await;
    assert_eq!((status, refused["type"].as_str()), (409, Some("urn:annals:problem:not-owed")), "nothing was paid");
    assert_eq!(harness.counted(Metric::CommandCommitted), 1);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn manage_price_book() {
    let stage = Stage::of("manage-price-book", env!("CARGO_BIN_EXE_manage-price-book"));
    let stage = stage.route("POST", "/v1/plans/{plan}/drafts").route("POST", "/v1/plans/{plan}/releases");
    let harness = stage.route("POST", "/v1/plans/{plan}/retirement").open().await;
    let draft = json!({ "prices": [{ "interval": "month", "price": { "amount": 4900, "currency": "EUR" } }] }).to_string();
    let (status, drafted) = harness.http(post("/v1/plans/pro/drafts"), &draft).await;
    assert_eq!((status, drafted["plan_version"].as_u64()), (200, Some(1)), "{drafted}");
    assert_eq!(harness.http(post("/v1/plans/pro/drafts"), &draft).await, (200, drafted));
    assert_eq!(harness.http(http::Request::post("/v1/plans/pro/releases"), r#"{"version":1}"#).await.0, 200);
    assert_eq!(harness.http(http::Request::post("/v1/plans/pro/releases"), r#"{"version":2}"#).await.0, 409);
    assert_eq!(harness.http(http::Request::post("/v1/plans/pro/retirement"), "").await.0, 200);
    assert_eq!(harness.http(http::Request::post("/v1/plans/a%20b/drafts"), &draft).await.0, 404);
    assert_eq!(harness.counted(Metric::CommandCommitted), 3);
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

/// The row by which a schedule finds something, as short as it may be.
fn due(stream: &str, id: Uuid, list: &str, since: &str) -> Value {
    let (pk, since) = (format!("{stream}#{id}"), format!("{since}#{id}"));
    json!({ "PK": pk, "SK": "META", "GSI2PK": format!("{list}#0"), "GSI2SK": since, "tenant": "demo", "id": id })
}

#[tokio::test]
async fn generate_due_invoices() {
    let harness = Stage::of("generate-due-invoices", env!("CARGO_BIN_EXE_generate-due-invoices")).open().await;
    with_a_subscription(&harness).await;
    harness.put(ROWS, due("SUB", SUBSCRIPTION, "DUE", &today(&harness))).await;
    let report = harness.invoke(json!({})).await.unwrap();
    assert_eq!((report["done"].as_u64(), report["finished"].as_bool()), (Some(1), Some(true)), "{report}");
    // The invoice, and the subscription's note of it.
    assert_eq!((harness.count(LOG).await, harness.counted(Metric::CommandCommitted)), (3, 2));
}

#[tokio::test]
async fn run_dunning() {
    let harness = Stage::of("run-dunning", env!("CARGO_BIN_EXE_run-dunning")).open().await;
    with_an_invoice_past_due(&harness).await;
    // Three rows that are wrong: before its day, without a step, without an invoice.
    let mut row = due("INV", INVOICE, "DUNNING", "2000-01-01T00:00:00.000000Z");
    row["next_step"] = 1.into();
    harness.put(ROWS, row.clone()).await;
    for (pk, lacking) in [("INV#1", "next_step"), ("INV#2", "id")] {
        row["PK"] = pk.into();
        row.as_object_mut().unwrap().remove(lacking);
        harness.put(ROWS, row.clone()).await;
    }
    let report = harness.invoke(json!({})).await.unwrap();
    assert_eq!((report["found"].as_u64(), report["refused"].as_u64(), report["failed"].as_u64()), (Some(3), Some(1), Some(2)), "{report}");
    assert_eq!((harness.counted(Metric::CommandRefused), harness.counted(Metric::WorkFailed)), (1, 2));
}

#[tokio::test]
async fn follow_dunning() {
    let harness = Stage::of("follow-dunning", env!("CARGO_BIN_EXE_follow-dunning")).open().await;
    with_a_subscription(&harness).await;
    with_an_invoice_past_due(&harness).await;
    let about = json!({ "invoice_id": INVOICE, "subscription_id": SUBSCRIPTION });
    let event = events::published("billing", "DUNNING_STARTED", &StreamId::of("INV", INVOICE), about);
    let answer = harness.invoke(events::batch("follow-dunning", &[("good", event), ("bad", json!("no event"))])).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]), "{answer}");
    assert_eq!((harness.counted(Metric::CommandCommitted), harness.counted(Metric::MessageFailed)), (1, 1));
    harness.refuses_what_is_no_event().await;
}
