//! One subscription's story, as the domain decides it: begun, invoiced, a payment that failed, the payment. The contract's examples.

use std::fmt::Debug;

use annals_kit::{Aggregate, Command, Money, Recorded, StreamId, Timestamp, Version};
use billing::invoice::{Happened, Invoice, InvoiceEvent, InvoiceIssued, IssueInvoice, Notice, RecordNotice};
use billing::plan::Interval;
use billing::subscription::{CreateSubscription, Subscription, SubscriptionCreated, SubscriptionEvent};
use uuid::Uuid;

const SUBSCRIPTION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0001);
const INVOICE: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0002);

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
    fn then<C: Command<Aggregate = A, Refusal: Debug>>(mut self, command: C) -> Self {
        let version = Version::after(self.told.last().map(|(_, version, _)| *version));
        let events = command.decide(&self.state, at()).expect("the story is one that the domain accepts");
        for event in events {
            self.state.evolve(&event, Recorded { version, at: at() });
            self.told.push((self.stream.clone(), version, event));
        }
        self
    }
}

/// A subscription that begins.
pub(crate) fn subscription() -> Vec<(StreamId, Version, SubscriptionEvent)> {
    let created = SubscriptionCreated {
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        plan: "pro".parse().expect("pro is a plan"),
        price: price(),
        interval: Interval::Month,
        provider_subscription: Some("sub_1NvLkE".parse().expect("a provider's id")),
    };
    Story::<Subscription>::of(SUBSCRIPTION).then(CreateSubscription(created)).told
}

/// Its invoice: issued, tried in vain, paid.
pub(crate) fn invoice() -> Vec<(StreamId, Version, InvoiceEvent)> {
    let issued_on = at().date();
    let issued = InvoiceIssued {
        invoice_id: INVOICE,
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        amount: price(),
        issued_on,
        period_start: issued_on,
        period_end: issued_on + chrono::Months::new(1),
        provider_invoice: None,
    };
    let notice = |event: &str, event_type: &str, happened| RecordNotice {
        issue: None,
        happened,
        notice: Notice { event: event.parse().expect("a provider's id"), event_type: event_type.into(), at: at() },
    };
    Story::<Invoice>::of(INVOICE)
        .then(IssueInvoice(issued))
        .then(notice("evt_1NvLkF", "invoice.payment_failed", Happened::Failed { due: price(), attempt: 1 }))
        .then(notice("evt_1NvLkG", "invoice.paid", Happened::Paid(price())))
        .told
}

fn price() -> Money {
    Money::new(4900, "EUR".parse().expect("EUR is a currency")).expect("49 euros fit")
}

fn at() -> Timestamp {
    Timestamp::from_seconds(1_769_851_800).expect("2026-01-31 is within four digits")
}
