//! The bus, queues, dead letters and archives, through the SDK's PutEvents.

mod support;

use std::sync::Arc;

use annals_local::events::Replay;
use annals_local::faults::{Delivery, DeliveryFault};
use annals_local::{Archive, Call, Config, Fault, Faults, Local, Queue, QueueMapping, Rule, Store, Target};
use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_eventbridge::config::{BehaviorVersion, Region};
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};
use support::{Seen, config, failure};

fn with_bus(store: Store) -> Config {
    let mut config = config(store);
    config.queues = vec![Queue::new("mail-letters", None), Queue::new("mail", Some("mail-letters"))];
    config.queue_mappings = vec![QueueMapping::new("send-email", "mail", "send")];
    config.rules = vec![Rule {
        name: "payment-received".to_owned(),
        bus: "annals".to_owned(),
        pattern: json!({ "source": ["billing"], "detail-type": ["PAYMENT_RECEIVED"], "detail": { "metadata": { "tenant": ["demo"] } } }),
        targets: vec![Target::new("mail", Some("mail-letters"))],
    }];
    config
}

fn events(local: &Local) -> aws_sdk_eventbridge::Client {
    aws_sdk_eventbridge::Client::from_conf(
        aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(local.credentials("admin").unwrap())
            .http_client(local.http_client())
            .build(),
    )
}

fn entry(detail_type: &str, detail: &Value) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder().event_bus_name("annals").source("billing").detail_type(detail_type).detail(detail.to_string()).build()
}

fn payment(amount: u64) -> PutEventsRequestEntry {
    entry("PAYMENT_RECEIVED", &json!({ "metadata": { "tenant": "demo" }, "data": { "amount": amount } }))
}

async fn publish(local: &Local, entries: Vec<PutEventsRequestEntry>) -> PutEventsOutput {
    events(local).put_events().set_entries(Some(entries)).send().await.unwrap()
}

fn amounts(seen: &Seen) -> Vec<u64> {
    let of = |record: &Value| {
        let event: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        event["detail"]["data"]["amount"].as_u64().unwrap()
    };
    seen.batches().iter().flat_map(|batch| batch["Records"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_reaches_the_queue_of_the_rule_it_matches_and_the_function() {
    let local = Local::open(with_bus(Store::Memory)).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |_, _| Ok(json!({}))));
    let answer = publish(&local, vec![payment(1), entry("PAYMENT_FAILED", &json!({ "metadata": { "tenant": "demo" } })), payment(2)]).await;
    assert_eq!(answer.failed_entry_count(), 0);
    assert_eq!(local.queue_depth("mail"), 2);
    local.settle().await;
    assert_eq!((amounts(&seen), local.queue_depth("mail")), (vec![1, 2], 0));
    let batch: SqsEvent = serde_json::from_value(seen.batches()[0].clone()).unwrap();
    let message = &batch.records[0];
    assert_eq!(message.event_source_arn.as_deref(), Some("arn:aws:sqs:eu-west-1:000000000000:mail"));
    assert_eq!(message.attributes["ApproximateReceiveCount"], "1");
    let event: Value = serde_json::from_str(message.body.as_ref().unwrap()).unwrap();
    let expected = json!({
        "version": "0", "id": answer.entries()[0].event_id().unwrap(), "detail-type": "PAYMENT_RECEIVED", "source": "billing",
        "account": "000000000000", "time": "2026-03-01T12:00:00Z", "region": "eu-west-1", "resources": [],
        "detail": { "metadata": { "tenant": "demo" }, "data": { "amount": 1 } }
    });
    assert_eq!(event, expected);
}

#[tokio::test(start_paused = true)]
async fn entries_are_refused_one_by_one_and_requests_over_the_limits_whole() {
    let local = Local::open(with_bus(Store::Memory)).await.unwrap();
    let malformed = PutEventsRequestEntry::builder().event_bus_name("annals").source("billing").detail_type("X").detail("{").build();
    let foreign = PutEventsRequestEntry::builder().source("aws.s3").detail_type("X").detail("{}").build();
    let answer = publish(&local, vec![malformed, payment(1), foreign, PutEventsRequestEntry::builder().build()]).await;
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(codes, [Some("MalformedDetail"), None, Some("NotAuthorizedForSourceException"), Some("InvalidArgument")]);
    assert_eq!((answer.failed_entry_count(), local.queue_depth("mail")), (3, 1));
    let many = events(&local).put_events().set_entries(Some((0..11).map(payment).collect())).send().await;
    assert!(format!("{:?}", many.unwrap_err()).contains("between 1 and 10"));
    let large = entry("PAYMENT_RECEIVED", &json!({ "x": "y".repeat(1024 * 1024) }));
    let large = events(&local).put_events().entries(large).send().await;
    assert!(format!("{:?}", large.unwrap_err()).contains("Total size of the entries in the request is over the limit"));
}

#[tokio::test(start_paused = true)]
async fn failing_messages_come_later_and_later_and_end_in_the_dead_letter_queue() {
    let local = Local::open(with_bus(Store::Memory)).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |_, event| {
        let bad = event["Records"].as_array().unwrap().iter().filter(|record| record["body"].as_str().unwrap().contains(":13}"));
        let failures: Vec<_> = bad.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
        Ok(json!({ "batchItemFailures": failures }))
    }));
    let began = tokio::time::Instant::now();
    publish(&local, vec![payment(1), payment(13), payment(2)]).await;
    local.settle().await;
    assert_eq!(amounts(&seen), [1, 13, 2, 13, 13]);
    assert!(began.elapsed().as_secs() >= 3, "a second, then two");
    let letters = local.peek("mail-letters", 10);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].dead_letter_source.as_deref(), Some("mail"));
    assert_eq!(letters[0].sent_at.to_string(), "2026-03-01T12:00:00.000000Z", "age counts from the first enqueue");
    assert_eq!(local.redrive("mail-letters", "mail", 10), 1);
    assert_ne!(local.peek("mail", 1)[0].message_id, letters[0].message_id, "a redrive gives new ids");
}

#[tokio::test(start_paused = true)]
async fn a_failing_function_fails_its_whole_batch() {
    let local = Local::open(with_bus(Store::Memory)).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |number, _| if number == 0 { Err(failure()) } else { Ok(json!(null)) }));
    publish(&local, vec![payment(1), payment(2)]).await;
    local.settle().await;
    assert_eq!(amounts(&seen), [1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_survives_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let seen = Seen::default();
    let local = Local::open(with_bus(store())).await.unwrap();
    publish(&local, vec![payment(1), payment(2)]).await;
    drop(local);
    let local = Local::open(with_bus(store())).await.unwrap();
    local.install(seen.function("send", |_, _| Ok(json!({}))));
    local.settle().await;
    assert_eq!(amounts(&seen), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_archive_is_replayed_to_the_rules_named() {
    let mut config = with_bus(Store::Memory);
    config.archives = vec![Archive { name: "all".to_owned(), bus: "annals".to_owned(), pattern: None, retention: None }];
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |_, _| Ok(json!({}))));
    publish(&local, vec![payment(1), payment(2)]).await;
    local.settle().await;
    let mut replay = Replay {
        name: "again".to_owned(),
        archive: "all".to_owned(),
        from: "2026-03-01T00:00:00.000000Z".parse().unwrap(),
        until: "2026-03-02T00:00:00.000000Z".parse().unwrap(),
        rules: Some(vec!["payment-received".to_owned()]),
    };
    assert_eq!(local.replay(&replay), 2);
    local.settle().await;
    assert_eq!(amounts(&seen), [1, 2, 1, 2]);
    assert!(seen.batches().last().unwrap().to_string().contains(r#"\"replay-name\":\"again\""#));
    replay.rules = Some(vec!["another".to_owned()]);
    assert_eq!((local.replay(&replay), local.queue_depth("mail")), (2, 0));
}

struct Breaking;

impl Faults for Breaking {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.operation == "PutEvents" { Fault::FailEntries(vec![1]) } else { Fault::None }
    }

    fn delivery(&self, delivery: &Delivery<'_>) -> DeliveryFault {
        match delivery.event["detail"]["data"]["amount"].as_u64() {
            Some(1) => DeliveryFault::Delay(std::time::Duration::from_secs(60)),
            Some(3) => DeliveryFault::Duplicate(1),
            _ => DeliveryFault::None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn faults_fail_entries_and_duplicate_and_delay_deliveries() {
    let mut config = with_bus(Store::Memory);
    config.faults = Some(Arc::new(Breaking));
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("send", |_, _| Ok(json!({}))));
    let answer = publish(&local, vec![payment(1), payment(2), payment(3), payment(4)]).await;
    assert_eq!((answer.failed_entry_count(), answer.entries()[1].error_code()), (1, Some("InternalFailure")));
    local.settle().await;
    assert_eq!(amounts(&seen), [3, 3, 4, 1]);
}
