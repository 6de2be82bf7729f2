//! Alarms come on by themselves, end as they should, and are never guessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals_local::{Acknowledged, AlarmState, Call, Fault, Faults};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use crate::world::{World, notice};

/// A mail provider that takes nothing while it is down.
#[derive(Default)]
struct Provider {
    down: AtomicBool,
}

impl Faults for Provider {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let down = self.down.load(Ordering::Relaxed) && call.operation == "SendEmail";
        if down { Fault::InternalError } else { Fault::None }
    }
}

fn names(world: &World) -> Vec<String> {
    world.alarms().into_iter().map(|alarm| alarm.name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_an_alarm_with_its_queues_name_until_the_queue_is_empty() {
    let provider = Arc::new(Provider::default());
    let world = World::with_faults(Some(provider.clone())).await;
    provider.down.store(true, Ordering::Relaxed);
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    assert_eq!(names(&world), ["dead-letters-send-email-dlq"]);
    assert_eq!(world.alarms()[0].watches, "DeadLetters of send-email-dlq above 0");
    // Whoever has not mended it cannot acknowledge it away.
    assert_eq!(world.system.local().acknowledge("dead-letters-send-email-dlq", "seen"), Ok(Acknowledged::EndsByItself));
    provider.down.store(false, Ordering::Relaxed);
    assert_eq!(world.system.local().redrive("send-email-dlq", "send-email", 10), 1);
    world.settle().await;
    assert_eq!(names(&world), Vec::<String>::new());
    assert_eq!(world.system.local().mail().unwrap().len(), 1);
    let history = world.system.local().alarm_history().unwrap();
    let states: Vec<_> = history.iter().map(|change| (change.name.as_str(), change.state)).collect();
    assert_eq!(states, [("dead-letters-send-email-dlq", AlarmState::Alarm), ("dead-letters-send-email-dlq", AlarmState::Ok)]);
}

#[tokio::test(start_paused = true)]
async fn records_that_wait_too_long_are_an_alarm_until_they_are_handled() {
    let mut world = World::new().await;
    world.contact("ada").await;
    world.settle().await;
    world.pause().await;
    world.subscribe("k", "ada").await;
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(names(&world), Vec::<String>::new());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(names(&world), ["iterator-age-billing-projector", "iterator-age-billing-ledger"]);
    world.resume();
    world.settle().await;
    assert!(!names(&world).iter().any(|name| name.starts_with("iterator-age")), "{:?}", names(&world));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_comes_on_within_a_minute_though_nobody_asks() {
    let mut world = World::new().await;
    world.contact("ada").await;
    world.settle().await;
    world.pause().await;
    world.subscribe("k", "ada").await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    world.resume();
    // The first thing deliveries do is look: before anything is handled.
    world.settle().await;
    let history = world.system.local().alarm_history().unwrap();
    assert_eq!(history[0].name, "iterator-age-billing-projector");
}

#[tokio::test(start_paused = true)]
async fn tampering_stays_an_alarm_until_a_person_says_why_it_may_end_and_stays_in_the_history() {
    let world = World::new().await;
    let stream = format!("SUB#{}", world.subscribe("k", "ada").await);
    world.settle().await;
    let client = world.system.account("administrator").sdk_dynamodb();
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let tamper = || {
        let update = client.update_item().table_name("subscriptions-log").key("PK", key(&stream)).key("SK", key("00000000000000000001"));
        update.update_expression("SET a = :a").expression_attribute_values(":a", key("mallory")).send()
    };
    tamper().await.unwrap();
    world.settle().await;
    tokio::time::advance(Duration::from_secs(7 * 24 * 3600)).await;
    assert_eq!(names(&world), ["log-tampered-billing"]);
    let acknowledge = |reason: &str| {
        let uri = format!("{}/local/alarms/log-tampered-billing/acknowledgement", annals::system::IN_PROCESS_API);
        world.send(http::Request::post(uri), json!({ "reason": reason }).to_string())
    };
    assert_eq!(acknowledge(" ").await.status, 422);
    assert_eq!(acknowledge("restored from the backup").await.status, 200);
    assert_eq!(acknowledge("again").await.status, 404);
    assert_eq!(names(&world), Vec::<String>::new());
    let history = world.get("/local/alarms/history").await.body;
    let last = &history["items"][1];
    assert_eq!((&last["name"], &last["state"]), (&json!("log-tampered-billing"), &json!("OK")));
    assert!(last["detail"].as_str().unwrap().ends_with("acknowledged: restored from the backup"), "{last}");
    // What happens after that is an alarm again.
    tamper().await.unwrap();
    client
        .delete_item()
        .table_name("subscriptions-log")
        .key("PK", key(&stream))
        .key("SK", key("00000000000000000001"))
        .send()
        .await
        .unwrap();
    world.settle().await;
    // A schedule that cannot read the commit any more says so as well.
    assert!(names(&world).contains(&"log-tampered-billing".to_owned()), "{:?}", names(&world));
}

#[tokio::test(start_paused = true)]
async fn every_mapping_queue_and_log_has_its_alarm() {
    let world = World::new().await;
    let all: Vec<_> = world.system.local().alarms().unwrap().into_iter().map(|alarm| alarm.name).collect();
    let levels = world.system.local().levels().unwrap();
    for mapping in &levels.mappings {
        for kind in ["iterator-age", "records-discarded"] {
            assert!(all.contains(&format!("{kind}-{}", mapping.name)), "{kind} of {}", mapping.name);
        }
    }
    for queue in &levels.queues {
        let kind = if queue.function.is_some() { "queue-age" } else { "dead-letters" };
        assert!(all.contains(&format!("{kind}-{}", queue.name)), "{kind} of {}", queue.name);
    }
    for service in ["billing", "identity", "notifications"] {
        assert!(["log-tampered", "stream-parked"].iter().all(|kind| all.contains(&format!("{kind}-{service}"))));
    }
}
