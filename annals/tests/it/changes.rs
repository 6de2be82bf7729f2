//! Plans, changes, ends and what they come to, over HTTP and on schedule, on a virtual clock.

use std::time::Duration;

use annals::system::IN_PROCESS_API;
use annals_projection::Follower;
use annals_projection::consumer::Consumer;
use serde_json::{Value, json};

use crate::world::{World, notice};

async fn ask(world: &World, path: &str, key: &str, body: Value, status: u16) -> Value {
    let answer = world.post(path, key, &body).await;
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
    world.settle().await;
    answer.body
}

/// What the schedule does; nothing may fail.
async fn tick(world: &World) {
    world.settle().await;
    let report = world.system.local().invoke("generate-due-invoices", json!({})).await.unwrap();
    assert!(report["failed"] == 0 && report["finished"] == true, "{report}");
    world.settle().await;
}

/// Days pass, once everything is delivered: a stream keeps its records for one.
async fn days(world: &World, days: u32) {
    world.settle().await;
    tokio::time::advance(Duration::from_secs(86_400) * days).await;
    world.settle().await;
}

/// The price book: pro at 49.00 and team at 80.00 a month, 490.00 and 800.00 a year.
async fn price_book(world: &World) {
    for (plan, month) in [("pro", 49_00), ("team", 80_00)] {
        let price = |interval: &str, amount: i64| json!({ "interval": interval, "price": { "amount": amount, "currency": "EUR" } });
        let draft = json!({ "prices": [price("month", month), price("year", month * 10)], "trial_days": 0 });
        ask(world, &format!("/v1/plans/{plan}/drafts"), &format!("draft-{plan}"), draft, 200).await;
        ask(world, &format!("/v1/plans/{plan}/releases"), &format!("release-{plan}"), json!({ "version": 1 }), 200).await;
    }
}

/// A subscription to pro by the price book, with 19 % of tax, whose first period is invoiced.
async fn subscribed(world: &World) -> String {
    price_book(world).await;
    let body = json!({ "customer_id": "ada", "plan": "pro", "currency": "EUR", "interval": "month", "tax_percent": "19" });
    let id = ask(world, "/v1/subscriptions", "k", body, 201).await["id"].as_str().unwrap().to_owned();
    tick(world).await;
    id
}

async fn row(world: &World, id: &str) -> Value {
    world.get(&format!("/v1/subscriptions/{id}")).await.body
}

/// Amount, tax, credited and status of each document of the subscription, by amount.
async fn documents(world: &World, id: &str) -> Vec<(i64, i64, i64, String)> {
    let list = world.get(&format!("/v1/subscriptions/{id}/invoices?limit=100")).await.body;
    let number = |item: &Value, name: &str| item[name].as_i64().unwrap_or(0);
    let one =
        |item: &Value| (number(item, "amount"), number(item, "tax"), number(item, "credited"), item["status"].as_str().unwrap().to_owned());
    let mut documents: Vec<_> = list["items"].as_array().unwrap().iter().map(one).collect();
    documents.sort();
    documents
}

async fn totals(world: &World, name: &str) -> Vec<(String, i128)> {
    let session = annals::session::Session::of(world.system.clone());
    let projector = billing_projectors::projector(&session.host("auditor"), "annals");
    let follower: &Follower = projector.followers().iter().find(|follower| follower.name() == name).unwrap();
    let totals = follower.totals(&"demo".parse().unwrap()).await.unwrap();
    totals.iter().map(|(key, amount)| (key.to_string(), amount.sum)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_price_book_sells_what_was_released_and_keeps_it() {
    let world = World::new().await;
    price_book(&world).await;
    let draft = json!({ "prices": [{ "interval": "month", "price": { "amount": 5900, "currency": "EUR" } }], "trial_days": 14 });
    ask(&world, "/v1/plans/pro/drafts", "second", draft, 200).await;
    let plan = world.get("/v1/plans/pro").await.body;
    assert_eq!((&plan["status"], &plan["newest"], &plan["draft"]["version"]), (&json!("released"), &json!(1), &json!(2)));
    let buy = |version: Option<u32>| {
        let mut body = json!({ "customer_id": "ada", "plan": "pro", "currency": "EUR", "interval": "month" });
        version.iter().for_each(|version| body["plan_version"] = json!(version));
        body
    };
    assert_eq!(ask(&world, "/v1/subscriptions", "draft", buy(Some(2)), 422).await["type"], "urn:annals:problem:not-offered");
    ask(&world, "/v1/plans/pro/releases", "release-2", json!({ "version": 2 }), 200).await;
    let id = ask(&world, "/v1/subscriptions", "new", buy(None), 201).await["id"].as_str().unwrap().to_owned();
    let bought = row(&world, &id).await;
    let shown = (&bought["price"], &bought["plan_version"], &bought["status"], &bought["trial_ends_on"], &bought["mrr"]);
    assert_eq!(shown, (&json!(5900), &json!(2), &json!("trialing"), &json!("2026-01-15"), &json!(0)));
    let id = ask(&world, "/v1/subscriptions", "old", buy(Some(1)), 201).await["id"].as_str().unwrap().to_owned();
    assert_eq!(row(&world, &id).await["price"], 4900);
    ask(&world, "/v1/plans/pro/retirement", "retire", json!({}), 200).await;
    assert_eq!(ask(&world, "/v1/subscriptions", "gone", buy(None), 422).await["type"], "urn:annals:problem:not-offered");
    let listed = world.get("/v1/plans").await.body;
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|plan| (plan["plan"].as_str().unwrap(), plan["status"].as_str().unwrap())).collect();
    assert_eq!(names, [("pro", "retired"), ("team", "released")]);
    assert_eq!(world.get("/v1/plans/none").await.status, 404);
    // A trial is over on its day, and is invoiced from then on.
    days(&world, 14).await;
    tick(&world).await;
    assert_eq!(totals(&world, "mrr-movements").await, [("EUR/pro/2026-01/new".to_owned(), 49_00 + 59_00)]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_invoiced_by_the_next_tick_and_a_downgrade_credited() {
    let world = World::new().await;
    let id = subscribed(&world).await;
    // 49.00 and 19 %: 58.31.
    assert_eq!(documents(&world, &id).await, [(58_31, 9_31, 0, "open".to_owned())]);
    days(&world, 10).await;
    let path = format!("/v1/subscriptions/{id}/changes");
    let upgrade = json!({ "plan": "team", "when": "now" });
    let first = ask(&world, &path, "up", upgrade.clone(), 200).await;
    assert_eq!(ask(&world, &path, "up", upgrade, 200).await, first, "the same key, the same answer");
    assert_eq!(row(&world, &id).await["adjustments"], 1);
    tick(&world).await;
    tick(&world).await;
    // 31.00 for 21 of 31 days are 21.00, and 3.99 of tax.
    assert_eq!(documents(&world, &id).await, [(24_99, 3_99, 0, "open".to_owned()), (58_31, 9_31, 0, "open".to_owned())]);
    assert_eq!(row(&world, &id).await["adjustments"], Value::Null);
    days(&world, 10).await;
    ask(&world, &path, "down", json!({ "plan": "pro", "when": "now" }), 200).await;
    tick(&world).await;
    // 31.00 for 11 of 31 days are 11.00 and 2.09: credited on the period's invoice.
    assert_eq!(documents(&world, &id).await, [(24_99, 3_99, 0, "open".to_owned()), (58_31, 9_31, 13_09, "open".to_owned())]);
    assert_eq!(totals(&world, "receivables-by-customer").await, [("EUR/ada".to_owned(), 58_31 + 24_99 - 13_09)]);
    let movements = totals(&world, "mrr-movements").await;
    assert_eq!(
        movements,
        [
            ("EUR/pro/2026-01/contraction".to_owned(), -31_00),
            ("EUR/pro/2026-01/new".to_owned(), 49_00),
            ("EUR/team/2026-01/expansion".to_owned(), 31_00)
        ]
    );
    // Earned in January: 10 days of 49, 10 of 80 and 11 of 49, by the day.
    let accounts = totals(&world, "account-balances").await;
    let on = |key: &str| accounts.iter().find(|(name, _)| name == key).map_or(0, |(_, sum)| *sum);
    assert_eq!((on("revenue/EUR/2026-01"), on("tax/EUR/2026-01"), on("receivable/EUR/2026-01")), (-59_00, -11_21, 70_21));
    assert_eq!((on("deferred-revenue/EUR/2026-01"), accounts.iter().map(|(_, sum)| sum).sum::<i128>()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_today_gives_back_more_than_one_invoice_holds_on_a_note_of_its_own_and_it_is_paid_out() {
    let world = World::new().await;
    let id = subscribed(&world).await;
    ask(&world, &format!("/v1/subscriptions/{id}/changes"), "up", json!({ "plan": "team", "when": "now" }), 200).await;
    tick(&world).await;
    ask(&world, &format!("/v1/subscriptions/{id}/cancellation"), "end", json!({ "when": "now" }), 200).await;
    tick(&world).await;
    // All 31 days of 80.00, 95.20 with tax: 58.31 on the period's invoice, the rest on a note of its own.
    let wanted = [(-36_89, -5_89, 0, "credit-note"), (36_89, 5_89, 0, "open"), (58_31, 9_31, 58_31, "credited")];
    assert_eq!(documents(&world, &id).await, wanted.map(|(amount, tax, credited, status)| (amount, tax, credited, status.to_owned())));
    assert_eq!((row(&world, &id).await["status"].clone(), row(&world, &id).await["mrr"].clone()), (json!("cancelled"), json!(0)));
    let list = world.get(&format!("/v1/subscriptions/{id}/invoices")).await.body;
    let note =
        list["items"].as_array().unwrap().iter().find(|item| item["status"] == "credit-note").unwrap()["id"].as_str().unwrap().to_owned();
    let refund = |amount: i64| json!({ "amount": { "amount": amount, "currency": "EUR" } });
    let path = format!("/v1/invoices/{note}/refunds");
    assert_eq!(ask(&world, &path, "too-much", refund(36_90), 409).await["type"], "urn:annals:problem:not-owed");
    ask(&world, &path, "out", refund(36_89), 201).await;
    assert_eq!(ask(&world, &path, "again", refund(1), 409).await["type"], "urn:annals:problem:not-owed");
    assert_eq!(world.get(&format!("/v1/invoices/{note}")).await.body["refunded"], 36_89);
    // It goes on from today, and the day is invoiced again.
    ask(&world, &format!("/v1/subscriptions/{id}/reactivation"), "back", json!({}), 200).await;
    tick(&world).await;
    assert_eq!(documents(&world, &id).await.last().unwrap(), &(95_20, 15_20, 0, "open".to_owned()));
    let movements = totals(&world, "mrr-movements").await;
    let of = |kind: &str| movements.iter().find(|(key, _)| key.ends_with(kind)).map(|(_, sum)| *sum);
    assert_eq!((of("/churn"), of("/reactivation")), (Some(-80_00), Some(80_00)));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_period_and_what_was_scheduled_begins_with_the_next() {
    let world = World::new().await;
    let id = subscribed(&world).await;
    let path = |what: &str| format!("/v1/subscriptions/{id}/{what}");
    ask(&world, &path("changes"), "year", json!({ "interval": "year", "when": "period-end" }), 200).await;
    assert_eq!(row(&world, &id).await["next_terms"]["price"]["amount"], 490_00);
    days(&world, 31).await;
    tick(&world).await;
    assert_eq!(documents(&world, &id).await, [(58_31, 9_31, 0, "open".to_owned()), (583_10, 93_10, 0, "open".to_owned())]);
    let now = row(&world, &id).await;
    assert_eq!((&now["interval"], &now["next_period_start"], &now["mrr"]), (&json!("year"), &json!("2027-02-01"), &json!(40_83)));
    ask(&world, &path("cancellation"), "end", json!({ "when": "period-end" }), 200).await;
    assert_eq!(
        (row(&world, &id).await["ends_on"].clone(), row(&world, &id).await["status"].clone()),
        (json!("2027-02-01"), json!("active"))
    );
    ask(&world, &path("reactivation"), "stay", json!({}), 200).await;
    assert_eq!(row(&world, &id).await["ends_on"], Value::Null);
    ask(&world, &path("cancellation"), "end-again", json!({ "when": "period-end" }), 200).await;
    days(&world, 366).await;
    tick(&world).await;
    assert_eq!(row(&world, &id).await["status"], "cancelled");
    assert_eq!(documents(&world, &id).await.len(), 2, "nothing is invoiced after the end");
}

#[tokio::test(start_paused = true)]
async fn a_credit_settles_what_is_past_due_and_dunning_goes_on_for_what_is_left() {
    let world = World::new().await;
    let id = subscribed(&world).await;
    let invoice = world.get(&format!("/v1/subscriptions/{id}/invoices")).await.body["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.webhook(&notice("evt_1", "invoice.payment_failed", &invoice, 0, 1)).await.status, 200);
    world.settle().await;
    assert_eq!(row(&world, &id).await["status"], "past-due");
    let credit = |amount: i64| json!({ "amount": { "amount": amount, "currency": "EUR" }, "reason": "goodwill" });
    let path = format!("/v1/invoices/{invoice}/credit-notes");
    ask(&world, &path, "part", credit(8_31), 201).await;
    assert_eq!(
        (row(&world, &id).await["status"].clone(), world.get(&format!("/v1/invoices/{invoice}")).await.body["status"].clone()),
        (json!("past-due"), json!("past-due"))
    );
    assert_eq!(ask(&world, &path, "more", credit(50_01), 409).await["type"], "urn:annals:problem:more-than-charged");
    ask(&world, &path, "rest", credit(50_00), 201).await;
    assert_eq!(
        (row(&world, &id).await["status"].clone(), world.get(&format!("/v1/invoices/{invoice}")).await.body["status"].clone()),
        (json!("active"), json!("credited"))
    );
    assert!(totals(&world, "receivables-by-customer").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_domain_refuses_is_told_with_what_to_do_and_other_tenants_find_nothing() {
    let world = World::new().await;
    let id = subscribed(&world).await;
    let path = format!("/v1/subscriptions/{id}/changes");
    let refused = |answer: Value| answer["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    for (key, body, status, code) in [
        ("interval", json!({ "interval": "year", "when": "now" }), 422, "interval-in-mid-period"),
        ("plan", json!({ "plan": "none", "when": "now" }), 422, "not-offered"),
        ("none", json!({ "quantity": 0, "when": "now" }), 422, "no-quantity"),
        ("twice", json!({ "plan_version": 1, "price": { "amount": 1, "currency": "EUR" }, "when": "now" }), 422, "price-twice"),
        ("dollars", json!({ "price": { "amount": 1, "currency": "USD" }, "when": "now" }), 422, "other-currency"),
        ("when", json!({ "quantity": 2 }), 400, "invalid"),
        ("unknown", json!({ "quantity": 2, "when": "now", "discount": 5 }), 400, "invalid"),
    ] {
        assert_eq!(refused(ask(&world, &path, key, body, status).await), code);
    }
    for (path, body) in [
        (path.clone(), json!({ "quantity": 2, "when": "now" })),
        (format!("/v1/subscriptions/{id}/cancellation"), json!({ "when": "now" })),
        (format!("/v1/subscriptions/{id}/reactivation"), json!({})),
    ] {
        let request = http::Request::post(format!("{IN_PROCESS_API}{path}")).header("authorization", world.other().await);
        assert_eq!(world.send(request, body.to_string()).await.status, 404, "{path}");
    }
}
