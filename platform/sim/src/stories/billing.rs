//! What customers do: subscribe, pay late and in the wrong order, move to other plans, cancel and come back, are refunded.

use std::sync::PoisonError;

use annals_kit::ids::derived_uuid;
use annals_kit::{Clock, CommandId, Money, StoredEvent, StreamId};
use annals_log::insert::insert;
use annals_log::{Commit, CommitHash, Expect};
use billing::invoice::{CreditInvoice, CreditReason, Happened, InvoiceIssued, IssueInvoice, Most, Notice, RecordNotice, RefundInvoice};
use billing::plan::Interval;
use billing::price_book::{DraftPlan, Price, ReleasePlan};
use billing::subscription::{
    CancelSubscription, ChangeSubscription, CreateSubscription, Offer, ReactivateSubscription, RecordPeriodInvoiced, SubscriptionCreated,
    Unused, When,
};
use uuid::Uuid;

use crate::client::{Client, To};
use crate::faults::Fault;
use crate::services::Service;

/// A subscription from its beginning, with an invoice that is tried so many times at most.
pub async fn subscribe(client: &mut Client, number: u64, failures: u32) {
    let (subscription_id, invoice_id) = ids(client, number);
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
        return strange(client, &StreamId::of("INV", invoice_id)).await;
    }
    let paid = webhooks(client, (&number.to_string(), invoice_id), failures).await;
    if paid && client.draws.one_in(2) {
        refund(client, (number, invoice_id)).await;
    }
    let rounds = 1 + client.draws.below(2);
    for round in 0..rounds {
        migrate(client, subscription_id, &format!("{number}/{round}")).await;
    }
}

/// The same customer goes on, after the log was restored: what was taken back is not known any more.
pub async fn go_on(mut client: Client, number: u64) {
    let (subscription, invoice) = ids(&client, number);
    for stream in [StreamId::of("SUB", subscription), StreamId::of("INV", invoice)] {
        if client.world.head(Service::Billing, &stream) == 0 || client.world.is_strange(&stream) {
            return;
        }
    }
    webhooks(&mut client, (&format!("{number}-after"), invoice), 3).await;
    migrate(&mut client, subscription, &format!("{number}/after")).await;
}

/// Moves a subscription that there is to another price, whatever else happens to it, and notes that its invoice was not paid.
pub async fn is_moved(mut client: Client, number: u64, round: u64) {
    let (subscription, invoice) = ids(&client, number);
    let stream = StreamId::of("SUB", subscription);
    if client.world.head(Service::Billing, &stream) > 0 {
        let offer = Offer {
            plan: "moved".parse().expect("it is a plan's name"),
            plan_version: None,
            price: euros(5100 + 100 * round as i64),
            interval: Interval::Month,
        };
        let moved = ChangeSubscription { offer: Some(offer), quantity: None, when: When::Now };
        let on = To { streams: |commands| &commands.subscriptions, stream, expect: Expect::Existing };
        client.ask(on, &format!("moved {number}/{round}"), moved).await;
    }
    if client.world.head(Service::Billing, &StreamId::of("INV", invoice)) > 0 {
        let (event, at) = (format!("moved-{number}-{round}"), client.world.clock.now());
        let notice = Notice { event: event.parse().expect("it is a provider's id"), event_type: "invoice".into(), at };
        let failed = Happened::Failed { due: euros(4900), attempt: 9 };
        client.ask(of_invoice(invoice, Expect::Existing), &event, RecordNotice { issue: None, happened: failed, notice }).await;
    }
}

/// A plan is released, once more and once more, and a subscription is moved to each version.
pub async fn move_plans(mut client: Client, number: u64) {
    let (subscription, plan_id) = (ids(&client, number).0, derived_uuid("plan", &client.tenant, "team"));
    let plan = || To { streams: |commands| &commands.plans, stream: StreamId::of("PLAN", plan_id), expect: Expect::New };
    for version in 1..=2u32 {
        let price = 5900 + 100 * i64::from(version) + client.draws.below(50) as i64;
        let prices = vec![Price { interval: Interval::Month, price: euros(price) }];
        let draft = DraftPlan { plan_id, plan: "team".parse().expect("it is a plan's name"), prices, trial_days: 0 };
        client.ask(plan(), &format!("draft {number}/{version}"), draft).await;
        client.ask(plan(), &format!("release {number}/{version}"), ReleasePlan { version }).await;
        client.think(4).await;
        let offer = Offer {
            plan: "team".parse().expect("it is a plan's name"),
            plan_version: Some(version),
            price: euros(price),
            interval: Interval::Month,
        };
        let moved = ChangeSubscription { offer: Some(offer), quantity: None, when: When::Now };
        let on = To { streams: |commands| &commands.subscriptions, stream: StreamId::of("SUB", subscription), expect: Expect::Existing };
        client.ask(on, &format!("move {number}/{version}"), moved).await;
    }
}

/// A story's subscription and invoice.
fn ids(client: &Client, number: u64) -> (Uuid, Uuid) {
    let of = |what| derived_uuid(what, &client.tenant, &number.to_string());
    (of("subscription"), of("invoice"))
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
    client.world.history.issue(command, Some(stream.to_string()));
    let dynamodb = client.world.reader().account.dynamodb();
    // Where somebody else was first, there is none.
    let _ = insert(&dynamodb, Service::Billing.log(), item).await;
}

fn of_invoice(invoice: Uuid, expect: Expect) -> To<billing::invoice::Invoice> {
    To { streams: |commands| &commands.invoices, stream: StreamId::of("INV", invoice), expect }
}

/// The provider's notices: in no order, some of them twice, some of them at the same time; whether one of them was a payment.
async fn webhooks(client: &mut Client, (number, invoice): (&str, Uuid), failures: u32) -> bool {
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

fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().expect("it is a currency")).expect("it is not too much")
}
