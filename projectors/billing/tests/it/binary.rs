//! billing-projector's own binary under the Lambda runtime API: a commit becomes a row and an event.

use annals_harness::Stage;
use annals_kit::{CommandId, Money, StreamId};
use annals_lambda::Metric;
use annals_log::{Expect, Log, LogConfig, Request, RequestHash, Streams};
use annals_reads::Reads;
use billing::plan::Interval;
use billing::subscription::{CreateSubscription, Subscription, SubscriptionCreated};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{LOG, ROWS};

#[tokio::test]
async fn billing_projector() {
    let stage = Stage::of("billing-projector", env!("CARGO_BIN_EXE_billing-projector")).variable("ANNALS_BUS", "annals").following(LOG);
    let harness = stage.open().await;
    let host = harness.host();
    let reads = Reads::new(host.account.dynamodb(), access_patterns::billing());
    let log = Log::new(host.account.dynamodb(), reads, LogConfig::new(LOG), host.clock.clone(), host.ids.clone());
    let id = Uuid::from_u128(7);
    let created = SubscriptionCreated {
        subscription_id: id,
        customer_id: "ada".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        price: Money::new(4900, "EUR".parse().unwrap()).unwrap(),
        interval: Interval::Month,
        starts_on: Some("2026-01-01".parse().unwrap()),
        provider_subscription: None,
    };
    let request = Request {
        tenant: "demo".parse().unwrap(),
        actor: "tester".parse().unwrap(),
        command: CommandId(id),
        hash: RequestHash::of(b"test"),
        correlation: id,
        causation: None,
        seal: None,
    };
    let command = CreateSubscription(created);
    Streams::<Subscription>::new(log).execute(&request, &StreamId::of("SUB", id), Expect::New, &command).await.unwrap();
    harness.local.settle().await;
    // Its row; and for each of MRR and the customers a stamp, a contribution and a total.
    assert_eq!(harness.count(ROWS).await, 1 + 2 * 3);
    let types: Vec<_> = harness.published().iter().map(|event| event["detail-type"].clone()).collect();
    assert_eq!(types, [json!("SUBSCRIPTION_CREATED")]);
    assert_eq!((harness.counted(Metric::RowWritten), harness.counted(Metric::EventPublished)), (3, 1));
    harness.refuses_what_is_no_event().await;
    println!("{}", harness.local.function_timings()[0]);
}
