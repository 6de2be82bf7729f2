//! How projections stand to their logs, and how they are mended.

use std::path::Path;

use annals::cli::Cli;
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use annals::session::Session;
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;

use crate::world::{World, notice};

/// Every projection there is.
const ALL: [&str; 13] = [
    "notifications",
    "subscriptions",
    "invoices",
    "plans",
    "webhooks",
    "payments",
    "credit-notes",
    "open-invoices",
    "revenue-by-month",
    "mrr-movements",
    "receivables-by-customer",
    "active-customers",
    "account-balances",
];

async fn ask(world: &World, arguments: &[&str]) -> Result<Answer, CouldNotTell> {
    let cli = Cli::try_parse_from(["annals"].iter().chain(arguments)).unwrap();
    commands::ask(&Session::of(world.system.clone()), cli.command.unwrap(), Path::new("unused")).await
}

async fn says(world: &World, arguments: &[&str], answer: Answer) {
    assert_eq!(ask(world, arguments).await.unwrap(), answer, "{arguments:?}");
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An invoice that is paid in part.
async fn paid(world: &World) -> String {
    let subscription = world.subscribe("a", "ada").await;
    let invoice = world.invoice(&subscription).await;
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &invoice, 1900, 1)).await.status, 200);
    world.settle().await;
    invoice
}

/// The stored item whose key begins so.
async fn item(world: &World, pk: &str, sk: &str) -> Item {
    let items = world.items("subscriptions").await;
    let is = |item: &&Item| item["PK"].as_s().unwrap().starts_with(pk) && item["SK"].as_s().unwrap().starts_with(sk);
    items.iter().find(is).unwrap_or_else(|| panic!("{pk} {sk}")).clone()
}

/// Someone with every right changes an item.
async fn change(world: &World, mut item: Item, changes: &[(&str, AttributeValue)]) {
    changes.iter().for_each(|(name, value)| drop(item.insert((*name).to_owned(), value.clone())));
    let administrator = world.system.account("administrator").sdk_dynamodb();
    administrator.put_item().table_name("subscriptions").set_item(Some(item)).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn projections_that_have_everything_are_what_their_logs_fold_to() {
    let world = World::new().await;
    let invoice = paid(&world).await;
    says(&world, &["projections"], Answer::Yes).await;
    says(&world, &["projections", "--json"], Answer::Yes).await;
    for name in ALL {
        says(&world, &["diff", name], Answer::Yes).await;
        says(&world, &["rebuild", name], Answer::Yes).await;
    }
    says(&world, &["unpark", "payments", &format!("INV#{invoice}")], Answer::Yes).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_a_state_a_moving_row_and_a_total_changed_by_hand_are_told() {
    let world = World::new().await;
    let invoice = paid(&world).await;
    let row = item(&world, &format!("INV#{invoice}"), "META").await;
    change(&world, row, &[("status", text("PAID"))]).await;
    let payment = item(&world, &format!("INV#{invoice}"), "PAY#").await;
    change(&world, payment, &[("amount", number(1))]).await;
    let stamp = item(&world, "STAMP#INV#", "receivables").await;
    change(&world, stamp, &[("state", AttributeValue::M([("open".to_owned(), number(0))].into()))]).await;
    let total = item(&world, "TOTAL#demo#revenue-by-month", "").await;
    change(&world, total, &[("amount", number(1))]).await;
    for name in ["invoices", "payments", "receivables-by-customer", "revenue-by-month"] {
        says(&world, &["diff", name], Answer::No).await;
        says(&world, &["diff", name, "--json"], Answer::No).await;
    }
    for name in ["subscriptions", "open-invoices", "mrr-movements", "account-balances"] {
        says(&world, &["diff", name], Answer::Yes).await;
    }
    // A row that is gone is told as well.
    let open = item(&world, "OPEN#ada", "").await;
    let administrator = world.system.account("administrator").sdk_dynamodb();
    let delete = administrator.delete_item().table_name("subscriptions").key("PK", open["PK"].clone()).key("SK", open["SK"].clone());
    delete.send().await.unwrap();
    says(&world, &["diff", "open-invoices"], Answer::No).await;
}

#[tokio::test(start_paused = true)]
async fn streams_of_an_older_revision_are_rebuilt_and_then_are_what_their_logs_fold_to() {
    let world = World::new().await;
    let invoice = paid(&world).await;
    // As older code left them.
    let row = item(&world, "SUB#", "META").await;
    change(&world, row, &[("rev", number(1)), ("status", text("as it was once"))]).await;
    let stamp = item(&world, &format!("STAMP#INV#{invoice}"), "payments").await;
    change(&world, stamp, &[("rev", number(0)), ("state", AttributeValue::L(vec![]))]).await;
    says(&world, &["projections"], Answer::No).await;
    says(&world, &["rebuild", "subscriptions"], Answer::Yes).await;
    says(&world, &["projections"], Answer::No).await;
    says(&world, &["rebuild", "payments", "--stream", &format!("INV#{invoice}")], Answer::Yes).await;
    says(&world, &["projections"], Answer::Yes).await;
    for name in ["subscriptions", "payments"] {
        says(&world, &["diff", name], Answer::Yes).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_stream_is_listed_with_its_reason_and_tried_again() {
    let world = World::new().await;
    let invoice = paid(&world).await;
    let stamp = item(&world, &format!("STAMP#INV#{invoice}"), "payments").await;
    let parked = [("version", number(1)), ("reason", text("INVOICE_ISSUED: not yet")), ("at", text("2026-01-31T09:30:00.000000Z"))];
    let parked = AttributeValue::M(parked.map(|(name, value)| (name.to_owned(), value)).into());
    let nothing = [("ver", number(0)), ("state", AttributeValue::L(vec![])), ("keys", AttributeValue::L(vec![])), ("parked", parked)];
    change(&world, stamp, &nothing).await;
    says(&world, &["projections"], Answer::No).await;
    says(&world, &["unpark", "payments", &format!("INV#{invoice}")], Answer::Yes).await;
    says(&world, &["projections"], Answer::Yes).await;
    says(&world, &["diff", "payments"], Answer::Yes).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_told_with_what_there_is() {
    let world = World::new().await;
    paid(&world).await;
    for arguments in [&["rebuild", "payment"][..], &["diff", "payment"], &["unpark", "payment", "INV#1"]] {
        let CouldNotTell { what, next } = ask(&world, arguments).await.unwrap_err();
        assert!(what.contains("`payment`") && next.contains("payments"), "{what}; {next}");
    }
    for arguments in
        [&["rebuild", "payments", "--stream", "INV#none"][..], &["unpark", "payments", "INV#none"], &["unpark", "payments", "none"]]
    {
        let CouldNotTell { next, .. } = ask(&world, arguments).await.unwrap_err();
        assert!(next.contains("nothing was"), "{next}");
    }
    let subscription = item(&world, "SUB#", "META").await["PK"].as_s().unwrap().clone();
    let CouldNotTell { what, .. } = ask(&world, &["unpark", "payments", &subscription]).await.unwrap_err();
    assert!(what.contains("streams of type INV"), "{what}");
}
