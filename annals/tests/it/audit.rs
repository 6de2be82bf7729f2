//! History asked over HTTP, as a tenant's auditor asks it: complete, in order, their own entries only.

use annals_verify::inclusion;
use serde_json::{Value, json};

use crate::world::{Answer, World, notice, subscription};

/// Asks as whoever sends this.
async fn ask_as(world: &World, bearer: &str, question: &str) -> Answer {
    world.ask(bearer, "GET", &format!("/v1/audit/{question}"), &Value::Null).await
}

async fn ask(world: &World, question: &str) -> Value {
    let answer = ask_as(world, &world.demo(), question).await;
    assert_eq!(answer.status, 200, "{question}: {}", answer.body);
    answer.body
}

/// One column of the rows, as text.
fn column(answer: &Value, name: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    answer["items"].as_array().unwrap().iter().map(|row| text(&row[name])).collect()
}

/// A subscription whose invoice failed once and was then paid.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    let subscription = world.subscribe("k", "ada").await;
    let invoice = world.invoice(&subscription).await;
    for body in [notice("evt_1", "invoice.payment_failed", &invoice, 0, 1), notice("evt_2", "invoice.paid", &invoice, 4900, 2)] {
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        assert_eq!(world.webhook(&body).await.status, 200);
    }
    world.sign().await;
    (world, subscription, invoice)
}

#[tokio::test(start_paused = true)]
async fn every_revision_is_told_field_by_field() {
    let (world, _, invoice) = world().await;
    let told = ask(&world, &format!("revisions?stream=INV%23{invoice}")).await;
    assert_eq!((&told["answer"], &told["facts"]["revisions"], &told["facts"]["without_position"]), (&json!(true), &json!(3), &json!(0)));
    let status: Vec<_> = told["items"].as_array().unwrap().iter().filter(|row| row["field"] == "status").collect();
    let changes: Vec<_> = status.iter().map(|row| (row["version"].as_u64().unwrap(), &row["from"], &row["to"])).collect();
    assert_eq!(
        changes,
        [(1, &Value::Null, &json!("open")), (2, &json!("open"), &json!("past-due")), (3, &json!("past-due"), &json!("paid"))]
    );
    // The same by field, and no field that nobody changed.
    let told = ask(&world, &format!("field?stream=INV%23{invoice}&field=status")).await;
    assert_eq!(column(&told, "to"), ["open", "past-due", "paid"]);
    assert_eq!(ask(&world, &format!("field?stream=INV%23{invoice}&field=colour")).await["answer"], false);
    // It says of which history it is.
    let stamp = &told["read_at"][0];
    assert_eq!((&stamp["service"], &stamp["origin"]), (&json!("billing"), &json!("annals.localhost/ledger/billing/0")));
    assert!(stamp["checkpoint"]["size"].as_u64().unwrap() >= 4 && stamp["checkpoint"]["root"].as_str().unwrap().len() == 44);
}

#[tokio::test(start_paused = true)]
async fn what_was_known_at_a_moment_is_told() {
    let (world, _, invoice) = world().await;
    let status = async |moment: &str| {
        let told = ask(&world, &format!("as-of?stream=INV%23{invoice}&moment={moment}")).await;
        let rows = told["items"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["field"] == "status").unwrap_or_default();
        (row["value"].clone(), row["believed"].clone())
    };
    let both = |status: &str| (json!(status), json!(status));
    assert_eq!((status("1").await, status("2").await, status("now").await), (both("open"), both("past-due"), both("paid")));
    let revisions = ask(&world, &format!("revisions?stream=INV%23{invoice}")).await;
    for row in revisions["items"].as_array().unwrap().iter().filter(|row| row["field"] == "status") {
        assert_eq!(status(&format!("@{}", row["position"])).await.1, row["to"]);
        // At the moment it was recorded it had no place yet: it was so, and not believed yet.
        assert_eq!(status(row["recorded_at"].as_str().unwrap()).await.0, row["to"]);
    }
    assert_eq!(status("2025-12-31").await.0, Value::Null);
    assert_eq!(ask_as(&world, &world.demo(), &format!("as-of?stream=INV%23{invoice}&moment=@999")).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn an_actors_deeds_include_what_was_refused() {
    let (world, ..) = world().await;
    // Another request under a used key: refused, twice within a minute.
    for customer in ["bob", "eve"] {
        assert_eq!(world.post("/v1/subscriptions", "k", &subscription(customer)).await.status, 409);
    }
    world.settle().await;
    let owner = world.actor(&world.demo()).await;
    let told = ask(&world, &format!("actor?actor={owner}&period=2026")).await;
    // A contact, a subscription, an invoice.
    assert_eq!((&told["facts"]["refused"], &told["facts"]["commands"]), (&json!(1), &json!(3)), "{told}");
    let details = column(&told, "detail");
    assert!(details.iter().any(|detail| detail.starts_with("create-subscription: ")), "{details:?}");
    // In the order of time over all services, and each service's in the order of its ledger.
    let placed: Vec<(String, u64)> =
        column(&told, "service").into_iter().zip(column(&told, "position").iter().map(|text| text.parse().unwrap())).collect();
    for service in ["billing", "identity"] {
        let positions: Vec<u64> = placed.iter().filter(|(of, _)| of == service).map(|(_, position)| *position).collect();
        assert!(!positions.is_empty() && positions.is_sorted(), "{service}: {positions:?}");
    }
    assert_eq!(ask(&world, "actor?actor=nobody").await["answer"], false);
    assert_eq!(ask(&world, &format!("actor?actor={owner}&period=2025")).await["answer"], false);
}

#[tokio::test(start_paused = true)]
async fn a_correlation_is_a_tree_across_services() {
    let (world, _, invoice) = world().await;
    let revisions = ask(&world, &format!("revisions?stream=INV%23{invoice}")).await;
    let paid = revisions["items"].as_array().unwrap().iter().find(|row| row["version"] == 3).unwrap().clone();
    let told = ask(&world, &format!("correlation?correlation={}", paid["correlation"].as_str().unwrap())).await;
    let nodes: Vec<_> = column(&told, "node").into_iter().zip(column(&told, "service")).collect();
    assert!(nodes.starts_with(&[("commit".into(), "billing".into()), ("event".into(), "billing".into())]), "{nodes:?}");
    assert!(nodes.contains(&("effect".into(), "notifications".into())), "{nodes:?}");
    assert!(nodes.contains(&("row".into(), "billing".into())), "{nodes:?}");
    assert_eq!(told["facts"]["effects"], 1);
    // Below the event that led to it.
    let rows = told["items"].as_array().unwrap();
    let email = rows.iter().find(|row| row["node"] == "commit" && row["service"] == "notifications").unwrap();
    assert!(
        rows.iter()
            .any(|row| row["node"] == "event" && row["id"] == email["because_of"] && row["depth"].as_u64() < email["depth"].as_u64())
    );
    // The email itself, as a notice.
    let sent = ask(&world, &format!("notice?stream={}", email["stream"].as_str().unwrap().replace('#', "%23"))).await;
    assert_eq!((&sent["answer"], &sent["facts"]["attempts"]), (&json!(true), &json!(1)), "{sent}");
    assert_eq!(ask(&world, "notice?stream=NOTE%23none").await["answer"], false);
}

#[tokio::test(start_paused = true)]
async fn a_period_has_its_whole_population_and_a_day_its_events() {
    let (world, ..) = world().await;
    let told = ask(&world, "population?period=2026-01").await;
    let billing = &told["facts"]["populations"][0];
    let commits = world.count("subscriptions-log").await;
    // The question itself is noted, and may be sequenced by now: the population is what it was when it was asked.
    assert!(billing["count"].as_u64().unwrap() as usize >= commits - 1, "{told}");
    assert_eq!((&billing["first"], &billing["gaps"], &billing["recorded_before"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!(ask(&world, "population?period=2025").await["facts"]["populations"][0]["count"], 0);
    let told = ask(&world, "day?period=2026-01-01").await;
    let events = column(&told, "event");
    for event in ["SUBSCRIPTION_CREATED", "INVOICE_ISSUED", "PAYMENT_FAILED", "PAYMENT_RECEIVED", "EMAIL_SENT", "HISTORY_READ"] {
        assert!(events.iter().any(|told| told == event), "{event} in {events:?}");
    }
    assert!(column(&told, "sequenced_at").is_sorted());
    let paid = told["items"].as_array().unwrap().iter().find(|row| row["event"] == "PAYMENT_RECEIVED").unwrap();
    assert_eq!((&paid["amount"], &paid["currency"]), (&json!("49.00"), &json!("EUR")));
    // Page by page it is the same.
    let (mut paged, mut page) = (vec![], 0);
    while let Some(next) = Some(ask(&world, &format!("day?period=2026-01-01&limit=3&page={page}")).await) {
        paged.extend(column(&next, "event"));
        match next["next"].as_u64() {
            Some(next) => page = next,
            None => break,
        }
    }
    assert!(paged.starts_with(&events));
}

#[tokio::test(start_paused = true)]
async fn readings_are_history_once_a_minute() {
    let (world, ..) = world().await;
    assert_eq!(ask(&world, "access").await["answer"], false);
    for _ in 0..3 {
        ask(&world, "day?period=2026-01-01").await;
    }
    world.settle().await;
    tokio::time::advance(std::time::Duration::from_secs(90)).await;
    ask(&world, "day?period=2026-01-01").await;
    world.settle().await;
    let told = ask(&world, "access").await;
    let of_billing: Vec<_> =
        told["items"].as_array().unwrap().iter().filter(|row| row["service"] == "billing" && row["question"] == "day").collect();
    assert_eq!(of_billing.len(), 2, "{told}");
    assert_eq!(
        (&of_billing[0]["actor"], &of_billing[0]["what"], &of_billing[0]["tenant"]),
        (&json!(world.actor(&world.demo()).await), &json!("read"), &json!("demo"))
    );
}

#[tokio::test(start_paused = true)]
async fn another_tenant_is_told_nothing() {
    let (world, id, invoice) = world().await;
    let other = world.other().await;
    assert_eq!(world.ask(&other, "POST", "/v1/subscriptions", &crate::world::subscription("bob")).await.status, 201);
    world.settle().await;
    for question in
        [format!("revisions?stream=INV%23{invoice}"), format!("as-of?stream=SUB%23{id}&moment=now"), "notice?stream=NOTE%23x".into()]
    {
        let told = ask_as(&world, &other, &question).await.body;
        assert_eq!((&told["answer"], &told["items"]), (&json!(false), &json!([])), "{question}");
    }
    let told = ask_as(&world, &other, "day?period=2026").await.body;
    assert!(column(&told, "tenant").iter().all(|tenant| tenant == "other"), "{told}");
    let told = ask_as(&world, &other, &format!("actor?actor={}", world.actor(&other).await)).await.body;
    assert_eq!(told["facts"]["commands"], 1);
    let told = ask_as(&world, &other, &format!("actor?actor={}", world.actor(&world.demo()).await)).await.body;
    assert_eq!((&told["answer"], &told["items"]), (&json!(false), &json!([])));
    assert_eq!(ask_as(&world, &other, "inclusion?commit=billing@0").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_tenants_auditor_is_told_and_a_member_is_not() {
    let world = World::new().await;
    let ada = world.person("ada@example.com", "Ada").await;
    for (role, status) in [("admin", 200), ("finance", 200), ("auditor", 200), ("member", 403)] {
        let somebody = world.member(&ada, &format!("{role}@example.com"), role).await;
        assert_eq!(ask_as(&world, &somebody.bearer, "day?period=2026").await.status, status, "{role}");
    }
    assert_eq!(ask_as(&world, &world.notifications(), "day?period=2026").await.status, 401, "services have no role");
    assert_eq!(world.nobody("GET", "/v1/audit/day?period=2026", &Value::Null).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_proven_to_whoever_has_the_key() {
    let (world, _, invoice) = world().await;
    let key = world.system.ledgers().of_service("billing").key.verifier();
    for place in [format!("INV%23{invoice}@2"), "billing@1".into()] {
        let told = ask(&world, &format!("inclusion?commit={place}")).await;
        let text = |name: &str| told[name].as_str().unwrap().as_bytes().to_vec();
        let included = inclusion::verify(&key, &text("proof"), &text("commit")).unwrap();
        assert_eq!(included.position, told["position"].as_u64().unwrap());
        let forged = String::from_utf8(text("commit")).unwrap().replace("demo", "dema");
        assert_eq!(inclusion::verify(&key, &text("proof"), forged.as_bytes()).unwrap_err().check, "commit-hash");
    }
    assert_eq!(ask_as(&world, &world.demo(), "inclusion?commit=INV%23none@2").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_refused_with_words() {
    let (world, ..) = world().await;
    for (question, words) in [
        ("gossip", "there is no such question"),
        ("roles?role=king", "`role`"),
        ("roles?role=owner&moment=3", "a time, a day or now"),
        ("revisions", "`stream` is missing"),
        ("revisions?stream=x", "a stream"),
        ("day?period=yesterday", "2026-Q1"),
        ("inclusion?commit=x", "billing@120"),
    ] {
        let answer = ask_as(&world, &world.demo(), question).await;
        assert_eq!(answer.status, 400, "{question}");
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{}", answer.body);
    }
}
