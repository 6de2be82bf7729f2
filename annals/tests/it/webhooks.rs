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
    assert_eq!(outcomes, BTreeMap::from([("not-understood".into(), 85), ("unmatched".into(), 3)]));
    assert_eq!(world.count("subscriptions-log").await, bodies.len());
    let unmatched = kept(&world, "unmatched").await;
    assert_eq!(unmatched.len(), 3);
    assert!(unmatched.iter().all(|row| row["customer"] == "cus_00000000000000" && row["digest"].as_str().unwrap().len() == 64));
    let counted: u64 = kept(&world, "not-understood").await.iter().map(|row| row["bodies"].as_u64().unwrap()).sum();
    assert_eq!(counted, 85);
}

#[tokio::test(start_paused = true)]
async fn about_a_known_customer_a_payment_is_recorded_once_and_a_receipt_sent_once() {
    let Some(bodies) = bodies() else { return };
    let world = World::new().await;
    let subscription = world.subscribe("k", "cus_00000000000000").await;
    world.settle().await;
    let outcomes = post_twice(&world, &bodies).await;
    // The provider tells of one payment twice, and of a failed attempt before it, late.
    assert_eq!(outcomes, BTreeMap::from([("not-understood".into(), 85), ("recorded".into(), 1), ("superseded".into(), 2)]));
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
