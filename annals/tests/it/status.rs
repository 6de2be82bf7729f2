//! What is counted and timed, from real commands to `/metrics` and `annals status`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::commands::status::render;
use annals::system::Status;
use annals::system::status::{Counts, Times};
use annals_local::{Call, Delivery, DeliveryFault, Fault, Faults};
use annals_reads::Item;
use serde_json::json;

use crate::world::{World, notice, subscription};

/// A bus that is down while it is told to be, and takes two seconds to deliver.
#[derive(Default)]
struct Bus {
    down: AtomicBool,
}

impl Faults for Bus {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let down = self.down.load(Ordering::Relaxed) && call.operation == "PutEvents";
        if down { Fault::InternalError } else { Fault::None }
    }

    fn delivery(&self, _: &Delivery<'_>) -> DeliveryFault {
        DeliveryFault::Delay(Duration::from_secs(2))
    }
}

async fn status(world: &World) -> Status {
    serde_json::from_value(world.get("/local/status").await.body).unwrap()
}

async fn metrics(world: &World) -> String {
    let request = http::Request::get(format!("{}/metrics", annals::system::IN_PROCESS_API)).body(bytes::Bytes::new()).unwrap();
    let answer = world.system.web().call(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

fn total(counts: u64) -> Counts {
    Counts { minute: counts, hour: counts, total: counts }
}

/// All of them took this long, as far as percentiles tell times apart.
#[track_caller]
fn assert_took(times: &Times, count: u64, expected: Duration) {
    assert_eq!(times.count, count, "{times:?}");
    for measured in [times.p50_us, times.p99_us, times.max_us] {
        let expected = expected.as_micros() as u64;
        // Timers are no finer than a millisecond.
        assert!(measured.abs_diff(expected) <= expected / 100 + 2_000, "{measured} us for {expected} us");
    }
}

#[tokio::test(start_paused = true)]
async fn volume_and_latency_are_those_of_the_commands() {
    let mut world = World::with_faults(Some(Arc::new(Bus::default()))).await;
    world.pause().await;
    let id = world.subscribe("k", "ada").await;
    let invoice = world.invoice(&id).await;
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await.status, 200);
    // The same again is no other command; another body under the key is refused.
    world.subscribe("k", "ada").await;
    assert_eq!(world.post("/v1/subscriptions", "k", &subscription("bob")).await.status, 409);
    tokio::time::advance(Duration::from_secs(3)).await;
    let waiting = status(&world).await;
    assert_eq!(waiting.services["billing"].iterator_ages["billing-projector"], Some(3.0));
    world.resume();
    world.settle().await;
    let status = status(&world).await;
    let billing = &status.services["billing"];
    let volume = |name: &str| billing.volume[name];
    assert_eq!((volume("CommandCommitted"), volume("CommandRefused")), (total(3), total(1)));
    let kept = |item: &Item| ["STAMP#", "POINTER#"].iter().any(|own| item["PK"].as_s().unwrap().starts_with(own));
    let is_row = |item: &Item| item.contains_key("rev") && !kept(item);
    let rows = world.items("subscriptions").await.iter().filter(|item| is_row(item)).count() as u64;
    // Each row once, as the invoice's two commits came in one batch: the streams' and the payment's at least. Three events: created,
    // issued, received.
    assert!(rows >= 3);
    assert_eq!((volume("RowWritten"), volume("EventPublished")), (total(rows), total(3)));
    assert_eq!((billing.failures.len(), billing.failure_rate.total), (0, Some(0.0)));
    assert_took(&billing.latencies["AppendToRow"].hour, 3, Duration::from_secs(3));
    assert_took(&billing.latencies["AppendToBus"].hour, 3, Duration::from_secs(3));
    assert_eq!(billing.latencies["CommandDuration"].total.count, 5);
    let notifications = &status.services["notifications"];
    // The receipt; and what the owner of the demo organisation finds in the inbox of a new account.
    assert_eq!(notifications.volume["EffectDone"], total(2));
    assert_took(&notifications.latencies["BusToEffect"].hour, 2, Duration::from_secs(2));
    assert_eq!(billing.iterator_ages["billing-projector"], None);
}

#[tokio::test(start_paused = true)]
async fn failures_are_counted_rated_and_leave_the_windows() {
    let bus = Arc::new(Bus::default());
    let world = World::with_faults(Some(bus.clone())).await;
    bus.down.store(true, Ordering::Relaxed);
    world.subscribe("k", "ada").await;
    // The projector tries, waits, and tries again.
    while !status(&world).await.services["billing"].failures.contains_key("BatchFailed") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bus.down.store(false, Ordering::Relaxed);
    world.settle().await;
    let now = status(&world).await.services["billing"].clone();
    let (batches, events) = (now.failures["BatchFailed"], now.failures["EventRejected"]);
    assert_eq!((batches.minute, events.minute), (batches.total, events.total));
    assert_eq!(batches.total, events.total);
    // A command, an event, a row.
    let failed = (batches.total + events.total) as f64;
    assert_eq!(now.failure_rate.total, Some(failed / (failed + 3.0)));
    tokio::time::advance(Duration::from_secs(3600)).await;
    let later = status(&world).await.services["billing"].clone();
    assert_eq!((later.failure_rate.minute, later.failure_rate.hour, later.failure_rate.total), (None, None, now.failure_rate.total));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_is_a_failure_and_a_dead_letter() {
    let world = World::new().await;
    world.system.local().send("send-email", "not an event").unwrap();
    world.settle().await;
    let notifications = status(&world).await.services["notifications"].clone();
    assert_eq!((notifications.failures["MessageFailed"].total, notifications.failures["DeadLettered"].total), (3, 1));
    assert_eq!(notifications.dead_letters["send-email-dlq"].messages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_throws_is_a_failure_of_its_service() {
    let world = World::new().await;
    let thrown = |_, _| async { Err(annals_local::FunctionError::new("Test", "as planned")) };
    world.system.local().install(annals_local::Function::new("create-subscription", thrown));
    assert_eq!(world.post("/v1/subscriptions", "k", &subscription("ada")).await.status, 500);
    assert_eq!(status(&world).await.services["billing"].failures["FunctionError"], total(1));
}

#[tokio::test(start_paused = true)]
async fn metrics_are_openmetrics_text() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    let text = metrics(&world).await;
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "# TYPE annals_commands counter",
        r#"annals_commands_total{service="billing",function="create-subscription"} 1"#,
        "# UNIT annals_append_to_row_seconds seconds",
        "# TYPE annals_append_to_row_seconds histogram",
        r#"annals_append_to_row_seconds_count{service="billing"} 3"#,
        r#"annals_append_to_row_seconds_bucket{le="+Inf",service="billing"} 3"#,
        r#"annals_iterator_age_seconds{service="billing",mapping="billing-projector"} 0.0"#,
        r#"annals_dead_letters{service="notifications",queue="send-email-dlq"} 0.0"#,
        r#"annals_alarm{alarm="log-tampered-billing"} 0"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_shown_with_its_age_its_alarm_and_what_was_counted_long_ago() {
    let mut world = World::new().await;
    world.pause().await;
    world.subscribe("k", "ada").await;
    tokio::time::advance(Duration::from_secs(7200)).await;
    let open: Vec<_> = status(&world).await.alarms.into_iter().map(|alarm| alarm.name).collect();
    // Of identity too: the demo organisation was founded a moment before.
    let waits =
        ["billing-projector", "billing-ledger", "identity-projector", "identity-ledger"].map(|mapping| format!("iterator-age-{mapping}"));
    assert_eq!(open, waits);
    let text = metrics(&world).await;
    for line in [
        r#"annals_iterator_age_seconds{service="billing",mapping="billing-projector"} 7200.0"#,
        r#"annals_alarm{alarm="iterator-age-billing-projector"} 1"#,
        r#"annals_commands_total{service="billing",function="create-subscription"} 1"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

/// The rendering, with everything that can be shown.
#[test]
fn the_status_is_rendered_as_before_within_100_columns() {
    let times = |micros: u64| json!({ "count": 640, "p50_us": micros, "p90_us": micros * 2, "p99_us": micros * 10, "max_us": micros * 50 });
    let latency = |micros: u64| json!({ "hour": times(micros), "total": times(micros) });
    let counts = |minute: u64, hour: u64, total: u64| json!({ "minute": minute, "hour": hour, "total": total });
    let billing = json!({
        "volume": { "CommandCommitted": counts(12, 640, 12_345), "CommandRefused": counts(0, 3, 17), "EffectDone": counts(0, 0, 0), "RowWritten": counts(12, 638, 12_300) },
        "failures": { "BatchFailed": counts(0, 1, 2) },
        "failure_rate": { "minute": 0.0, "hour": 0.000_78, "total": 0.25 },
        "latencies": { "AppendToRow": latency(3_120), "AppendToBus": latency(2_010), "CommandDuration": latency(900), "BusToEffect": { "hour": times(0), "total": { "count": 0, "p50_us": 0, "p90_us": 0, "p99_us": 0, "max_us": 0 } } },
        "iterator_ages": { "billing-projector": 720.5 }, "queues": {}, "dead_letters": {}, "parked_streams": 1,
    });
    let notifications = json!({
        "volume": {}, "failures": {}, "failure_rate": { "minute": null, "hour": null, "total": null }, "latencies": {},
        "iterator_ages": { "notifications-projector": null }, "queues": { "send-email": { "messages": 4, "oldest": 31.0 } },
        "dead_letters": { "payment-received-dlq": { "messages": 0, "oldest": 0.0 }, "send-email-dlq": { "messages": 2, "oldest": 90_000.0 } }, "parked_streams": 0,
    });
    let alarm = |name: &str, watches: &str| json!({ "name": name, "watches": watches, "since": "2026-01-01T09:30:00.000000Z", "details": ["x"], "needs_acknowledgement": false });
    let status: Status = serde_json::from_value(json!({
        "at": "2026-01-01T10:00:00.000000Z", "since": "2026-01-01T08:00:00.000000Z",
        "services": { "billing": billing, "notifications": notifications },
        "alarms": [alarm("dead-letters-send-email-dlq", "DeadLetters of send-email-dlq above 0"), alarm("iterator-age-billing-projector", "IteratorAge of billing-projector above 600000")],
    }))
    .unwrap();
    let shown = render(&status, true);
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    assert_eq!(shown, include_str!("../golden/status.txt"), "\n{shown}");
    assert!(!render(&status, false).contains("VOLUME"));
}
