//! A target's retry policy and dead-letter queue, across restarts, and the wire operation TestEventPattern.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_local::faults::{Delivery, DeliveryFault};
use annals_local::{Call, Config, Fault, Faults, Input, Local, Queue, Rule, Store, Target};
use aws_sdk_eventbridge::config::{BehaviorVersion, Region};
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::config;

/// Fails a target's first deliveries, and notes when each was tried.
struct Failing {
    times: u32,
    fault: DeliveryFault,
    tried: Mutex<Vec<(u32, Instant)>>,
}

impl Failing {
    fn times(times: u32) -> Arc<Self> {
        Arc::new(Self { times, fault: DeliveryFault::Fail, tried: Mutex::default() })
    }

    fn waits(&self) -> Vec<Duration> {
        self.tried.lock().unwrap().windows(2).map(|pair| pair[1].1 - pair[0].1).collect()
    }
}

impl Faults for Failing {
    fn plan(&self, _: &Call<'_>) -> Fault {
        Fault::None
    }

    fn delivery(&self, delivery: &Delivery<'_>) -> DeliveryFault {
        self.tried.lock().unwrap().push((delivery.attempt, Instant::now()));
        if delivery.attempt <= self.times { self.fault.clone() } else { DeliveryFault::None }
    }
}

fn with_target(store: Store, faults: Option<Arc<Failing>>, change: impl FnOnce(&mut Target)) -> Config {
    let mut config = config(store);
    config.queues = vec![Queue::new("mail", None), Queue::new("letters", None)];
    let mut target = Target::new("mail", Some("letters"));
    change(&mut target);
    config.rules =
        vec![Rule { name: "paid".to_owned(), bus: "annals".to_owned(), pattern: json!({ "source": ["billing"] }), targets: vec![target] }];
    config.faults = faults.map(|faults| faults as Arc<dyn Faults>);
    config
}

fn events(local: &Local) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(local.credentials("admin").unwrap())
        .http_client(local.http_client());
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

async fn publish(local: &Local) {
    let entry =
        PutEventsRequestEntry::builder().event_bus_name("annals").source("billing").detail_type("PAID").detail(r#"{"n":1}"#).build();
    assert_eq!(events(local).put_events().entries(entry).send().await.unwrap().failed_entry_count(), 0);
}

/// The one dead letter: its body's detail, and its attributes as name and value.
fn letter(local: &Local) -> (Value, Vec<(String, String)>) {
    let letters = local.peek("letters", 10);
    assert_eq!(letters.len(), 1);
    let body: Value = serde_json::from_str(&letters[0].body).unwrap();
    let attributes = letters[0].attributes.as_object().unwrap().iter();
    (body["detail"].clone(), attributes.map(|(name, value)| (name.clone(), value["StringValue"].as_str().unwrap().to_owned())).collect())
}

fn expected(condition: Option<&str>, code: &str, message: &str, queue: &str, retries: &str) -> Vec<(String, String)> {
    let condition = condition.map(|condition| ("EXHAUSTED_RETRY_CONDITION", condition));
    let pairs = [
        Some(("ERROR_CODE", code)),
        Some(("ERROR_MESSAGE", message)),
        condition,
        Some(("RETRY_ATTEMPTS", retries)),
        Some(("RULE_ARN", "arn:aws:events:eu-west-1:000000000000:rule/annals/paid")),
        Some(("TARGET_ARN", &*format!("arn:aws:sqs:eu-west-1:000000000000:{queue}"))),
    ];
    pairs.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_is_tried_again_later_and_later_until_it_takes_the_event() {
    let faults = Failing::times(3);
    let local = Local::open(with_target(Store::Memory, Some(faults.clone()), |_| {})).await.unwrap();
    publish(&local).await;
    assert_eq!(local.queue_depth("mail"), 0);
    local.settle().await;
    assert_eq!((local.queue_depth("mail"), local.queue_depth("letters")), (1, 0));
    let within = |wait: &Duration, whole: f64| (whole / 2.0..=whole + 0.01).contains(&wait.as_secs_f64());
    let waits = faults.waits();
    assert!(waits.len() == 3 && within(&waits[0], 1.0) && within(&waits[1], 2.0) && within(&waits[2], 4.0), "{waits:?}");
    assert!(waits.iter().all(|wait| wait.subsec_micros() != 0), "with jitter: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn when_the_attempts_are_used_up_the_event_is_a_dead_letter_that_says_why() {
    let faults = Failing::times(100);
    let change =
        |target: &mut Target| (target.max_attempts, target.input) = (2, Input::Constant(json!({ "detail": "what the queue gets" })));
    let local = Local::open(with_target(Store::Memory, Some(faults.clone()), change)).await.unwrap();
    publish(&local).await;
    local.settle().await;
    let tried: Vec<u32> = faults.tried.lock().unwrap().iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(tried, [1, 2, 3], "one attempt and two retries");
    let (detail, attributes) = letter(&local);
    assert_eq!(detail, json!({ "n": 1 }), "the event as it was, not as the queue would have got it");
    assert_eq!(attributes, expected(Some("MaximumRetryAttempts"), "INTERNAL_ERROR", "The target did not answer (injected).", "mail", "2"));
    assert_eq!(local.queue_depth("mail"), 0);
}

#[tokio::test(start_paused = true)]
async fn when_the_event_is_too_old_it_is_a_dead_letter_on_time() {
    let faults = Failing::times(1000);
    let change = |target: &mut Target| (target.max_attempts, target.max_age_seconds) = (185, 60);
    let local = Local::open(with_target(Store::Memory, Some(faults.clone()), change)).await.unwrap();
    let began = Instant::now();
    publish(&local).await;
    local.settle().await;
    assert!((60.0..60.1).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    let (_, attributes) = letter(&local);
    let retries = (faults.tried.lock().unwrap().len() - 1).to_string();
    assert_eq!(
        attributes,
        expected(Some("MaximumEventAgeInSeconds"), "INTERNAL_ERROR", "The target did not answer (injected).", "mail", &retries)
    );
}

#[tokio::test(start_paused = true)]
async fn what_trying_again_cannot_help_is_a_dead_letter_at_once() {
    let refusing = Arc::new(Failing { times: 1, fault: DeliveryFault::Refuse, tried: Mutex::default() });
    let local = Local::open(with_target(Store::Memory, Some(refusing), |_| {})).await.unwrap();
    publish(&local).await;
    assert_eq!(letter(&local).1, expected(None, "NO_PERMISSIONS", "EventBridge may not send to the target (injected).", "mail", "0"));

    let local = Local::open(with_target(Store::Memory, None, |target| target.queue = "gone".to_owned())).await.unwrap();
    publish(&local).await;
    assert_eq!(letter(&local).1, expected(None, "NO_RESOURCE", "The specified queue does not exist.", "gone", "0"));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_dead_letter_queue_is_dropped_with_an_alarm() {
    let change = |target: &mut Target| (target.max_attempts, target.dead_letter_queue) = (0, None);
    let local = Local::open(with_target(Store::Memory, Some(Failing::times(1)), change)).await.unwrap();
    publish(&local).await;
    let alarms = local.alarms().unwrap();
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].name.as_str(), local.queue_depth("letters")), ("event-dropped", 0));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_not_done_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let local = Local::open(with_target(store(), Some(Failing::times(1)), |_| {})).await.unwrap();
    publish(&local).await;
    assert_eq!(local.queue_depth("mail"), 0);
    drop(local);
    let local = Local::open(with_target(store(), None, |_| {})).await.unwrap();
    local.settle().await;
    assert_eq!((local.queue_depth("mail"), local.queue_depth("letters")), (1, 0));
    let body: Value = serde_json::from_str(&local.peek("mail", 1)[0].body).unwrap();
    assert_eq!(body["detail"], json!({ "n": 1 }));
}

#[tokio::test]
async fn retry_policies_keep_eventbridges_limits() {
    for (attempts, age, said) in [(186, 3600, "0 to 185 times"), (3, 59, "60 to 86400 seconds"), (3, 86_401, "60 to 86400 seconds")] {
        let change = |target: &mut Target| (target.max_attempts, target.max_age_seconds) = (attempts, age);
        let refused = Local::open(with_target(Store::Memory, None, change)).await.err().unwrap().to_string();
        assert!(refused.contains("rule paid") && refused.contains(said), "{refused}");
    }
}

async fn test_pattern(local: &Local, pattern: &impl ToString, event: &Value) -> Result<bool, String> {
    let asked = events(local).test_event_pattern().event_pattern(pattern.to_string()).event(event.to_string()).send().await;
    asked.map(|answer| answer.result()).map_err(|error| format!("{}: {}", error.code().unwrap(), error.message().unwrap()))
}

#[tokio::test]
async fn patterns_can_be_tested_over_the_wire() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let event = json!({
        "id": "1", "account": "000000000000", "source": "billing", "time": "2026-03-01T12:00:00Z", "region": "eu-west-1",
        "resources": [], "detail-type": "PAID", "detail": { "amount": 12 }
    });
    let over = |amount: u64| json!({ "source": ["billing"], "detail": { "amount": [{ "numeric": [">", amount] }] } });
    assert_eq!(test_pattern(&local, &over(10), &event).await, Ok(true));
    assert_eq!(test_pattern(&local, &over(12), &event).await, Ok(false));
    // In the order in which it is written: the last condition on a field counts.
    let amounts = r#"{ "detail": { "amount": [10], "$or": [{ "amount": [12] }, { "tax": [1] }] } }"#;
    assert_eq!(test_pattern(&local, &amounts, &event).await, Ok(true));
    let invalid = test_pattern(&local, &json!({ "source": "billing" }), &event).await.unwrap_err();
    assert_eq!(invalid, "InvalidEventPatternException: Event pattern is not valid. Reason: \"source\" must be an object or an array");
    let incomplete = test_pattern(&local, &over(10), &json!({ "id": "1" })).await.unwrap_err();
    assert_eq!(incomplete, "ValidationException: Parameter Event is not valid. Reason: account is required.");
}
