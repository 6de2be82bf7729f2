//! Erasing a person: nothing about them can be read afterwards that is not on the certificate, and rows fold the same again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::commands;
use annals::session::Session;
use annals_local::{Call, Fault, Faults};
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::people::PASSWORD;
use crate::world::{World, notice, subscription};

pub(crate) const EMAIL: &str = "marker-email@example.com";
pub(crate) const NAME: &str = "Marker-Name";
pub(crate) const BODY: &str = "marker-body@customers.example";

/// Runs a command line against this world.
pub(crate) async fn command(world: &World, line: &[&str]) -> annals::outcome::Answer {
    let cli = annals::cli::Cli::parse_from([&["annals"], line].concat());
    let session = Session::of(world.system.clone());
    let directory = std::path::Path::new("/nonexistent");
    Box::pin(commands::ask(&session, cli.command.unwrap(), directory)).await.unwrap()
}

/// The tables with an item in which a text stands.
async fn found(world: &World, text: &str) -> Vec<String> {
    let mut tables = vec![];
    for matrix in access_patterns::all() {
        for table in matrix.tables() {
            let items = world.items(table.name()).await;
            if format!("{items:?}").to_lowercase().contains(&text.to_lowercase()) {
                tables.push(table.name().to_owned());
            }
        }
    }
    tables
}

async fn rows(world: &World, table: &str) -> BTreeMap<String, Item> {
    let items = world.items(table).await.into_iter().filter(|item| !item["PK"].as_s().unwrap().starts_with("WALK#"));
    items.map(|item| (format!("{} {}", item["PK"].as_s().unwrap(), item["SK"].as_s().unwrap()), item)).collect()
}

/// Totals are spread over items by instance: what they say is compared by their own tests, not where it stands.
fn plain(rows: &BTreeMap<String, Item>) -> BTreeMap<String, Item> {
    rows.iter().filter(|(key, _)| is_row(key)).map(|(key, item)| (key.clone(), item.clone())).collect()
}

/// Whether this is the key of a row: neither of a stamp nor of a total.
fn is_row(key: &str) -> bool {
    !["STAMP#", "TOTAL#", "CONTRIB#", "POINTER#"].iter().any(|kind| key.starts_with(kind))
}

/// A person with an account, and a customer with a contact, an invoice that was paid, and a webhook that was kept.
pub(crate) async fn two_people(world: &World) -> crate::people::Person {
    let person = world.person(EMAIL, NAME).await;
    world.contact("marker-customer").await;
    let subscription = world.subscribe("k", "marker-customer").await;
    let invoice = world.invoice(&subscription).await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    let kept = json!({ "id": "evt_2", "type": "t", "created": 1, "data": { "object": { "customer": "marker-customer", "email": BODY } } });
    assert_eq!(world.webhook(kept.to_string().as_bytes()).await.body["outcome"], "not-understood");
    world.settle().await;
    person
}

#[tokio::test(start_paused = true)]
async fn markers_are_only_ever_sealed_and_after_erasure_nobody_opens_them() {
    let world = World::new().await;
    let person = two_people(&world).await;
    for marker in [EMAIL, NAME, PASSWORD, BODY, "marker-customer@customers.example"] {
        assert_eq!(found(&world, marker).await, Vec::<String>::new(), "{marker} stands plain in a table");
    }
    let mail = world.system.local().mail().unwrap();
    assert!(
        mail.iter().any(|mail| String::from_utf8_lossy(&mail.message).contains("marker-customer@customers.example")),
        "the outbox is plain"
    );
    assert_eq!(command(&world, &["erase", "marker-customer"]).await, annals::outcome::Answer::No, "it says what it would do");
    let path = "/v1/tenants/demo/contacts/marker-customer";
    assert_eq!(world.ask(&world.notifications(), "GET", path, &Value::Null).await.status, 200);
    assert_eq!(command(&world, &["erase", "marker-customer", "--yes"]).await, annals::outcome::Answer::Yes);
    assert_eq!(command(&world, &["erase", &person.id, "--tenant", &person.organisation, "--yes"]).await, annals::outcome::Answer::Yes);
    assert_eq!(command(&world, &["erase", "nobody-we-know", "--yes"]).await, annals::outcome::Answer::No);
    world.settle().await;
    // Caches of keys live a minute.
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    assert_eq!(world.ask(&world.notifications(), "GET", path, &Value::Null).await.status, 404);
    let of_person = format!("/v1/tenants/{}/contacts/{}", person.organisation, person.id);
    assert_eq!(world.ask(&world.notifications(), "GET", &of_person, &Value::Null).await.status, 404);
    assert_eq!(world.ask(&person.bearer, "GET", "/v1/me", &Value::Null).await.status, 403);
    assert_eq!(world.log_in(EMAIL, PASSWORD).await.status, 401);
    // The tombstones: no key is made again, and so nothing is sealed for them again.
    let contact = json!({ "email": "again@example.com" });
    assert_eq!(world.ask(&world.demo(), "PUT", "/v1/contacts/marker-customer", &contact).await.status, 409);
    let wrapped: Vec<_> = world.items("users-vault").await.into_iter().chain(world.items("billing-vault").await).collect();
    let erased = wrapped.iter().filter(|item| item.contains_key("erased_at"));
    assert!(erased.clone().count() >= 3 && erased.clone().all(|item| !item.contains_key("wrapped")), "{wrapped:?}");
    // The address is free, and who comes back is somebody else.
    let again = world.person(EMAIL, NAME).await;
    assert_ne!(again.id, person.id);
}

#[tokio::test(start_paused = true)]
async fn what_follows_an_erasure_is_recorded_and_the_rest_of_an_organisation_goes_on() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let bob = world.member(&ada, "bob@example.com", "finance").await;
    let made = world.ask(&bob.bearer, "POST", "/v1/api-keys", &json!({ "name": "k", "role": "finance" })).await;
    let key = format!("Bearer {}", made.body["key"].as_str().unwrap());
    assert_eq!(command(&world, &["erase", &bob.id, "--tenant", &ada.organisation, "--yes"]).await, annals::outcome::Answer::Yes);
    world.settle().await;
    for bearer in [&bob.bearer, &key] {
        assert_eq!(world.ask(bearer, "GET", "/v1/members", &Value::Null).await.status, 403);
    }
    let shown = world.ask(&ada.bearer, "GET", &format!("/v1/users/{}", bob.id), &Value::Null).await;
    assert_eq!(
        (shown.status, &shown.body["status"], &shown.body["name"], &shown.body["email"]),
        (200, &json!("erased"), &json!(null), &json!(null))
    );
    let members = world.ask(&ada.bearer, "GET", "/v1/members", &Value::Null).await.body;
    assert_eq!(members["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask(&ada.bearer, "POST", "/v1/subscriptions", &subscription("eve")).await.status, 201);
    world.settle().await;
    assert_eq!(command(&world, &["verify"]).await, annals::outcome::Answer::Yes, "history and hashes stay valid");
    assert_eq!(
        command(&world, &["erase", &bob.id, "--tenant", &ada.organisation, "--yes"]).await,
        annals::outcome::Answer::Yes,
        "again is the same"
    );
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_thrown_away_fold_the_same_again_and_nobody_gets_an_email_twice() {
    let world = World::new().await;
    let person = two_people(&world).await;
    command(&world, &["erase", &person.id, "--tenant", &person.organisation, "--yes"]).await;
    command(&world, &["erase", "marker-customer", "--yes"]).await;
    world.settle().await;
    let tables = ["users", "subscriptions"];
    let mut before = vec![];
    for table in tables {
        before.push(rows(&world, table).await);
    }
    let client = world.system.account("administrator").sdk_dynamodb();
    for (table, rows) in tables.iter().zip(&before) {
        for row in rows.values() {
            let delete = client.delete_item().table_name(*table).key("PK", row["PK"].clone()).key("SK", row["SK"].clone());
            delete.send().await.unwrap();
        }
    }
    let (mail, commits) = (world.system.local().mail().unwrap().len(), world.count("notifications-log").await);
    assert_eq!(command(&world, &["reconcile"]).await, annals::outcome::Answer::Yes);
    world.settle().await;
    for (table, before) in tables.iter().zip(before) {
        let after = rows(&world, table).await;
        assert_eq!(plain(&after), plain(&before), "{table}");
        let erased = after.get(&format!("USER#{} META", person.id));
        assert_eq!(erased.map(|row| row["status"].as_s().unwrap().as_str()), (*table == "users").then_some("erased"));
    }
    // Events come again under the ids that they had, as the stream's own row is what says how far it was told: consumers know them.
    assert_eq!((world.system.local().mail().unwrap().len(), world.count("notifications-log").await), (mail, commits));
}

/// What is left of a stream's own row that is thrown away: how far its stream has been published, at a revision before all others. Nothing of
/// any other item: only own rows say what the bus has had.
fn thrown_away(row: &Item) -> Option<Item> {
    let is_own = row.contains_key("rev") && !row.contains_key("owner") && is_row(row["PK"].as_s().unwrap());
    let stamp = || {
        let kept = ["PK", "SK", "ver"].map(|name| (name.to_owned(), row[name].clone()));
        kept.into_iter().chain([("rev".to_owned(), AttributeValue::N("0".into()))]).collect()
    };
    is_own.then(stamp)
}

#[tokio::test(start_paused = true)]
async fn every_row_that_is_thrown_away_is_rebuilt_without_an_email_a_push_or_an_event() {
    let world = World::new().await;
    let person = two_people(&world).await;
    command(&world, &["erase", &person.id, "--tenant", &person.organisation, "--yes"]).await;
    world.settle().await;
    let tables = ["users", "subscriptions", "notifications"];
    let mut before = vec![];
    for table in tables {
        before.push(rows(&world, table).await);
    }
    let client = world.system.account("administrator").sdk_dynamodb();
    for (table, rows) in tables.iter().zip(&before) {
        assert!(rows.values().any(|row| thrown_away(row).is_some()), "{table} has own rows");
        for row in rows.values() {
            let (pk, sk) = (row["PK"].clone(), row["SK"].clone());
            client.delete_item().table_name(*table).key("PK", pk).key("SK", sk).send().await.unwrap();
            if let Some(stamp) = thrown_away(row) {
                client.put_item().table_name(*table).set_item(Some(stamp)).send().await.unwrap();
            }
        }
    }
    let events = |world: &World| {
        let readings = world.system.local().meter().readings().into_iter();
        readings.filter(|(counted, _)| counted.operation == "PutEvents").map(|(_, reading)| reading.calls).sum::<u64>()
    };
    let said = |world: &World| (world.system.local().mail().unwrap().len(), world.system.local().pushes().unwrap().len(), events(world));
    let (told, commits) = (said(&world), world.count("notifications-log").await);
    assert!(told.0 > 0 && told.2 > 0, "there is something to repeat: {told:?}");
    let host = Session::of(world.system.clone()).host("operator");
    for log in &annals::logs::LOGS {
        for projection in (log.projector)(&host, "annals").described() {
            assert_eq!(command(&world, &["rebuild", projection.name]).await, annals::outcome::Answer::Yes, "{}", projection.name);
        }
    }
    world.settle().await;
    for (table, before) in tables.iter().zip(before) {
        assert_eq!(plain(&rows(&world, table).await), plain(&before), "{table}");
    }
    assert_eq!((said(&world), world.count("notifications-log").await), (told, commits));
    let erased = rows(&world, "users").await.remove(&format!("USER#{} META", person.id)).unwrap();
    assert_eq!(erased["status"].as_s().unwrap(), "erased");
}

/// Whoever sends emails has an address in hand, and waits for its log.
struct Ponders(watch::Sender<bool>);

impl Faults for Ponders {
    fn plan(&self, call: &Call<'_>) -> Fault {
        if call.role != "send-email" || call.service != "dynamodb" {
            return Fault::None;
        }
        self.0.send_replace(true);
        Fault::Delay(Duration::from_secs(3))
    }
}

#[tokio::test(start_paused = true)]
async fn an_email_on_its_way_when_the_keys_go_is_there_before_the_certificate_is() {
    let (ponders, mut pondering) = watch::channel(false);
    let world = World::with_faults(Some(Arc::new(Ponders(ponders)))).await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    assert_eq!(world.webhook(&notice("evt_1", "invoice.payment_failed", &invoice, 0, 1)).await.status, 200);
    pondering.wait_for(|is| *is).await.unwrap();
    let mail = || world.system.local().mail().unwrap().len();
    assert_eq!(mail(), 0);
    assert_eq!(command(&world, &["erase", "ada", "--yes"]).await, annals::outcome::Answer::Yes);
    let when_certified = mail();
    world.settle().await;
    assert_eq!((when_certified, mail()), (1, 1));
}
