//! From a command to history, a row, a bus event and an email.

use annals_reads::Item;
use serde_json::{Value, json};

use crate::world::{World, notice, subscription};

fn mails(world: &World) -> Vec<String> {
    world.system.local().mail().unwrap().into_iter().map(|mail| String::from_utf8(mail.message).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_subscription_becomes_a_row_under_its_keys() {
    let world = World::new().await;
    let id = world.subscribe("k", "ada").await;
    world.settle().await;
    let mut rows = world.items("subscriptions").await;
    rows.retain(|row| row["PK"].as_s().unwrap().starts_with("SUB#"));
    let text = |name: &str| rows[0][name].as_s().unwrap().clone();
    assert_eq!(rows.len(), 1);
    assert_eq!((text("PK"), text("SK"), text("GSI1PK")), (format!("SUB#{id}"), "META".into(), "CUST#ada".into()));
    assert_eq!(text("GSI1SK"), format!("SUB#{}", text("created_at")));
    let answer = world.get(&format!("/v1/subscriptions/{id}")).await;
    assert_eq!(answer.status, 200);
    for (field, value) in [("customer_id", json!("ada")), ("status", json!("active")), ("mrr", json!(4900)), ("currency", json!("EUR"))] {
        assert_eq!(answer.body[field], value);
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_pays_the_invoice_and_sends_one_receipt_however_often_it_is_told() {
    let world = World::new().await;
    let subscription = world.subscribe("k", "ada").await;
    let invoice = world.invoice(&subscription).await;
    let body = notice("evt_1", "invoice.paid", &invoice, 4900, 1);
    for _ in 0..3 {
        assert_eq!(world.webhook(&body).await.status, 200);
    }
    // The provider tells of one payment under two types.
    let other = world.webhook(&notice("evt_2", "invoice.payment_succeeded", &invoice, 4900, 1)).await;
    assert_eq!(other.body["outcome"], "superseded");
    world.settle().await;
    let row = world.get(&format!("/v1/invoices/{invoice}")).await.body;
    assert_eq!(
        (&row["status"], &row["amount"], &row["received"], &row["version"]),
        (&json!("paid"), &json!(4900), &json!(4900), &json!(2))
    );
    assert!(row["paidAt"].is_string());
    let mails = mails(&world);
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: <ada@customers.example>") && mails[0].contains("Subject: Receipt: 49.00 EUR"), "{}", mails[0]);
}

#[tokio::test(start_paused = true)]
async fn a_partial_payment_told_twice_is_booked_once_and_the_rest_later() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    // The provider tells the sum paid so far, under two types.
    let told = [("evt_1", "invoice.paid", 4000), ("evt_2", "invoice.payment_succeeded", 4000), ("evt_3", "invoice.paid", 4900)];
    let mut outcomes = vec![];
    for (event, event_type, paid) in told {
        outcomes.push(world.webhook(&notice(event, event_type, &invoice, paid, 1)).await.body["outcome"].as_str().unwrap().to_owned());
    }
    world.settle().await;
    let row = world.get(&format!("/v1/invoices/{invoice}")).await.body;
    assert_eq!(outcomes, ["recorded", "superseded", "recorded"]);
    assert_eq!((&row["received"], &row["status"]), (&json!(4900), &json!("paid")));
    assert_eq!(mails(&world).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_tells_nothing_of_another_tenants_rows_under_the_same_customer() {
    let world = World::new().await;
    let mine = world.subscribe("k", "ada").await;
    let other = world.other().await;
    for n in 0..5 {
        tokio::time::advance(std::time::Duration::from_millis(5)).await;
        let uri = format!("{}/v1/subscriptions", annals::system::IN_PROCESS_API);
        let request = http::Request::post(uri).header("authorization", &other).header("idempotency-key", format!("o{n}"));
        assert_eq!(world.send(request, subscription("ada").to_string()).await.status, 201);
    }
    world.settle().await;
    let list = world.get("/v1/customers/ada/subscriptions?limit=1").await.body;
    assert_eq!((list["items"][0]["id"].as_str(), &list["next"]), (Some(mine.as_str()), &json!(null)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_payment_sends_one_retry_notice_per_attempt() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    for (event, attempt) in [("evt_1", 1), ("evt_1", 1), ("evt_2", 2), ("evt_late", 1)] {
        assert_eq!(world.webhook(&notice(event, "invoice.payment_failed", &invoice, 0, attempt)).await.status, 200);
    }
    world.settle().await;
    assert_eq!(world.get(&format!("/v1/invoices/{invoice}")).await.body["status"], "past-due");
    let mails = mails(&world);
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.contains("did not go through")));
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_from_the_queue_sends_nothing() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    world.webhook(&notice("evt_1", "invoice.paid", &invoice, 4900, 1)).await;
    world.settle().await;
    let commits = world.count("notifications-log").await;
    // The bus delivers at least once: the very same event again, under a message id of its own.
    let events = world.system.account("administrator").events();
    let log = world.items("subscriptions-log").await;
    let payment =
        log.iter().find(|item| item["PK"].as_s().unwrap().starts_with("INV#") && item["SK"].as_s().unwrap().ends_with('2')).unwrap();
    let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder()
        .event_bus_name("annals")
        .source("billing")
        .detail_type("PAYMENT_RECEIVED")
        .detail(detail(payment).to_string())
        .build();
    assert_eq!(
        events
            .send(aws_sdk_eventbridge::operation::put_events::PutEventsInput::builder().entries(entry))
            .await
            .unwrap()
            .failed_entry_count(),
        0
    );
    world.settle().await;
    assert_eq!((mails(&world).len(), world.count("notifications-log").await), (1, commits));
}

/// The detail of a stored commit's first event, as the projector publishes it.
fn detail(item: &Item) -> Value {
    let commit = annals_log::Commit::from_item(item).unwrap();
    json!({
        "metadata": {
            "event_id": commit.event_id(0), "schema_version": 1, "tenant": commit.tenant, "stream": commit.stream.to_string(),
            "version": commit.version, "recorded_at": commit.recorded_at, "actor": commit.actor, "correlation_id": commit.correlation,
        },
        "data": commit.events[0].payload,
    })
}

#[tokio::test(start_paused = true)]
async fn lists_are_paged_newest_first_and_end() {
    let world = World::new().await;
    let mut made = vec![];
    for n in 0..7 {
        made.push(world.subscribe(&format!("k{n}"), "ada").await);
        tokio::time::advance(std::time::Duration::from_millis(5)).await;
    }
    world.subscribe("other", "bob").await;
    world.settle().await;
    let (mut listed, mut page) = (vec![], String::new());
    loop {
        let answer = world.get(&format!("/v1/customers/ada/subscriptions?limit=3{page}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        listed.extend(answer.body["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        match answer.body["next"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(listed, made);
}

#[tokio::test(start_paused = true)]
async fn min_version_shows_ones_own_write_before_the_projector_has_run() {
    let mut world = World::new().await;
    world.pause().await;
    let subscription = world.subscribe("k", "ada").await;
    let invoice = world.invoice(&subscription).await;
    assert_eq!(world.get(&format!("/v1/invoices/{invoice}")).await.status, 404);
    let seen = world.get(&format!("/v1/invoices/{invoice}?min_version=1")).await;
    assert_eq!((seen.status, &seen.body["status"], &seen.body["version"]), (200, &json!("open"), &json!(1)));
    let beyond = world.get(&format!("/v1/invoices/{invoice}?min_version=2")).await;
    assert_eq!(beyond.status, 409);
    world.resume();
    world.settle().await;
    assert_eq!(world.get(&format!("/v1/invoices/{invoice}")).await.body, seen.body);
}

#[tokio::test(start_paused = true)]
async fn a_period_is_invoiced_once_whoever_asks() {
    let world = World::new().await;
    let subscription = world.subscribe("k", "ada").await;
    let path = format!("/v1/subscriptions/{subscription}/invoices");
    let first = world.post(&path, "one", &json!({ "period_start": "2026-02-01" })).await;
    let second = world.post(&path, "two", &json!({ "period_start": "2026-02-01" })).await;
    let other = world.post(&path, "three", &json!({ "period_start": "2026-03-01" })).await;
    assert_eq!((first.status, second.status, other.status), (201, 200, 201));
    assert_eq!(first.body["id"], second.body["id"]);
    assert_ne!(first.body["id"], other.body["id"]);
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_answers_alike_and_is_refused_for_another_body() {
    let world = World::new().await;
    let first = world.post("/v1/subscriptions", "k", &subscription("ada")).await;
    let again = world.post("/v1/subscriptions", "k", &subscription("ada")).await;
    let other = world.post("/v1/subscriptions", "k", &subscription("bob")).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!((other.status, other.content_type.as_str()), (409, "application/problem+json"));
    assert_eq!(other.body["type"], "urn:annals:problem:idempotency-key-reused");
}

#[tokio::test(start_paused = true)]
async fn another_tenants_things_are_not_found() {
    let world = World::new().await;
    let subscription = world.subscribe("k", "ada").await;
    let invoice = world.invoice(&subscription).await;
    world.settle().await;
    let paths = [
        ("GET", format!("/v1/subscriptions/{subscription}")),
        ("GET", format!("/v1/subscriptions/{subscription}?min_version=1")),
        ("GET", format!("/v1/invoices/{invoice}?min_version=1")),
        ("POST", format!("/v1/subscriptions/{subscription}/invoices")),
    ];
    let other = world.other().await;
    for (method, path) in paths {
        let uri = format!("{}{path}", annals::system::IN_PROCESS_API);
        let request = http::Request::builder().method(method).uri(uri).header("authorization", &other);
        assert_eq!(world.send(request, r#"{"period_start":"2026-01-01"}"#).await.status, 404, "{method} {path}");
    }
    let uri = format!("{}/v1/customers/ada/subscriptions", annals::system::IN_PROCESS_API);
    let list = world.send(http::Request::get(uri).header("authorization", &other), "").await;
    assert_eq!(list.body, json!({ "items": [], "next": null }));
}
