//! History asked about people: who had which role, and all that is held on somebody.

use std::collections::BTreeSet;
use std::time::Duration;

use annals::outcome::Answer;
use serde_json::{Value, json};

use crate::erasure::command;
use crate::world::{World, notice, subscription};

async fn ask(world: &World, bearer: &str, question: &str) -> Value {
    let answer = world.ask(bearer, "GET", &format!("/v1/audit/{question}"), &Value::Null).await;
    assert_eq!(answer.status, 200, "{question}: {}", answer.body);
    answer.body
}

/// One column of the rows, as text.
fn column(answer: &Value, name: &str) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_had_a_role_is_told_as_of_any_moment() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let bob = world.member(&ada, "bob@example.com", "finance").await;
    let made = world.ask(&bob.bearer, "POST", "/v1/api-keys", &json!({ "name": "k", "role": "finance" })).await;
    let (person, key) = (format!("USER#{}", bob.id), format!("KEY#{}", made.body["id"].as_str().unwrap()));
    let first = world.clock.now();
    tokio::time::advance(Duration::from_secs(60)).await;
    let path = format!("/v1/members/{}", bob.id);
    assert_eq!(world.ask(&ada.bearer, "PUT", &path, &json!({ "role": "auditor" })).await.status, 200);
    let second = world.clock.now();
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(world.ask(&ada.bearer, "DELETE", &path, &Value::Null).await.status, 204);
    world.settle().await;

    let ada = world.logged_in("ada@example.com").await;
    let holders = async |role: &str, moment: &str| {
        let told = ask(&world, &ada.bearer, &format!("roles?role={role}&moment={moment}")).await;
        let mut holders = column(&told, "holder");
        holders.sort();
        assert_eq!((told["answer"] == true, &told["facts"]["holders"]), (!holders.is_empty(), &json!(holders.len())));
        holders
    };
    let (first, second) = (first.to_string(), second.to_string());
    assert_eq!(holders("finance", &first).await, [key, person.clone()], "a member, and the key that does as much");
    assert_eq!(holders("finance", &second).await, [""; 0], "a key that may do more than its member ends with it");
    assert_eq!((holders("auditor", &first).await, holders("auditor", &second).await), (vec![], vec![person]));
    assert_eq!((holders("auditor", "now").await, holders("owner", "2025-12-31").await), (vec![], vec![]));
    assert_eq!(holders("owner", "now").await, [format!("USER#{}", ada.id)]);
    let told = ask(&world, &ada.bearer, "roles?role=owner").await;
    assert_eq!(column(&told, "given_by"), [ada.id.as_str()], "who founds an organisation owns it");
    // Nobody of another organisation.
    let told = ask(&world, &world.demo(), "roles?role=owner").await;
    let kinds: BTreeSet<_> = column(&told, "kind").into_iter().collect();
    assert_eq!((kinds, column(&told, "tenant")), (["key".into(), "member".into()].into(), vec!["demo".into(), "demo".into()]));
}

#[tokio::test(start_paused = true)]
async fn all_that_is_held_on_a_customer_is_told() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.subscribe("other", "bob").await;
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await.status, 200);
    world.settle().await;
    let told = ask(&world, &world.demo(), "person?person=ada").await;
    let types: BTreeSet<_> = column(&told, "stream").into_iter().map(|stream| stream.split('#').next().unwrap().to_owned()).collect();
    assert_eq!(types, ["CONTACT", "INV", "NOTE", "SUB"].map(str::to_owned).into());
    let rows = told["items"].as_array().unwrap();
    let because = |what: &str| rows.iter().find(|row| row["what"] == what).map(|row| row["because"].as_str().unwrap()).unwrap_or_default();
    assert_eq!((because("SUBSCRIPTION_CREATED"), because("EMAIL_SENT")), ("customer_id names them", "the stream is theirs"));
    assert_eq!((because("row subscriptions"), because("row invoices")), ("as the log folds to", "as the log folds to"));
    let contact = rows.iter().find(|row| row["what"] == "CONTACT_SET").unwrap();
    assert_eq!((&contact["sealed"], &told["facts"]["sealed"]), (&json!("email"), &json!(1)));
    let text = told.to_string();
    assert!(!text.contains("ada@customers.example") && !text.contains("\"bob\""), "nothing plain, and nobody else's: {text}");
    assert_eq!(ask(&world, &world.demo(), "person?person=nobody").await["answer"], false);
    let other = world.other().await;
    assert_eq!(ask(&world, &other, "person?person=ada").await["answer"], false, "another organisation's ada is somebody else");
}

#[tokio::test(start_paused = true)]
async fn all_that_is_held_on_a_member_is_told_with_what_they_did() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    let bob = world.member(&ada, "bob@example.com", "finance").await;
    let made = world.ask(&bob.bearer, "POST", "/v1/api-keys", &json!({ "name": "k", "role": "finance" })).await;
    let key = format!("Bearer {}", made.body["key"].as_str().unwrap());
    for bearer in [&bob.bearer, &key] {
        assert_eq!(world.ask(bearer, "POST", "/v1/subscriptions", &subscription("eve")).await.status, 201);
    }
    world.settle().await;
    let ada = world.logged_in("ada@example.com").await;
    let told = ask(&world, &ada.bearer, &format!("person?person={}", bob.id)).await;
    let rows: Vec<(String, String)> = column(&told, "what").into_iter().zip(column(&told, "because")).collect();
    let told_once = |what: &str, because: &str| rows.iter().filter(|row| **row == (what.into(), because.into())).count();
    assert_eq!(told_once("USER_CREATED", "user_id names them"), 1);
    assert_eq!(told_once("MEMBER_JOINED", "user_id names them"), 1, "of the organisation's events only those that name them: {rows:?}");
    assert_eq!(told_once("MEMBER_INVITED", "the stream is theirs"), 1, "what came before they were named");
    assert_eq!(told_once("SUBSCRIPTION_CREATED", "they did it"), 2, "themselves and by their key");
    assert_eq!(told_once("ORGANISATION_CREATED", "they did it"), 0);
    assert_eq!(told["facts"]["deeds"], 2);
}

#[tokio::test(start_paused = true)]
async fn an_erasure_is_told_with_its_certificate_and_history_is_what_it_was() {
    let world = World::new().await;
    world.subscribe("k", "ada").await;
    world.subscribe("other", "bob").await;
    world.sign().await;
    let before = ask(&world, &world.demo(), "erasure?person=ada").await;
    assert_eq!((&before["answer"], &before["facts"]["sealed"]), (&json!(false), &json!(1)));
    assert_eq!(command(&world, &["erase", "ada", "--yes"]).await, Answer::Yes);
    world.sign().await;
    let told = ask(&world, &world.demo(), "erasure?person=ada").await;
    let facts = &told["facts"];
    assert_eq!((&told["answer"], &facts["sealed"], &facts["sealed_since"]), (&json!(true), &json!(1), &json!(0)), "{told}");
    assert_eq!((&facts["certificate"]["sealed_commits"], &facts["certificate"]["person_id"]), (&json!(1), &json!("ada")));
    assert_eq!(facts["certificate"]["backups_lapse"].as_object().unwrap().len(), 2, "both vaults");
    let ledgers = facts["ledgers"].as_array().unwrap();
    assert!(
        ledgers.iter().any(|ledger| ledger["service"] == "identity" && ledger["before"]["size"].as_u64() < ledger["now"]["size"].as_u64())
    );
    let rows: Vec<_> = column(&told, "event").into_iter().zip(column(&told, "sealed")).collect();
    assert_eq!(rows, [("CONTACT_SET".into(), "email".into()), ("ERASURE_CERTIFIED".to_owned(), String::new())]);
    // Once more is the same, and nobody else was erased.
    assert_eq!(command(&world, &["erase", "ada", "--yes"]).await, Answer::Yes);
    assert_eq!(world.items("users-log").await.iter().filter(|item| item["PK"].as_s().unwrap().starts_with("ERASURE#")).count(), 1);
    assert_eq!(ask(&world, &world.demo(), "erasure?person=bob").await["answer"], false);
    assert_eq!(ask(&world, &world.other().await, "erasure?person=ada").await["answer"], false, "another organisation's ada was not");
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_was_not_finished_is_not_told_as_one() {
    let world = World::new().await;
    world.contact("ada").await;
    let host = annals_lambda::Host {
        account: world.system.account("erase-person"),
        metrics: std::sync::Arc::new(annals_lambda::metrics::EmbeddedMetrics::new(annals_lambda::machine::MachineClock)),
        clock: world.clock.clone(),
        ids: std::sync::Arc::new(annals_kit::ids::SeededIds::new(1)),
        generation: annals_kit::Generation::default(),
    };
    let deps = identity_service::Deps::new(&host, annals::system::demo::settings(world.system.credentials()));
    let subject = identity_service::erase::Subject { tenant: "demo".parse().unwrap(), id: "ada".parse().unwrap() };
    let known = identity_service::erase::known(&deps, &subject).await.unwrap();
    // Killed after identity's keys, before billing's.
    identity_service::erase::erase(&deps, &subject, &known, &"operator".parse().unwrap()).await.unwrap();
    world.settle().await;
    assert_eq!(ask(&world, &world.demo(), "erasure?person=ada").await["answer"], false);
    assert_eq!(command(&world, &["erase", "ada", "--yes"]).await, Answer::Yes);
    world.settle().await;
    assert_eq!(ask(&world, &world.demo(), "erasure?person=ada").await["answer"], true);
}
