//! What billing does on schedule, through the whole system on a virtual clock: renewals, and dunning.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_local::{Call, Delivery, DeliveryFault, Fault, Faults};
use annals_log::Commit;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::world::{World, notice, subscription};

const INVOICES: &str = "generate-due-invoices";
const DUNNING: &str = "run-dunning";
const DAY: Duration = Duration::from_secs(86_400);

/// Ticks a function as its schedule does; what it did.
async fn tick(world: &World, function: &str) -> Value {
    world.system.local().invoke(function, json!({})).await.unwrap()
}

/// Days pass, once everything is delivered: a stream keeps its records for one.
async fn days(world: &World, days: u32) {
    world.settle().await;
    tokio::time::advance(DAY * days).await;
    world.settle().await;
}

async fn create(world: &World, key: &str, extra: Value) -> String {
    // Reminders go to whom identity knows.
    world.contact("ada").await;
    let mut body = subscription("ada");
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let answer = world.post("/v1/subscriptions", key, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

async fn invoices(world: &World, subscription: &str) -> Vec<Value> {
    let answer = world.get(&format!("/v1/subscriptions/{subscription}/invoices?limit=100")).await;
    let mut invoices = answer.body["items"].as_array().unwrap().clone();
    invoices.sort_by_key(|invoice| invoice["period_start"].to_string());
    invoices
}

async fn periods(world: &World, subscription: &str) -> Vec<String> {
    invoices(world, subscription).await.iter().map(|invoice| invoice["period_start"].as_str().unwrap().to_owned()).collect()
}

/// The types of a stream's events, in order.
async fn history(world: &World, stream: &str) -> Vec<String> {
    let mut commits: Vec<Commit> = world.items("subscriptions-log").await.iter().map(|item| Commit::from_item(item).unwrap()).collect();
    commits.retain(|commit| commit.stream.to_string() == stream);
    commits.sort_by_key(|commit| commit.version);
    commits.iter().flat_map(|commit| commit.events.iter().map(|event| event.event_type.clone())).collect()
}

fn subjects(world: &World) -> Vec<String> {
    let mails = world.system.local().mail().unwrap().into_iter().map(|mail| String::from_utf8(mail.message).unwrap());
    mails.map(|mail| mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned()).collect()
}

/// A notice of the provider's, dated now.
async fn told(world: &World, event: &str, event_type: &str, invoice: &str, paid: i64, attempt: u32) -> Value {
    let mut body: Value = serde_json::from_slice(&notice(event, event_type, invoice, paid, attempt)).unwrap();
    body["created"] = json!(world.clock.now().seconds());
    let answer = world.webhook(body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world.settle().await;
    answer.body["outcome"].clone()
}

async fn field(world: &World, path: &str, name: &str) -> Value {
    world.get(path).await.body[name].clone()
}

/// A subscription whose first invoice the schedule has issued, and the invoice.
async fn invoiced(world: &World) -> (String, String) {
    let subscription = create(world, "k", json!({})).await;
    world.settle().await;
    assert_eq!(tick(world, INVOICES).await["done"], 1);
    world.settle().await;
    let invoice = invoices(world, &subscription).await[0]["id"].as_str().unwrap().to_owned();
    (subscription, invoice)
}

/// The alarms that are on, but for what was signed late: days pass at once here, and the signer with them.
fn alarms_but_of_sleep(world: &World) -> Vec<annals_local::Alarm> {
    world.alarms().into_iter().filter(|alarm| !alarm.name.starts_with("ledger-behind-")).collect()
}

#[tokio::test(start_paused = true)]
async fn fourteen_months_of_ticks_make_exactly_the_invoices_of_fourteen_months() {
    let world = World::new().await;
    let monthly = create(&world, "monthly", json!({ "starts_on": "2026-01-31" })).await;
    let yearly = create(&world, "yearly", json!({ "starts_on": "2026-02-28", "interval": "year" })).await;
    let provided = create(&world, "provided", json!({ "provider_subscription": "sub_1" })).await;
    let by_hand = world.post(&format!("/v1/subscriptions/{monthly}/invoices"), "hand", &json!({ "period_start": "2026-03-31" })).await;
    assert_eq!(by_hand.status, 201, "{}", by_hand.body);
    world.settle().await;
    // Six days at a time, two ticks at once each time, from 2026-01-01 to 2027-03-03.
    for _ in 0..72 {
        let (one, two) = tokio::join!(tick(&world, INVOICES), tick(&world, INVOICES));
        assert!(one["finished"] == true && two["finished"] == true && one["failed"] == 0 && two["failed"] == 0, "{one} {two}");
        days(&world, 6).await;
    }
    let wanted = [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
    ];
    assert_eq!(periods(&world, &monthly).await, wanted);
    assert_eq!(periods(&world, &yearly).await, ["2026-02-28", "2027-02-28"]);
    assert_eq!(periods(&world, &provided).await, [""; 0]);
    let mut history = history(&world, &format!("SUB#{monthly}")).await;
    assert_eq!((history.remove(0).as_str(), history.len()), ("SUBSCRIPTION_CREATED", 14));
    assert!(history.iter().all(|event| event == "PERIOD_INVOICED"));
    // One commit an invoice, by whoever came first.
    assert_eq!(world.count("subscriptions-log").await, 3 + 14 + 14 + 2 + 2);
    assert_eq!(alarms_but_of_sleep(&world), []);
}

#[tokio::test(start_paused = true)]
async fn periods_that_were_missed_are_invoiced_in_order_by_one_tick() {
    let world = World::new().await;
    let id = create(&world, "k", json!({ "starts_on": "2025-08-31" })).await;
    world.settle().await;
    assert_eq!(tick(&world, INVOICES).await, json!({ "found": 1, "done": 1, "unchanged": 0, "refused": 0, "failed": 0, "finished": true }));
    world.settle().await;
    assert_eq!(periods(&world, &id).await, ["2025-08-31", "2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31"]);
    assert_eq!(tick(&world, INVOICES).await["found"], 0);
}

#[tokio::test(start_paused = true)]
async fn only_periods_of_the_calendar_are_invoiced_by_hand() {
    let world = World::new().await;
    let path = |id: &str| format!("/v1/subscriptions/{id}/invoices");
    let id = create(&world, "k", json!({ "starts_on": "2026-01-31" })).await;
    let refused = world.post(&path(&id), "one", &json!({ "period_start": "2026-03-01" })).await;
    assert_eq!((refused.status, &refused.body["type"]), (422, &json!("urn:annals:problem:not-a-period")));
    assert!(refused.body["detail"].as_str().unwrap().contains("2026-02-28 and 2026-03-31"), "{}", refused.body);
    let provided = create(&world, "p", json!({ "provider_subscription": "sub_1" })).await;
    assert_eq!(world.post(&path(&provided), "two", &json!({ "period_start": "2026-01-01" })).await.status, 409);
    let far = world.post("/v1/subscriptions", "f", &json!({ "starts_on": "2024-12-30", "customer_id": "ada", "plan": "pro", "price": { "amount": 1, "currency": "EUR" }, "interval": "month" })).await;
    assert_eq!((far.status, &far.body["type"]), (422, &json!("urn:annals:problem:start-too-far")));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_cannot_be_read_keeps_no_other_from_its_invoice() {
    let world = World::new().await;
    let (broken, sound) = (create(&world, "a", json!({})).await, create(&world, "b", json!({})).await);
    world.settle().await;
    // As a version of this program may write it that is newer than the one that reads.
    let log = world.items("subscriptions-log").await;
    let mut item = log.into_iter().find(|item| item["PK"].as_s().unwrap().ends_with(&broken)).unwrap();
    item.insert("SK".into(), AttributeValue::S(format!("{:020}", 2)));
    let event = [
        ("t".to_owned(), AttributeValue::S("SUBSCRIPTION_TELEPORTED".into())),
        ("v".into(), AttributeValue::N("1".into())),
        ("p".into(), AttributeValue::M([].into())),
    ];
    item.insert("e".into(), AttributeValue::L(vec![AttributeValue::M(event.into())]));
    let administrator = world.system.account("administrator").sdk_dynamodb();
    administrator.put_item().table_name("subscriptions-log").set_item(Some(item)).send().await.unwrap();
    world.settle().await;
    let report = tick(&world, INVOICES).await;
    assert_eq!(
        (&report["found"], &report["done"], &report["failed"], &report["finished"]),
        (&json!(2), &json!(1), &json!(1), &json!(true))
    );
    world.settle().await;
    assert_eq!(periods(&world, &sound).await.len(), 1);
    let alarms = world.alarms();
    let failed = alarms.iter().find(|alarm| alarm.name == "work-failed-billing").unwrap();
    assert!(failed.details.iter().any(|detail| detail.contains(&broken)), "{alarms:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tick_without_time_begins_nothing_and_the_next_goes_on() {
    let world = World::new().await;
    let id = create(&world, "k", json!({ "starts_on": "2025-08-31" })).await;
    world.settle().await;
    let host = annals_lambda::Host {
        account: world.system.account(INVOICES),
        metrics: Arc::new(annals_lambda::metrics::EmbeddedMetrics::new(annals_lambda::machine::MachineClock)),
        clock: world.clock.clone(),
        ids: Arc::new(annals_kit::ids::SeededIds::new(3)),
        generation: annals_kit::Generation::default(),
    };
    let deps = billing_service::Deps::new(&host);
    let mut context = lambda_runtime::Context::default();
    context.deadline = u64::try_from(world.clock.now().seconds() * 1000 + 5_000).unwrap();
    let event = lambda_runtime::LambdaEvent::new(json!({}), context);
    let report = billing_service::generate_due_invoices::handle(event, &deps).await.unwrap();
    assert!(report.found == 0 && !report.finished);
    assert_eq!(tick(&world, INVOICES).await["finished"], true);
    world.settle().await;
    assert_eq!(periods(&world, &id).await.len(), 5);
}

/// Once armed, refuses one write of the schedule for as long as it is armed, as if the function had died before it.
#[derive(Default)]
struct DiesBefore {
    armed: AtomicBool,
    stream_type: &'static str,
    held: Mutex<Vec<String>>,
}

impl Faults for DiesBefore {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let names_it = call.operation == "ExecuteStatement" && call.body.to_string().contains(&format!("\"{}#", self.stream_type));
        if self.armed.load(Ordering::Relaxed) && call.role == INVOICES && names_it {
            self.held.lock().unwrap().push(call.body.to_string());
            return Fault::LoseRequest;
        }
        Fault::None
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_dies_between_invoice_and_note_invoices_the_period_once() {
    for stream_type in ["INV", "SUB"] {
        let faults = Arc::new(DiesBefore { stream_type, ..Default::default() });
        let world = World::with_faults(Some(faults.clone())).await;
        let id = create(&world, "k", json!({ "starts_on": "2025-11-30" })).await;
        world.settle().await;
        faults.armed.store(true, Ordering::Relaxed);
        assert_eq!(tick(&world, INVOICES).await["done"], 0, "{stream_type}");
        assert!(!faults.held.lock().unwrap().is_empty());
        world.settle().await;
        assert_eq!(periods(&world, &id).await.len(), usize::from(stream_type == "SUB"));
        faults.armed.store(false, Ordering::Relaxed);
        assert_eq!(tick(&world, INVOICES).await["done"], 1, "{stream_type}");
        world.settle().await;
        assert_eq!(periods(&world, &id).await, ["2025-11-30", "2025-12-30"]);
        assert_eq!(world.count("subscriptions-log").await, 1 + 2 + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_payment_is_reminded_of_until_it_is_paid() {
    let world = World::new().await;
    let (subscription, invoice) = invoiced(&world).await;
    let (sub, inv) = (format!("/v1/subscriptions/{subscription}"), format!("/v1/invoices/{invoice}"));
    assert_eq!(told(&world, "evt_1", "invoice.payment_failed", &invoice, 0, 1).await, "recorded");
    assert_eq!((field(&world, &sub, "status").await, field(&world, &inv, "status").await), (json!("past-due"), json!("past-due")));
    for day in 1..=8 {
        days(&world, 1).await;
        // At least once: two ticks at once, and one after them.
        let (one, two) = tokio::join!(tick(&world, DUNNING), tick(&world, DUNNING));
        let after = tick(&world, DUNNING).await;
        // The schedule's own tick may have been first: no step is taken twice.
        let done = one["done"].as_u64().unwrap() + two["done"].as_u64().unwrap();
        assert!(done <= u64::from(day == 3 || day == 7) && after["done"] == 0, "day {day}");
        world.settle().await;
    }
    let listed = world.get("/v1/invoices?status=past-due").await.body;
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &json!(invoice)));
    assert_eq!(told(&world, "evt_9", "invoice.paid", &invoice, 4900, 2).await, "recorded");
    days(&world, 30).await;
    assert_eq!(tick(&world, DUNNING).await["found"], 0);
    assert_eq!((field(&world, &sub, "status").await, field(&world, &inv, "status").await), (json!("active"), json!("paid")));
    assert_eq!(world.get("/v1/invoices?status=past-due").await.body["items"], json!([]));
    let reminder = "Reminder: 49.00 EUR is past due";
    assert_eq!(subjects(&world).iter().filter(|subject| *subject == reminder).count(), 2);
    assert_eq!(subjects(&world).len(), 4, "a retry notice, two reminders and a receipt: {:?}", subjects(&world));
    let told: Vec<String> = history(&world, &format!("INV#{invoice}")).await;
    assert_eq!(
        told,
        [
            "INVOICE_ISSUED",
            "PAYMENT_FAILED",
            "DUNNING_STARTED",
            "DUNNING_STEP_TAKEN",
            "DUNNING_STEP_TAKEN",
            "PAYMENT_RECEIVED",
            "DUNNING_STOPPED"
        ]
    );
    // What the provider tells late changes nothing.
    assert_eq!(self::told(&world, "evt_late", "invoice.payment_failed", &invoice, 0, 1).await, "superseded");
    assert_eq!(field(&world, &sub, "status").await, "active");
}

#[tokio::test(start_paused = true)]
async fn an_invoice_that_stays_unpaid_is_given_up_and_ends_its_subscription() {
    let world = World::new().await;
    let (subscription, invoice) = invoiced(&world).await;
    told(&world, "evt_1", "invoice.payment_failed", &invoice, 0, 1).await;
    for _ in 0..25 {
        days(&world, 1).await;
        tick(&world, DUNNING).await;
        world.settle().await;
    }
    let (sub, inv) = (format!("/v1/subscriptions/{subscription}"), format!("/v1/invoices/{invoice}"));
    assert_eq!(
        history(&world, &format!("INV#{invoice}")).await[3..],
        ["DUNNING_STEP_TAKEN", "DUNNING_STEP_TAKEN", "DUNNING_STEP_TAKEN", "INVOICE_MARKED_UNCOLLECTIBLE"]
    );
    let row = world.get(&sub).await.body;
    assert_eq!((&row["status"], &row["mrr"], &row["next_period_start"]), (&json!("cancelled"), &json!(0), &Value::Null));
    assert_eq!(world.get("/v1/invoices?status=uncollectible").await.body["items"][0]["id"], json!(invoice));
    days(&world, 60).await;
    assert_eq!(tick(&world, INVOICES).await["found"], 0);
    // The customer pays after all: the money is booked, the subscription stays ended.
    assert_eq!(told(&world, "evt_2", "invoice.paid", &invoice, 4900, 2).await, "recorded");
    assert_eq!((field(&world, &sub, "status").await, field(&world, &inv, "status").await), (json!("cancelled"), json!("paid")));
    assert_eq!(world.get("/v1/invoices?status=uncollectible").await.body["items"], json!([]));
    assert_eq!(
        history(&world, &format!("SUB#{subscription}")).await,
        ["SUBSCRIPTION_CREATED", "PERIOD_INVOICED", "SUBSCRIPTION_BECAME_PAST_DUE", "SUBSCRIPTION_CANCELLED"]
    );
    assert_eq!(alarms_but_of_sleep(&world), []);
}

/// Every event of dunning comes three times, the first kind last.
struct Disorder;

impl Faults for Disorder {
    fn plan(&self, _: &Call<'_>) -> Fault {
        Fault::None
    }

    fn delivery(&self, delivery: &Delivery<'_>) -> DeliveryFault {
        match delivery.rule {
            "dunning-started" => DeliveryFault::Delay(DAY / 2),
            "dunning-stopped" => DeliveryFault::Duplicate(2),
            _ => DeliveryFault::None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_dunning_that_come_late_and_twice_leave_the_subscription_as_the_invoice_is() {
    let world = World::with_faults(Some(Arc::new(Disorder))).await;
    let (subscription, invoice) = invoiced(&world).await;
    let mut world = world;
    world.pause().await;
    for (event, event_type, paid) in [("evt_1", "invoice.payment_failed", 0), ("evt_2", "invoice.paid", 4900)] {
        let body = notice(event, event_type, &invoice, paid, 1);
        assert_eq!(world.webhook(&body).await.body["outcome"], "recorded");
    }
    world.resume();
    days(&world, 1).await;
    assert_eq!(field(&world, &format!("/v1/subscriptions/{subscription}"), "status").await, "active");
    assert_eq!(history(&world, &format!("SUB#{subscription}")).await, ["SUBSCRIPTION_CREATED", "PERIOD_INVOICED"]);
}

#[tokio::test(start_paused = true)]
async fn an_invoice_that_the_provider_takes_back_is_not_dunned() {
    let world = World::new().await;
    let (subscription, invoice) = invoiced(&world).await;
    told(&world, "evt_1", "invoice.payment_failed", &invoice, 0, 1).await;
    // A late notice of failure, of an invoice that is void by now.
    let mut body: Value = serde_json::from_slice(&notice("evt_2", "invoice.payment_failed", &invoice, 0, 2)).unwrap();
    body["data"]["object"]["status"] = json!("void");
    assert_eq!(world.webhook(body.to_string().as_bytes()).await.body["outcome"], "recorded");
    days(&world, 10).await;
    assert_eq!(tick(&world, DUNNING).await["found"], 0);
    assert_eq!(field(&world, &format!("/v1/invoices/{invoice}"), "status").await, "void");
    assert_eq!(field(&world, &format!("/v1/subscriptions/{subscription}"), "status").await, "active");
    assert_eq!(subjects(&world).len(), 1);
}
