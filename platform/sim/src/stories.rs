//! What people do: subscribe, pay late and in the wrong order, change plans, cancel and come back, are refunded, sign up, are erased.

use std::sync::{Arc, PoisonError};

use annals_kit::ids::derived_uuid;
use annals_kit::{Clock, CommandId, Money, StoredEvent, StreamId};
use annals_log::insert::insert;
use annals_log::{Commit, CommitHash, Expect};
use billing::invoice::{CreditInvoice, CreditReason, Happened, InvoiceIssued, IssueInvoice, Most, Notice, RecordNotice, RefundInvoice};
use billing::plan::Interval;
use billing::subscription::{
    CancelSubscription, ChangeSubscription, CreateSubscription, Offer, ReactivateSubscription, RecordPeriodInvoiced, SubscriptionCreated,
    Unused, When,
};
use identity_service::erase::{Subject, erase, known};
use identity_service::found::{Founding, found};
use identity_service::secret::Secret;
use uuid::Uuid;

use crate::chance::{Chance, Draws};
use crate::client::{Client, To};
use crate::faults::Fault;
use crate::services::Service;
use crate::world::World;

/// Commands of a story, about.
pub const COMMANDS: u64 = 14;
/// Tenants that have subscriptions.
pub const TENANTS: [&str; 3] = ["acme", "bolt", "core"];

/// Lives through the story of this number.
pub async fn story(world: Arc<World>, chance: Chance, number: u64) {
    let mut draws = Draws::new(chance.of("story", number));
    let tenant = TENANTS[draws.below(3) as usize].parse().expect("they are tenants");
    let client = Client { world: world.clone(), draws: draws.clone(), tenant };
    match number % 4 {
        3 => sign_up(world, draws, number).await,
        // One invoice that is tried for a long time: its stream is long.
        0 if number.is_multiple_of(12) => subscribe(client, number, 60).await,
        _ => subscribe(client, number, 3).await,
    }
}

async fn subscribe(mut client: Client, number: u64, failures: u32) {
    let subscription_id = derived_uuid("subscription", &client.tenant, &number.to_string());
    let invoice_id = derived_uuid("invoice", &client.tenant, &number.to_string());
    let of_subscription = |expect| To { streams: |commands| &commands.subscriptions, stream: StreamId::of("SUB", subscription_id), expect };
    let today = client.world.clock.now().date();
    let created = SubscriptionCreated {
        subscription_id,
        customer_id: format!("customer-{}", number % 7).parse().expect("it is an id"),
        plan: "basic".parse().expect("it is a plan's name"),
        plan_version: None,
        price: euros(4900),
        interval: Interval::Month,
        quantity: 1,
        tax_percent: Default::default(),
        starts_on: Some(today),
        trial_ends_on: None,
        provider_subscription: None,
    };
    client.ask(of_subscription(Expect::New), &format!("create {number}"), CreateSubscription(created.clone())).await;
    let invoice = InvoiceIssued {
        invoice_id,
        subscription_id,
        customer_id: created.customer_id,
        amount: euros(4900),
        tax: None,
        lines: vec![],
        number: None,
        issued_on: today,
        period_start: today,
        period_end: today + chrono::Months::new(1),
        provider_invoice: None,
    };
    client.think(6).await;
    client.ask(of_invoice(invoice_id, Expect::New), &format!("issue {number}"), IssueInvoice(invoice)).await;
    let invoiced = RecordPeriodInvoiced { period_start: today, invoice_id };
    client.ask(of_subscription(Expect::Existing), &format!("invoiced {number}"), invoiced).await;
    if client.world.network.faults.fires(Fault::Undecodable, ("invoice", "commit", number), client.world.clock.elapsed()) {
        return strange(&client, &StreamId::of("INV", invoice_id)).await;
    }
    let paid = webhooks(&mut client, (number, invoice_id), failures).await;
    if paid && client.draws.one_in(2) {
        refund(&mut client, (number, invoice_id)).await;
    }
    let rounds = 1 + client.draws.below(2);
    for round in 0..rounds {
        migrate(&mut client, subscription_id, &format!("{number}/{round}")).await;
    }
}

/// A commit of a release that is not deployed any more: nobody here can read it.
async fn strange(client: &Client, stream: &StreamId) {
    let items = client.world.items(Service::Billing, stream).await;
    let Some(last) = items.last() else { return };
    let (Ok(before), Ok(hash)) = (Commit::from_item(last), CommitHash::of(last)) else { return };
    let event = StoredEvent { event_type: "SOMETHING_STRANGE".into(), schema: 1, payload: Default::default() };
    let command = CommandId::derived(&client.tenant, &format!("strange {stream}"));
    let commit =
        Commit { version: before.version.next(), previous: Some(hash), command, correlation: command.0, events: vec![event], ..before };
    let Ok(item) = commit.to_item() else { return };
    client.world.strange.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.to_string());
    client.world.history.issue(command, Service::Billing.log(), Some(stream.to_string()));
    let dynamodb = client.world.reader().account.dynamodb();
    // Where somebody else was first, there is none.
    let _ = insert(&dynamodb, Service::Billing.log(), &item).await;
}

fn of_invoice(invoice: Uuid, expect: Expect) -> To<billing::invoice::Invoice> {
    To { streams: |commands| &commands.invoices, stream: StreamId::of("INV", invoice), expect }
}

/// The provider's notices: in no order, some of them twice, some of them at the same time; whether one of them was a payment.
async fn webhooks(client: &mut Client, (number, invoice): (u64, Uuid), failures: u32) -> bool {
    let most = u64::from(failures);
    let failures = if failures > 10 { failures } else { client.draws.below(most + 1) as u32 };
    let mut told: Vec<(String, Happened)> =
        (1..=failures).map(|attempt| (format!("failed-{number}-{attempt}"), Happened::Failed { due: euros(4900), attempt })).collect();
    let pays = !client.draws.one_in(4);
    if pays {
        if client.draws.one_in(3) {
            told.push((format!("part-{number}"), Happened::Paid(euros(2000))));
        }
        told.push((format!("paid-{number}"), Happened::Paid(euros(4900))));
    }
    for place in 0..told.len() {
        // Nearly in order: each may change places with its neighbours.
        let other = (place + client.draws.below(3) as usize).min(told.len() - 1);
        told.swap(place, other);
    }
    for (event, happened) in told {
        let at = client.world.clock.now();
        let notice = Notice { event: event.parse().expect("it is a provider's id"), event_type: "invoice".into(), at };
        let command = RecordNotice { issue: None, happened, notice };
        let twice = client.draws.one_in(4);
        client.ask(of_invoice(invoice, Expect::Existing), &event, command.clone()).await;
        if twice {
            client.ask(of_invoice(invoice, Expect::Existing), &event, command).await;
        }
        client.think(if most > 10 { 1 } else { 8 }).await;
    }
    pays
}

async fn refund(client: &mut Client, (number, invoice): (u64, Uuid)) {
    let credit = CreditInvoice {
        credit_note_id: derived_uuid("credit", &client.tenant, &number.to_string()),
        amount: euros(1000),
        tax: None,
        lines: vec![],
        days: None,
        reason: CreditReason::Goodwill,
        most: Most::WhatIsLeft,
        notice: None,
    };
    client.ask(of_invoice(invoice, Expect::Existing), &format!("credit {number}"), credit).await;
    let refund = RefundInvoice { refund_id: derived_uuid("refund", &client.tenant, &number.to_string()), amount: euros(1000) };
    client.ask(of_invoice(invoice, Expect::Existing), &format!("refund {number}"), refund).await;
}

/// Another plan, an end, and a new beginning.
async fn migrate(client: &mut Client, subscription: Uuid, about: &str) {
    let on = || To { streams: |commands| &commands.subscriptions, stream: StreamId::of("SUB", subscription), expect: Expect::Existing };
    let change = |plan: &str, price| ChangeSubscription {
        offer: Some(Offer {
            plan: plan.parse().expect("it is a plan's name"),
            plan_version: None,
            price: euros(price),
            interval: Interval::Month,
        }),
        quantity: None,
        when: When::Now,
    };
    let more = |quantity| ChangeSubscription { offer: None, quantity: Some(quantity), when: When::Now };
    client.ask(on(), &format!("pro {about}"), change("pro", 9900)).await;
    client.think(5).await;
    client.ask(on(), &format!("end {about}"), CancelSubscription { when: When::Now, unused: Unused::Keep }).await;
    client.ask(on(), &format!("again {about}"), ReactivateSubscription).await;
    client.ask(on(), &format!("more {about}"), more(3)).await;
    client.think(5).await;
    client.ask(on(), &format!("basic {about}"), change("basic", 4900)).await;
}

/// An account, of an address that somebody else may have; some are erased later.
async fn sign_up(world: Arc<World>, mut draws: Draws, number: u64) {
    let organisation = format!("organisation-{number}").parse().expect("it is a tenant");
    let founding = Founding {
        organisation,
        name: format!("Organisation {number}"),
        email: format!("person{}@people.example", draws.below(5)).parse().expect("it is an address"),
        owner: format!("Person {number}"),
        secret: Secret::new(&annals_kit::ids::SeededIds::new(draws.below(u64::MAX))),
    };
    world.founded.lock().unwrap_or_else(PoisonError::into_inner).insert(founding.organisation.to_string(), founding.user());
    for _ in 0..20 {
        let asked = founding.clone();
        let done =
            world.identity.invoke(&world.machine, draws.below(1 << 20), |deps| Box::pin(async move { found(&deps, &asked).await })).await;
        match done {
            Some(Ok(_)) => break,
            // Somebody has the address.
            Some(Err(problem)) if problem.status == 409 => return,
            _ => tokio::time::sleep(std::time::Duration::from_millis(500 + draws.below(3_000))).await,
        }
    }
    let place = ("person", "key", number);
    if world.network.faults.fires(Fault::KeyDestroyed, place, world.network.clock.elapsed()) {
        tokio::time::sleep(std::time::Duration::from_millis(draws.below(20_000))).await;
        end(world, draws, &founding).await;
    }
}

/// Erases somebody, and asks for what was theirs again afterwards.
async fn end(world: Arc<World>, mut draws: Draws, founding: &Founding) {
    let (tenant, user) = (founding.organisation.clone(), founding.user());
    for attempt in 0..20 {
        let subject = Subject { tenant: tenant.clone(), id: user.to_string().parse().expect("a UUID is an id") };
        let work = |deps: Arc<identity_service::Deps>| -> crate::functions::Work<_> {
            Box::pin(async move {
                let known = known(&deps, &subject).await?;
                erase(&deps, &subject, &known, &"operator".parse().expect("it is a token")).await
            })
        };
        let erased = world.identity.invoke(&world.machine, draws.below(1 << 20), work).await;
        if let Some(Ok(_)) = erased {
            world.erased.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
            if attempt > 8 {
                break;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(500 + draws.below(9_000))).await;
    }
}

fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().expect("it is a currency")).expect("it is not too much")
}
