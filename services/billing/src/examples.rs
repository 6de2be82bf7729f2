//! One subscription's story, as the domain decides it: begun, invoiced, a payment that failed, the payment. The contract's examples, and the
//! rows that follow from it.

use std::fmt::Debug;

use annals_kit::{Aggregate, Command, Money, ProviderId, Recorded, StreamId, Timestamp, Version};
use billing::invoice::{Happened, Invoice, InvoiceEvent, InvoiceIssued, IssueInvoice, Notice, RecordNotice, TakeDunningStep};
use billing::plan::Interval;
use billing::rows::{InvoiceRow, SubscriptionRow, WebhookRow};
use billing::subscription::{CreateSubscription, FollowInvoice, Standing, Subscription, SubscriptionCreated, SubscriptionEvent};
use billing::webhook::{Disposition, WebhookEvent, WebhookKept};
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

const SUBSCRIPTION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0001);
const INVOICE: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0002);
const GIVEN_UP: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0003);
const TAKEN_BACK: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0004);

/// A story so far: its stream, and its events with their versions.
struct Story<A: Aggregate> {
    stream: StreamId,
    state: A,
    told: Vec<(StreamId, Version, A::Event)>,
}

impl<A: Aggregate> Story<A> {
    fn of(id: Uuid) -> Self {
        Self { stream: StreamId::of(A::STREAM_TYPE, id), state: A::default(), told: vec![] }
    }

    /// Goes on with what `command` comes to, one commit.
    fn then<C: Command<Aggregate = A, Refusal: Debug>>(self, command: C) -> Self {
        self.after(0, command)
    }

    /// The same, so many days after the story's first.
    fn after<C: Command<Aggregate = A, Refusal: Debug>>(mut self, days: i64, command: C) -> Self {
        let at = at().plus(TimeDelta::days(days));
        let version = Version::after(self.told.last().map(|(_, version, _)| *version));
        let events = command.decide(&self.state, at).expect("the story is one that the domain accepts");
        for event in events {
            self.state.evolve(&event, Recorded { version, at });
            self.told.push((self.stream.clone(), version, event));
        }
        self
    }
}

/// A subscription that begins, falls past due, is settled, and ends unpaid in the end.
pub(crate) fn subscription() -> Vec<(StreamId, Version, SubscriptionEvent)> {
    let created = SubscriptionCreated {
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        plan: "pro".parse().expect("pro is a plan"),
        price: price(),
        interval: Interval::Month,
        starts_on: Some(at().date()),
        provider_subscription: Some("sub_1NvLkE".parse().expect("a provider's id")),
    };
    let follow = |standing| FollowInvoice { invoice_id: INVOICE, standing };
    Story::<Subscription>::of(SUBSCRIPTION)
        .then(CreateSubscription(created))
        .then(follow(Standing::PastDue))
        .then(follow(Standing::Good))
        .then(follow(Standing::PastDue))
        .after(21, follow(Standing::Lost))
        .told
}

/// Its invoices: one issued, tried in vain, paid; one reminded of and given up; one taken back.
pub(crate) fn invoice() -> Vec<(StreamId, Version, InvoiceEvent)> {
    let failed = || notice("evt_1NvLkF", "invoice.payment_failed", Happened::Failed { due: price(), attempt: 1 });
    let paid = issued(INVOICE).then(failed()).then(notice("evt_1NvLkG", "invoice.paid", Happened::Paid(price())));
    let given_up = [(3, 1), (7, 2), (14, 3), (21, 4)]
        .into_iter()
        .fold(issued(GIVEN_UP).then(failed()), |story, (days, step)| story.after(days, TakeDunningStep { step }));
    let taken_back = issued(TAKEN_BACK).then(notice("evt_1NvLkH", "invoice.voided", Happened::Voided));
    [paid.told, given_up.told, taken_back.told].concat()
}

/// The row of the subscription as it began.
pub(crate) fn subscription_row() -> Value {
    let first = subscription().into_iter().take(1);
    row(first.fold(None, |row, (_, version, event)| SubscriptionRow::fold(row, &event, Recorded { version, at: at() })))
}

/// The row of the invoice that was paid.
pub(crate) fn invoice_row() -> Value {
    let of_it = invoice().into_iter().filter(|(stream, ..)| *stream == StreamId::of(Invoice::STREAM_TYPE, INVOICE));
    row(of_it.fold(None, |row, (_, version, event)| InvoiceRow::fold(row, &event, Recorded { version, at: at() })))
}

/// The row of a webhook about somebody who is not known.
pub(crate) fn webhook_row() -> Value {
    let provider_id = |text: &str| text.parse::<ProviderId>().expect("a provider's id");
    let kept = WebhookKept {
        provider_event: provider_id("evt_1NvLkI"),
        provider_type: "invoice.paid".into(),
        provider_customer: Some(provider_id("cus_9s6XKzkNRiz8i3")),
        disposition: Disposition::Unmatched,
        reason: "the customer cus_9s6XKzkNRiz8i3 is not known, or has several subscriptions".into(),
        digest: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".into(),
        body: None,
    };
    let recorded = Recorded { version: Version::FIRST, at: at() };
    row(WebhookRow::fold("evt_1NvLkI-0123456789ab", None, &WebhookEvent::Kept(kept), recorded))
}

/// A row as JSON.
fn row(row: Option<impl Serialize>) -> Value {
    serde_json::to_value(row.expect("the story makes a row")).expect("rows are JSON by their types")
}

fn issued(invoice_id: Uuid) -> Story<Invoice> {
    let issued_on = at().date();
    Story::of(invoice_id).then(IssueInvoice(InvoiceIssued {
        invoice_id,
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        amount: price(),
        issued_on,
        period_start: issued_on,
        period_end: issued_on + chrono::Months::new(1),
        provider_invoice: None,
    }))
}

fn notice(event: &str, event_type: &str, happened: Happened) -> RecordNotice {
    let notice = Notice { event: event.parse().expect("a provider's id"), event_type: event_type.into(), at: at() };
    RecordNotice { issue: None, happened, notice }
}

fn price() -> Money {
    Money::new(4900, "EUR".parse().expect("EUR is a currency")).expect("49 euros fit")
}

fn at() -> Timestamp {
    Timestamp::from_seconds(1_769_851_800).expect("2026-01-31 is within four digits")
}
