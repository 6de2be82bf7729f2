//! What people are told in their inbox and on their devices: once, what they want, and nobody but whom it is about.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use annals_bus::{Detail, Metadata};
use annals_local::{Call, Fault, Faults};
use annals_log::Commit;
use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::people::Person;
use crate::world::{Answer, World, notice};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const PHONE: Uuid = Uuid::from_u128(0xd1);
const TABLET: Uuid = Uuid::from_u128(0xd2);

/// A member of `demo`, who is its customer as well, under the id of her account.
async fn member(world: &World) -> Person {
    let owner = Person { id: String::new(), organisation: "demo".into(), bearer: world.demo() };
    let ada = world.member(&owner, ADA, "member").await;
    world.settle().await;
    Person { bearer: world.logged_in(ADA).await.bearer, ..ada }
}

/// Has this customer pay an invoice, and says which.
async fn pays(world: &World, event: &str, customer: &str) -> String {
    let invoice = world.invoice(&world.subscribe(event, customer).await).await;
    world.webhook(&notice(event, "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    invoice
}

/// Asks as the person of this address, who logs in again: by the time that all has settled hours may have passed on this clock.
async fn as_person(world: &World, email: &str, method: &str, path: &str, body: &Value) -> Answer {
    let person = world.logged_in(email).await;
    world.ask(&person.bearer, method, path, body).await
}

/// What lies in somebody's inbox, the newest first.
async fn inbox(world: &World, email: &str) -> Vec<Value> {
    let page = as_person(world, email, "GET", "/v1/me/inbox", &Value::Null).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body["items"].as_array().unwrap().clone()
}

fn kinds(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

async fn add_device(world: &World, person: &Person, device: Uuid, token: &str) {
    let added = world.ask(&person.bearer, "PUT", &format!("/v1/me/devices/{device}"), &json!({ "token": token })).await;
    assert_eq!(added.status, 200, "{}", added.body);
}

async fn devices(world: &World, email: &str) -> Vec<String> {
    let shown = as_person(world, email, "GET", "/v1/me/devices", &Value::Null).await;
    shown.body["devices"].as_array().unwrap().iter().map(|device| device["id"].as_str().unwrap().to_owned()).collect()
}

/// What was pushed to anybody, by what it says first.
fn pushed(world: &World) -> Vec<String> {
    let pushes = world.system.local().pushes().unwrap();
    pushes.iter().map(|push| push.message["default"].as_str().unwrap().to_owned()).collect()
}

/// Every event that notifications' queues got is handed to them once more.
async fn everything_once_more(world: &World) {
    let before = world.items("notifications-log").await.len();
    for (log, service) in [("subscriptions-log", "billing"), ("users-log", "identity")] {
        for item in world.items(log).await {
            put_events(world, service, &Commit::from_item(&item).unwrap()).await;
        }
    }
    world.settle().await;
    assert_eq!(world.items("notifications-log").await.len(), before, "what comes again writes nothing");
}

/// Puts the events of a commit on the bus, as the projector does.
async fn put_events(world: &World, service: &str, commit: &Commit) {
    let events = world.system.account("administrator").events();
    for (index, event) in commit.events.iter().enumerate() {
        let metadata = Metadata {
            event_id: commit.event_id(index),
            schema_version: event.schema,
            tenant: commit.tenant.clone(),
            stream: commit.stream.clone(),
            version: commit.version.get(),
            recorded_at: commit.recorded_at,
            actor: commit.actor.clone(),
            correlation_id: commit.correlation,
            causation_id: commit.causation.clone(),
            by_reference: false,
        };
        let detail = serde_json::to_string(&Detail { metadata, data: event.payload.clone() }).unwrap();
        let entry =
            PutEventsRequestEntry::builder().event_bus_name("annals").source(service).detail_type(&event.event_type).detail(detail).build();
        assert_eq!(events.send(PutEventsInput::builder().entries(entry)).await.unwrap().failed_entry_count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_lies_once_in_the_inbox_of_the_account_that_has_paid_and_is_read_until_it_is_not() {
    let world = World::new().await;
    let ada = member(&world).await;
    let invoice = pays(&world, "evt_1", &ada.id).await;
    let items = inbox(&world, ADA).await;
    assert_eq!(kinds(&items), ["receipt", "welcome"], "the newest first");
    assert_eq!(items[0]["title"], "Receipt: 49.00 EUR");
    assert!(items[0]["text"].as_str().unwrap().contains(&invoice) && items[0].get("read_at").is_none(), "{}", items[0]);
    everything_once_more(&world).await;
    assert_eq!(inbox(&world, ADA).await, items);

    let item = format!("/v1/me/inbox/{}", items[0]["id"].as_str().unwrap());
    let mark = format!("{item}/read-mark");
    for _ in 0..2 {
        let marked = as_person(&world, ADA, "PUT", &mark, &Value::Null).await;
        assert_eq!((marked.status, &marked.body["version"]), (200, &json!(2)), "read once: {}", marked.body);
    }
    // At once, whatever the projector has seen.
    let shown = as_person(&world, ADA, "GET", &format!("{item}?min_version=2"), &Value::Null).await;
    assert!(shown.status == 200 && shown.body["read_at"].is_string(), "{}", shown.body);
    let ahead = as_person(&world, ADA, "GET", &format!("{item}?min_version=3"), &Value::Null).await;
    assert_eq!((ahead.status, ahead.body["type"].as_str()), (409, Some("urn:annals:problem:version-not-reached")));
    world.settle().await;
    assert!(inbox(&world, ADA).await[0]["read_at"].is_string());
    let marked = as_person(&world, ADA, "DELETE", &mark, &Value::Null).await;
    assert_eq!((marked.status, &marked.body["version"]), (200, &json!(3)), "{}", marked.body);
    world.settle().await;
    assert!(inbox(&world, ADA).await[0].get("read_at").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_inbox_is_an_accounts_and_nobody_elses() {
    let world = World::new().await;
    member(&world).await;
    let eve = world.person("eve@example.com", "Eve").await;
    // Customers without an account: by name, and by an id that is nobody's, or somebody's of another organisation.
    for (event, customer) in [("evt_1", "acme".to_owned()), ("evt_2", Uuid::from_u128(77).to_string()), ("evt_3", eve.id.clone())] {
        pays(&world, event, &customer).await;
        let told = world.get(&format!("/v1/users/{customer}/notifications")).await.body;
        let told: Vec<_> = told["items"].as_array().unwrap().iter().map(|row| row["channel"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, ["email"], "{customer}");
    }
    assert_eq!(kinds(&inbox(&world, "eve@example.com").await), ["welcome"]);
    assert_eq!(world.ask(&world.demo(), "GET", "/v1/me/inbox", &Value::Null).await.status, 403, "a key has no inbox");
    let welcome = inbox(&world, ADA).await[0]["id"].as_str().unwrap().to_owned();
    let owner = world.demo();
    assert_eq!(
        world.ask(&owner, "GET", &format!("/v1/notifications/{welcome}"), &Value::Null).await.status,
        200,
        "who looks after people sees it"
    );
    let bob = Person { id: String::new(), organisation: "demo".into(), bearer: owner };
    let bob = world.member(&bob, "bob@example.com", "owner").await;
    for (method, path) in [("GET", ""), ("PUT", "/read-mark"), ("DELETE", "/read-mark")] {
        let path = format!("/v1/me/inbox/{welcome}{path}");
        assert_eq!(world.ask(&bob.bearer, method, &path, &Value::Null).await.status, 404, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn people_are_told_of_another_role_and_another_password() {
    let world = World::new().await;
    let owner = world.person(ADA, "Ada").await;
    let bob = world.member(&owner, BOB, "member").await;
    add_device(&world, &bob, PHONE, "phone").await;
    let changed = world.ask(&owner.bearer, "PUT", &format!("/v1/members/{}", bob.id), &json!({ "role": "finance" })).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    world.settle().await;
    let items = inbox(&world, BOB).await;
    let mut kinds = kinds(&items);
    kinds.sort();
    assert_eq!(kinds, ["role-changed", "welcome"]);
    let other = json!({ "current_password": crate::people::PASSWORD, "new_password": "battery staple horse" });
    let changed = as_person(&world, BOB, "PUT", "/v1/me/password", &other).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    world.settle().await;
    let told = pushed(&world);
    assert!(told.len() == 2 && told[0].starts_with("Your role has changed. You are finance"), "{told:?}");
    assert!(told[1].starts_with("Your password was changed."), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_push_reaches_every_device_once_and_those_that_are_gone_are_forgotten() {
    let world = World::new().await;
    let ada = member(&world).await;
    add_device(&world, &ada, PHONE, "phone").await;
    add_device(&world, &ada, PHONE, "phone").await;
    add_device(&world, &ada, TABLET, "tablet").await;
    assert_eq!(devices(&world, ADA).await, [PHONE.to_string(), TABLET.to_string()]);
    pays(&world, "evt_1", &ada.id).await;
    assert_eq!(pushed(&world).len(), 2, "one a device");
    let shown = world.get(&format!("/v1/users/{}/notifications", ada.id)).await.body;
    let mut shown: Vec<_> =
        shown["items"].as_array().unwrap().iter().map(|row| format!("{} {} {}", row["channel"], row["kind"], row["status"])).collect();
    shown.sort();
    assert_eq!(
        shown,
        [r#""email" "receipt" "sent""#, r#""inbox" "receipt" "sent""#, r#""inbox" "welcome" "sent""#, r#""push" "receipt" "sent""#]
    );
    everything_once_more(&world).await;
    assert_eq!(pushed(&world).len(), 2);
    assert_eq!(published(&world), 2, "the provider is not asked again for what is done");

    // The app was removed from the phone.
    let phone = endpoint(&world, PHONE).await;
    disable(&world, &phone).await;
    pays(&world, "evt_2", &ada.id).await;
    assert_eq!((pushed(&world).len(), devices(&world, ADA).await), (3, vec![TABLET.to_string()]));
    let removed = as_person(&world, ADA, "DELETE", &format!("/v1/me/devices/{TABLET}"), &Value::Null).await;
    assert_eq!((removed.status, &removed.body["devices"]), (200, &json!([])), "{}", removed.body);
    assert_eq!(as_person(&world, ADA, "DELETE", &format!("/v1/me/devices/{TABLET}"), &Value::Null).await.status, 404);
    pays(&world, "evt_3", &ada.id).await;
    assert_eq!(pushed(&world).len(), 3, "nobody is left to push to");
}

/// A provider that is busy at first, and then does what it is asked and does not say so.
#[derive(Default)]
struct Unsteady(AtomicU32);

impl Faults for Unsteady {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let is_push = (call.service, call.operation) == ("sns", "Publish");
        match is_push.then(|| self.0.fetch_add(1, Ordering::SeqCst)) {
            Some(0) => Fault::Throttle,
            Some(1) => Fault::LoseResponse,
            _ => Fault::None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_comes_again_until_the_provider_says_that_it_has_it_and_is_there_once() {
    let world = World::with_faults(Some(Arc::new(Unsteady::default()))).await;
    let ada = member(&world).await;
    add_device(&world, &ada, PHONE, "phone").await;
    pays(&world, "evt_1", &ada.id).await;
    assert_eq!((published(&world), pushed(&world).len()), (3, 1));
    assert_eq!(world.system.local().queue_depth("send-push-dlq"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_turned_off_is_neither_pushed_nor_in_the_inbox_and_stays_so() {
    const PATH: &str = "/v1/me/notification-preferences";
    let world = World::new().await;
    let ada = member(&world).await;
    add_device(&world, &ada, PHONE, "phone").await;
    let off = json!({ "off": [{ "kind": "receipt", "channel": "push" }, { "kind": "receipt", "channel": "inbox" }] });
    let chosen = as_person(&world, ADA, "PUT", PATH, &off).await;
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    pays(&world, "evt_1", &ada.id).await;
    let ways = || async {
        let shown = world.get(&format!("/v1/users/{}/notifications", ada.id)).await.body;
        let receipts = shown["items"].as_array().unwrap().iter().filter(|row| row["kind"] == "receipt");
        let mut ways: Vec<_> = receipts.map(|row| format!("{} {}", row["channel"], row["status"])).collect();
        ways.sort();
        ways
    };
    let told = [r#""email" "sent""#, r#""inbox" "given-up""#, r#""push" "given-up""#];
    assert_eq!((ways().await, pushed(&world).len()), (told.map(str::to_owned).to_vec(), 0));
    assert_eq!(kinds(&inbox(&world, ADA).await), ["welcome"]);
    // On again, what was left out is not told late.
    assert_eq!(as_person(&world, ADA, "PUT", PATH, &json!({ "off": [] })).await.status, 200);
    everything_once_more(&world).await;
    assert_eq!((ways().await, pushed(&world).len()), (told.map(str::to_owned).to_vec(), 0));
    for safe in ["welcome", "role-changed", "password-changed"] {
        let refused = as_person(&world, ADA, "PUT", PATH, &json!({ "off": [{ "kind": safe, "channel": "push" }] })).await;
        assert_eq!(refused.status, 400, "{safe} cannot be turned off: {}", refused.body);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_has_no_device_any_more_here_or_at_the_provider() {
    let world = World::new().await;
    let owner = world.person(ADA, "Ada").await;
    let bob = world.member(&owner, BOB, "member").await;
    add_device(&world, &bob, PHONE, "phone").await;
    let phone = endpoint(&world, PHONE).await;
    assert_eq!(world.ask(&owner.bearer, "DELETE", &format!("/v1/members/{}", bob.id), &Value::Null).await.status, 204);
    world.settle().await;
    let last = last_of(&world, &format!("DEVICES#{}", bob.id)).await;
    assert_eq!((last.0.as_str(), &last.1["because"]), ("DEVICE_REMOVED", &json!("left")));
    let sns = world.system.account("administrator").sns();
    let refused = sns.publish().target_arn(phone).message("m").send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_parameter_exception(), "the provider knows it no more: {refused:?}");
}

/// The last event of a stream of notifications.
async fn last_of(world: &World, stream: &str) -> (String, Value) {
    let commits = world.items("notifications-log").await.iter().map(|item| Commit::from_item(item).unwrap()).collect::<Vec<_>>();
    let last = commits.iter().filter(|commit| commit.stream.to_string() == stream).max_by_key(|commit| commit.version).unwrap();
    let event = last.events.last().unwrap();
    (event.event_type.clone(), Value::Object(event.payload.clone()))
}

/// The provider's name for a device.
async fn endpoint(world: &World, device: Uuid) -> String {
    let commits = world.items("notifications-log").await.iter().map(|item| Commit::from_item(item).unwrap()).collect::<Vec<_>>();
    let added = commits
        .iter()
        .flat_map(|commit| &commit.events)
        .find(|event| event.event_type == "DEVICE_ADDED" && event.payload["device_id"] == json!(device));
    added.unwrap().payload["endpoint"].as_str().unwrap().to_owned()
}

async fn disable(world: &World, endpoint: &str) {
    let sns = world.system.account("administrator").sns();
    sns.set_endpoint_attributes().endpoint_arn(endpoint).attributes("Enabled", "false").send().await.unwrap();
}

/// How often the provider was asked to push.
fn published(world: &World) -> u64 {
    let readings = world.system.local().meter().readings();
    let publishes = readings.iter().filter(|(counted, _)| counted.service == "sns" && counted.operation == "Publish");
    publishes.map(|(_, reading)| reading.calls).sum()
}
