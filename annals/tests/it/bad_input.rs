//! Hostile input: a clear 4xx in problem+json, and nothing written but, where due, an ACCESS fact.

use annals::system::IN_PROCESS_API;
use annals_reads::Item;
use serde_json::{Value, json};

use crate::world::{World, notice, subscription};

/// `subscription("ada")` with one field replaced.
fn with(field: &str, value: Value) -> String {
    let mut body = subscription("ada");
    body[field] = value;
    body.to_string()
}

fn bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let price = |amount: Value, currency: &str| with("price", json!({ "amount": amount, "currency": currency })).into_bytes();
    let long = "x".repeat(10_000);
    vec![
        ("nothing", vec![], 400),
        ("half a body", b"{\"customer_id\":".to_vec(), 400),
        ("not text", vec![0xff, 0xfe, 0x00], 400),
        ("an array", b"[]".to_vec(), 400),
        ("deep nesting", [b"[".repeat(5_000), b"]".repeat(5_000)].concat(), 400),
        ("an unknown field", with("tenant", json!("other")).into_bytes(), 400),
        ("a missing field", json!({ "customer_id": "ada" }).to_string().into_bytes(), 400),
        ("a wrong type", with("plan", json!(7)).into_bytes(), 400),
        ("a customer with #", with("customer_id", json!("a#b")).into_bytes(), 400),
        ("a customer with a control character", with("customer_id", json!("a\u{1}")).into_bytes(), 400),
        ("a customer of 10,000 letters", with("customer_id", json!(long)).into_bytes(), 400),
        ("an empty customer", with("customer_id", json!("")).into_bytes(), 400),
        ("an unknown interval", with("interval", json!("fortnight")).into_bytes(), 400),
        ("an amount beyond i64", price(json!(1e30), "EUR"), 400),
        ("an amount beyond 2^53", price(json!(i64::MAX), "EUR"), 400),
        ("a fraction", price(json!(49.5), "EUR"), 400),
        ("an amount as text", price(json!("4900"), "EUR"), 400),
        ("an unknown currency", price(json!(4900), "ZZZ"), 400),
        ("a currency in small letters", price(json!(4900), "eur"), 400),
        ("a price below zero", price(json!(-1), "EUR"), 422),
        ("a megabyte", with("plan", json!("x".repeat(1_000_000))).into_bytes(), 413),
        ("two megabytes", vec![b' '; 2 << 20], 413),
    ]
}

#[tokio::test(start_paused = true)]
async fn hostile_bodies_are_refused_clearly_and_write_nothing() {
    let world = World::new().await;
    for (what, body, status) in bodies() {
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/subscriptions")).header("idempotency-key", "k");
        let answer = world.send(request, body).await;
        assert_eq!((answer.status, answer.content_type.as_str()), (status, "application/problem+json"), "{what}: {}", answer.body);
        assert_eq!(answer.body["status"], status, "{what}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && detail.len() < 400 && !detail.chars().any(char::is_control), "{what}: {detail}");
    }
    world.settle().await;
    // A well-formed command that the domain refused is a fact; nothing else is.
    let log = world.items("subscriptions-log").await;
    let keys: Vec<_> = log.iter().map(|item| item["PK"].as_s().unwrap()).collect();
    assert!(keys.len() == 1 && keys[0].starts_with("ACCESS#key-"), "{keys:?}");
    let of_streams = |item: &Item| ["SUB#", "INV#"].iter().any(|kind| item["PK"].as_s().unwrap().starts_with(kind));
    assert_eq!(world.items("subscriptions").await.iter().filter(|item| of_streams(item)).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn hostile_ids_and_parameters_are_refused_clearly() {
    let world = World::new().await;
    let id = world.subscribe("k", "ada").await;
    world.settle().await;
    let long = "x".repeat(10_000);
    let cases = [
        ("/v1/subscriptions/unknown".to_owned(), 404),
        ("/v1/subscriptions/018f2c00-0000-7000-8000-000000000001".to_owned(), 404),
        ("/v1/subscriptions/a%23b".to_owned(), 404),
        ("/v1/subscriptions/a%00b".to_owned(), 404),
        ("/v1/subscriptions/%F0%9F%98%80".to_owned(), 404),
        (format!("/v1/subscriptions/{long}"), 404),
        (format!("/v1/customers/{long}/subscriptions"), 404),
        ("/v1/customers/a%23b/subscriptions".to_owned(), 404),
        ("/v1/customers/ada/subscriptions?limit=0".to_owned(), 400),
        ("/v1/customers/ada/subscriptions?limit=101".to_owned(), 400),
        ("/v1/customers/ada/subscriptions?limit=many".to_owned(), 400),
        ("/v1/customers/ada/subscriptions?page=garbage".to_owned(), 400),
        (format!("/v1/subscriptions/{id}/invoices?issued_from=yesterday"), 400),
        (format!("/v1/subscriptions/{id}?min_version=-1"), 400),
        (format!("/v1/subscriptions/{id}?min_version=99"), 409),
        ("/v1/webhooks?disposition=a%23b".to_owned(), 400),
        ("/nowhere".to_owned(), 404),
    ];
    for (path, status) in cases {
        let answer = world.get(&path).await;
        let shown: String = path.chars().take(60).collect();
        assert_eq!((answer.status, answer.content_type.as_str()), (status, "application/problem+json"), "{shown}: {}", answer.body);
    }
    let wrong_method = world.send(http::Request::delete(format!("{IN_PROCESS_API}/v1/subscriptions/{id}")), "").await;
    assert_eq!(wrong_method.status, 405);
}

#[tokio::test(start_paused = true)]
async fn a_page_token_is_good_for_its_own_list_and_tenant_only() {
    let world = World::new().await;
    for n in 0..3 {
        world.subscribe(&format!("k{n}"), "ada").await;
    }
    world.settle().await;
    let page = world.get("/v1/customers/ada/subscriptions?limit=1").await.body["next"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/v1/customers/ada/subscriptions?limit=1&page={page}")).await.status, 200);
    assert_eq!(world.get(&format!("/v1/customers/bob/subscriptions?limit=1&page={page}")).await.status, 400);
    let uri = format!("{IN_PROCESS_API}/v1/customers/ada/subscriptions?limit=1&page={page}");
    assert_eq!(world.send(http::Request::get(uri).header("authorization", world.other().await), "").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn callers_without_a_valid_session_or_key_are_refused() {
    let world = World::new().await;
    let key = world.demo();
    let forged = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { 1 } else { 0 });
    for (header, value, status) in [
        ("authorization", "", 401),
        ("authorization", "Bearer", 403),
        ("authorization", "Basic b3duZXI6cGFzc3dvcmQ=", 403),
        ("authorization", "Bearer annals_key_demo_owner", 403),
        ("authorization", forged.as_str(), 403),
        ("idempotency-key", "", 400),
        ("idempotency-key", "ключ", 400),
    ] {
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/subscriptions")).header(header, value);
        let answer = world.send(request, subscription("ada").to_string()).await;
        assert_eq!(answer.status, status, "{header}: {value}: {}", answer.body);
    }
    // Who says in a header who they are has said nothing.
    let request = http::Request::post(format!("{IN_PROCESS_API}/v1/subscriptions")).header("x-annals-tenant", "demo");
    assert_eq!(world.send_as_it_is(request, subscription("ada").to_string()).await.status, 401);
    assert_eq!(world.count("subscriptions-log").await, 0);
}

#[tokio::test(start_paused = true)]
async fn bad_and_stale_signatures_are_refused_and_noted_once_a_minute() {
    let world = World::new().await;
    let invoice = world.invoice(&world.subscribe("k", "ada").await).await;
    let before = world.count("subscriptions-log").await;
    let body = notice("evt_1", "invoice.paid", &invoice, 4900, 1);
    let secret = world.system.credentials().webhook_secret();
    let signed = |seconds: i64, secret: &str| {
        billing_service::signature::sign(&body, secret, world.clock.now().plus(chrono::TimeDelta::seconds(seconds)))
    };
    let headers =
        [signed(-301, secret), signed(301, secret), signed(0, "another secret"), "t=,v1=".into(), "nonsense".into(), String::new()];
    for header in headers {
        let request = http::Request::post(format!("{IN_PROCESS_API}/v1/webhooks/stripe")).header("stripe-signature", &header);
        let answer = world.send(request, body.clone()).await;
        assert_eq!((answer.status, &answer.body["type"]), (400, &json!("urn:annals:problem:bad-signature")), "{header}");
    }
    let unsigned = world.send(http::Request::post(format!("{IN_PROCESS_API}/v1/webhooks/stripe")), body.clone()).await;
    assert_eq!(unsigned.status, 400);
    for seconds in [-300, 300] {
        let request =
            http::Request::post(format!("{IN_PROCESS_API}/v1/webhooks/stripe")).header("stripe-signature", signed(seconds, secret));
        assert_eq!(world.send(request, body.clone()).await.status, 200);
    }
    let after = world.items("subscriptions-log").await;
    let access = after.iter().filter(|item| item["PK"].as_s().unwrap().starts_with("ACCESS#stripe-unverified-")).count();
    // One refusal noted, six counted until the next minute; one payment, and its repetition.
    assert_eq!((after.len() - before, access), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn signed_nonsense_is_refused_and_hostile_events_are_kept() {
    let world = World::new().await;
    for body in [
        &b"{"[..],
        b"{}",
        b"[]",
        b"\xff",
        br#"{"id":"a#b","type":"t","created":1,"data":{"object":{}}}"#,
        br#"{"id":"evt_1","type":"","created":1,"data":{"object":{}}}"#,
    ] {
        assert_eq!(world.webhook(body).await.status, 400, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(world.count("subscriptions-log").await, 0);
    let hostile = [
        json!({ "id": "evt_1", "type": "invoice.paid", "created": 1, "data": { "object": {} } }),
        json!({ "id": "evt_2", "type": "invoice.paid", "created": 1, "data": { "object": { "id": "in_1", "currency": "zzz", "amount_due": 1 } } }),
        json!({ "id": "evt_3", "type": "a#b$c", "created": 1, "data": { "object": "text" } }),
        json!({ "id": "evt_4", "type": "invoice.paid", "created": 1, "data": { "object": { "id": "in_1", "currency": "eur", "created": 1, "amount_due": i64::MAX, "amount_paid": i64::MAX } } }),
    ];
    for body in hostile {
        let answer = world.webhook(body.to_string().as_bytes()).await;
        assert_eq!((answer.status, &answer.body["outcome"]), (200, &json!("not-understood")), "{body}");
    }
    world.settle().await;
    assert_eq!(world.get("/v1/webhooks?disposition=not-understood").await.body["items"].as_array().unwrap().len(), 4);
}
