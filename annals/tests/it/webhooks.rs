//! Webhook bodies that others recorded: `../shared/data/stripe-webhooks`, beside the checkout where it is present.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::World;

fn bodies() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/stripe-webhooks");
    if !folder.is_dir() {
        println!("skipped: no ../shared/data");
        return None;
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    Some(files.into_iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())).collect())
}

/// Posts every body twice; how often each outcome came, and the bodies' marker texts that must not be readable in the log.
async fn post_twice(world: &World, bodies: &[(String, Vec<u8>)]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for round in 0..2 {
        for (name, body) in bodies {
            let answer = world.webhook(body).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            if round == 0 {
                *outcomes.entry(answer.body["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    world.settle().await;
    outcomes
}

async fn kept(world: &World, disposition: &str) -> Vec<Value> {
    let (mut rows, mut page) = (vec![], String::new());
    loop {
        let answer = world.get(&format!("/v1/webhooks?disposition={disposition}&limit=50{page}")).await;
        rows.extend(answer.body["items"].as_array().unwrap().clone());
        match answer.body["next"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_known_customer_every_body_is_kept_once() {
    let Some(bodies) = bodies() else { return };
    let world = World::new().await;
    let outcomes = post_twice(&world, &bodies).await;
    assert_eq!(outcomes, BTreeMap::from([("not-understood".into(), 81), ("unmatched".into(), 7)]));
    assert_eq!(world.count("subscriptions-log").await, bodies.len());
    let unmatched = kept(&world, "unmatched").await;
    // Three invoices, and four notices of a subscription.
    assert_eq!(unmatched.len(), 7);
    assert!(unmatched.iter().all(|row| row["customer"] == "cus_00000000000000" && row["digest"].as_str().unwrap().len() == 64));
    let counted: u64 = kept(&world, "not-understood").await.iter().map(|row| row["bodies"].as_u64().unwrap()).sum();
    assert_eq!(counted, 81);
}

#[tokio::test(start_paused = true)]
async fn about_a_known_customer_a_payment_is_recorded_once_and_a_receipt_sent_once() {
    let Some(bodies) = bodies() else { return };
    let world = World::new().await;
    let subscription = world.subscribe("k", "cus_00000000000000").await;
    world.settle().await;
    let outcomes = post_twice(&world, &bodies).await;
    // The provider tells of one payment twice, and of a failed attempt before it, late.
    assert_eq!(
        outcomes,
        BTreeMap::from([("not-understood".into(), 81), ("recorded".into(), 1), ("superseded".into(), 2), ("unmatched".into(), 4)])
    );
    // The subscription, one commit for every body.
    assert_eq!(world.count("subscriptions-log").await, 1 + bodies.len());
    let invoices = world.get(&format!("/v1/subscriptions/{subscription}/invoices")).await.body;
    assert_eq!(invoices["items"].as_array().unwrap().len(), 1);
    let invoice = &invoices["items"][0];
    assert_eq!((&invoice["amount"], &invoice["currency"], &invoice["status"]), (&json!(2000), &json!("USD"), &json!("paid")));
    assert_eq!(world.system.local().mail().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bodies_are_sealed_wherever_they_are_kept() {
    let world = World::new().await;
    let marker = "marker-3f9a1c";
    let body = json!({ "id": "evt_1", "type": "customer.created", "created": 1, "data": { "object": { "id": "cus_1", "customer": "cus_1", "email": marker } } });
    assert_eq!(world.webhook(body.to_string().as_bytes()).await.status, 200);
    world.settle().await;
    for table in ["subscriptions-log", "subscriptions", "billing-vault"] {
        let items = world.items(table).await;
        assert!(!items.is_empty() && !format!("{items:?}").contains(marker), "{table} holds the body in the open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_stands_as_its_newest_notice_says_whatever_comes_last() {
    let Some(bodies) = bodies() else { return };
    let of = |name: &str| bodies.iter().find(|(file, _)| file == name).unwrap().1.clone();
    let (created, updated, deleted) =
        (of("customer.subscription.created.json"), of("customer.subscription.updated.json"), of("customer.subscription.deleted.json"));
    // By their own clocks: deleted, updated, created. Each a day later than the other, as they would be.
    let dated = |body: &[u8], created: i64, quantity: u32| {
        let mut body: Value = serde_json::from_slice(body).unwrap();
        body["created"] = json!(created);
        body["id"] = json!(format!("evt_{created}_{quantity}"));
        body["data"]["object"]["items"]["data"][0]["quantity"] = json!(quantity);
        body.to_string().into_bytes()
    };
    let first = 1_767_225_600;
    let told = [dated(&created, first, 1), dated(&updated, first + 86_400, 3), dated(&updated, first + 172_800, 2)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = World::new().await;
        let extra = json!({ "customer_id": "ada", "plan": "pro", "price": { "amount": 1500, "currency": "USD" }, "interval": "month",
            "provider_subscription": "sub_000000000000000000000000" });
        let id = world.post("/v1/subscriptions", "k", &extra).await.body["id"].as_str().unwrap().to_owned();
        for number in order {
            for _ in 0..2 {
                assert_eq!(world.webhook(&told[number]).await.status, 200);
            }
        }
        world.settle().await;
        let row = world.get(&format!("/v1/subscriptions/{id}")).await.body;
        assert_eq!((&row["quantity"], &row["status"], &row["mrr"]), (&json!(2), &json!("active"), &json!(3000)), "{order:?}");
        // Its end, and nothing after it.
        for body in [dated(&deleted, first + 259_200, 2), dated(&updated, first + 345_600, 9)] {
            assert_eq!(world.webhook(&body).await.status, 200);
        }
        world.settle().await;
        let row = world.get(&format!("/v1/subscriptions/{id}")).await.body;
        assert_eq!((&row["quantity"], &row["status"], &row["mrr"]), (&json!(2), &json!("cancelled"), &json!(0)), "{order:?}");
        // One commit for every body.
        assert_eq!(world.count("subscriptions-log").await, 1 + 5);
    }
}

/// A charge of which so much was paid back, of the provider's invoice in_1.
fn refund(event: &str, refunded: i64) -> Vec<u8> {
    let object = json!({ "id": "ch_1", "object": "charge", "customer": "ada", "invoice": "in_1", "currency": "eur", "amount": 4900, "amount_refunded": refunded });
    json!({ "id": event, "type": "charge.refunded", "created": 1_767_225_700, "data": { "object": object } }).to_string().into_bytes()
}

fn credit_note(event: &str, kind: &str, status: &str) -> Vec<u8> {
    let object = json!({ "id": "cn_1", "object": "credit_note", "customer": "ada", "invoice": "in_1", "currency": "eur", "total": 900, "status": status });
    json!({ "id": event, "type": kind, "created": 1_767_225_700, "data": { "object": object } }).to_string().into_bytes()
}

fn paid() -> Vec<u8> {
    let object = json!({ "id": "in_1", "customer": "ada", "subscription": "sub_1", "currency": "eur", "created": 1_767_225_600, "amount_due": 4900,
        "amount_paid": 4900, "amount_remaining": 0, "attempt_count": 1 });
    json!({ "id": "evt_paid", "type": "invoice.paid", "created": 1_767_225_650, "data": { "object": object } }).to_string().into_bytes()
}

#[tokio::test(start_paused = true)]
async fn refunds_and_credit_notes_of_the_providers_come_to_the_same_in_any_order() {
    let told = [paid(), credit_note("evt_note", "credit_note.created", "issued"), refund("evt_back", 900)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = World::new().await;
        let extra = json!({ "customer_id": "ada", "plan": "pro", "price": { "amount": 4900, "currency": "EUR" }, "interval": "month",
            "provider_subscription": "sub_1" });
        let id = world.post("/v1/subscriptions", "k", &extra).await.body["id"].as_str().unwrap().to_owned();
        world.settle().await;
        // What is not answered 2xx is sent again, as the provider does.
        let mut waiting: Vec<&Vec<u8>> = order.iter().map(|number| &told[*number]).collect();
        for _ in 0..3 {
            let mut again = vec![];
            for body in waiting {
                let status = world.webhook(body).await.status;
                assert!([200, 409].contains(&status), "{status}");
                if status == 409 {
                    again.push(body);
                }
            }
            waiting = again;
        }
        assert!(waiting.is_empty(), "{order:?}");
        world.settle().await;
        let invoice = world.get(&format!("/v1/subscriptions/{id}/invoices")).await.body["items"][0].clone();
        let amounts = ["amount", "received", "credited", "refunded"].map(|name| invoice[name].as_i64().unwrap_or(0));
        assert_eq!((amounts, &invoice["status"]), ([4900, 4900, 900, 900], &json!("paid")), "{order:?}");
        // Void in the end, and its beginning, told late, counts no more.
        for body in [credit_note("evt_void", "credit_note.voided", "void"), credit_note("evt_late", "credit_note.updated", "issued")] {
            assert_eq!(world.webhook(&body).await.status, 200);
        }
        world.settle().await;
        let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
        assert_eq!(world.get(&path).await.body["credited"], Value::Null, "{order:?}");
        let notes = world.get(&format!("{path}/credit-notes")).await.body;
        assert_eq!((&notes["items"][0]["status"], notes["items"].as_array().unwrap().len()), (&json!("void"), 1));
        let payments = world.get(&format!("{path}/payments")).await.body;
        let mut moved: Vec<i64> = payments["items"].as_array().unwrap().iter().map(|payment| payment["amount"].as_i64().unwrap()).collect();
        moved.sort_unstable();
        assert_eq!(moved, [-900, 4900]);
    }
}
