//! Sums over many streams, and the commits that make them.

use std::path::Path;

use annals::cli::Cli;
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use annals::session::Session;
use annals_projection::Follower;
use annals_projection::consumer::Consumer;
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser;

use crate::world::{World, notice};

async fn ask(world: &World, arguments: &[&str]) -> Result<Answer, CouldNotTell> {
    let cli = Cli::try_parse_from(["annals"].iter().chain(arguments)).unwrap();
    commands::ask(&Session::of(world.system.clone()), cli.command.unwrap(), Path::new("unused")).await
}

/// The totals of a projection, as `key: sum, count`.
async fn totals(world: &World, name: &str) -> Vec<String> {
    let projector = billing_projectors::projector(&Session::of(world.system.clone()).host("auditor"), "annals");
    let follower: &Follower = projector.followers().iter().find(|follower| follower.name() == name).unwrap();
    let totals = follower.totals(&"demo".parse().unwrap()).await.unwrap();
    totals.iter().map(|(key, amount)| format!("{key}: {}, {}", amount.sum, amount.count)).collect()
}

#[tokio::test(start_paused = true)]
async fn totals_follow_invoices_and_payments_and_are_explained_by_their_commits() {
    let world = World::new().await;
    let (ada, bob) = (world.subscribe("a", "ada").await, world.subscribe("b", "bob").await);
    let (paid, open) = (world.invoice(&ada).await, world.invoice(&bob).await);
    assert_eq!(world.webhook(&notice("evt_1", "invoice.paid", &paid, 4900, 1)).await.status, 200);
    assert_eq!(world.webhook(&notice("evt_2", "invoice.paid", &open, 1900, 1)).await.status, 200);
    world.settle().await;
    let month = &world.items("subscriptions-log").await[0]["t"].as_s().unwrap()[..7].to_owned();
    assert_eq!(totals(&world, "revenue-by-month").await, [format!("EUR/{month}: 6800, 2")]);
    assert_eq!(totals(&world, "mrr-movements").await, [format!("EUR/pro/{month}/new: 9800, 2")]);
    assert_eq!(totals(&world, "receivables-by-customer").await, ["EUR/bob: 3000, 1"]);
    assert_eq!(totals(&world, "active-customers").await, ["ada: 0, 1", "bob: 0, 1"]);
    let revenue = format!("EUR/{month}");
    assert_eq!(ask(&world, &["totals"]).await.unwrap(), Answer::Yes);
    assert_eq!(ask(&world, &["totals", "revenue-by-month"]).await.unwrap(), Answer::Yes);
    assert_eq!(ask(&world, &["explain", "revenue-by-month", &revenue]).await.unwrap(), Answer::Yes);
    assert_eq!(ask(&world, &["explain", "receivables-by-customer", "EUR/bob", "--json"]).await.unwrap(), Answer::Yes);

    let CouldNotTell { what, next } = ask(&world, &["totals", "revenue-by-moon"]).await.unwrap_err();
    assert!(what.contains("revenue-by-moon") && next.contains("revenue-by-month"), "{what}; {next}");

    // A total that someone changed by hand is told from one that its commits make.
    let items = world.items("subscriptions").await;
    let total = items.iter().find(|item| item.get("total") == Some(&AttributeValue::S(revenue.clone()))).unwrap();
    let mut changed = total.clone();
    changed.insert("amount".into(), AttributeValue::N("1000000".into()));
    let administrator = world.system.account("administrator").sdk_dynamodb();
    administrator.put_item().table_name("subscriptions").set_item(Some(changed)).send().await.unwrap();
    assert_eq!(ask(&world, &["explain", "revenue-by-month", &revenue]).await.unwrap(), Answer::No);
}
