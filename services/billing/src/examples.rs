//! The contract's examples, as the domain decides them: a plan, a subscription that changes, ends and goes on, its invoices, and the rows that
//! follow from them.

use std::fmt::Debug;

use annals_kit::{Aggregate, Command, Money, ProviderId, Recorded, StreamId, Timestamp, Version};
use billing::amount::{Amounts, Line};
use billing::decimal::Percent;
use billing::invoice::{
    CreditInvoice, CreditNoteIssued, CreditReason, Happened, Invoice, InvoiceEvent, InvoiceIssued, IssueCreditNote, IssueInvoice, Most,
    Notice, RecordNotice, RefundInvoice, TakeDunningStep, VoidCredit,
};
use billing::plan::Interval;
use billing::price_book::{DraftPlan, Plan, PlanEvent, Price, ReleasePlan, RetirePlan};
use billing::rows::{CreditNoteRow, InvoiceRow, PaymentRow, PlanRow, SubscriptionRow, WebhookRow};
use billing::subscription::{
    AdvanceSubscription, CancelSubscription, ChangeSubscription, CreateSubscription, FollowInvoice, Offer, ReactivateSubscription,
    RecordPeriodInvoiced, Standing, Subscription, SubscriptionCreated, SubscriptionEvent, Unused, When,
};
use billing::webhook::{Disposition, WebhookEvent, WebhookKept};
use chrono::TimeDelta;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

const SUBSCRIPTION: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0001);
const INVOICE: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0002);
const GIVEN_UP: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0003);
const CREDIT_NOTE: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0005);
const PLAN: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0006);
const CREDITED: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0007);
const REFUND: Uuid = Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0008);
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

/// A subscription that begins with a trial, changes today and with the next period, will end and does not, ends, goes on, falls past due, is
/// settled, and ends unpaid in the end.
pub(crate) fn subscription() -> Vec<(StreamId, Version, SubscriptionEvent)> {
    let begins = at().date() + chrono::Days::new(14);
    let created = SubscriptionCreated {
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        plan: "pro".parse().expect("pro is a plan"),
        plan_version: Some(1),
        price: price(),
        interval: Interval::Month,
        quantity: 2,
        tax_percent: tax_percent(),
        starts_on: None,
        trial_ends_on: Some(begins),
        provider_subscription: None,
    };
    let follow = |standing| FollowInvoice { invoice_id: INVOICE, standing };
    let more = ChangeSubscription { offer: None, quantity: Some(3), when: When::Now };
    let team = Offer { plan: "team".parse().expect("team is a plan"), plan_version: Some(1), price: price(), interval: Interval::Month };
    let next = ChangeSubscription { offer: Some(team), quantity: None, when: When::PeriodEnd };
    let cancel = |when| CancelSubscription { when, unused: Unused::GiveBack };
    Story::<Subscription>::of(SUBSCRIPTION)
        .then(CreateSubscription(created))
        .after(14, AdvanceSubscription { today: begins })
        .after(14, RecordPeriodInvoiced { period_start: begins, invoice_id: INVOICE })
        .after(15, more)
        .after(16, next)
        .after(17, cancel(When::PeriodEnd))
        .after(18, ReactivateSubscription)
        .after(19, cancel(When::Now))
        .after(20, ReactivateSubscription)
        .after(21, follow(Standing::PastDue))
        .after(22, follow(Standing::Good))
        .after(23, follow(Standing::PastDue))
        .after(42, follow(Standing::Lost))
        .told
}

/// A plan: drafted, released, and in the end not sold any more.
pub(crate) fn plan() -> Vec<(StreamId, Version, PlanEvent)> {
    let prices = vec![Price { interval: Interval::Month, price: price() }];
    Story::<Plan>::of(PLAN)
        .then(DraftPlan { plan_id: PLAN, plan: "pro".parse().expect("pro is a plan"), prices, trial_days: 14 })
        .then(ReleasePlan { version: 1 })
        .after(300, RetirePlan)
        .told
}

/// Its invoices: one issued, tried in vain, paid; one reminded of and given up; one taken back; one paid, credited and refunded, whose credit
/// was void in the end; and a credit note that belongs to none.
pub(crate) fn invoice() -> Vec<(StreamId, Version, InvoiceEvent)> {
    let failed = || notice("evt_1NvLkF", "invoice.payment_failed", Happened::Failed { due: total(), attempt: 1 });
    let paid = issued(INVOICE).then(failed()).then(notice("evt_1NvLkG", "invoice.paid", Happened::Paid(total())));
    let given_up = [(3, 1), (7, 2), (14, 3), (21, 4)]
        .into_iter()
        .fold(issued(GIVEN_UP).then(failed()), |story, (days, step)| story.after(days, TakeDunningStep { step }));
    let taken_back = issued(TAKEN_BACK).then(notice("evt_1NvLkH", "invoice.voided", Happened::Voided));
    let credit = CreditInvoice {
        credit_note_id: CREDIT_NOTE,
        amount: price(),
        tax: None,
        lines: vec![],
        days: None,
        reason: CreditReason::Goodwill,
        most: Most::All,
        notice: None,
    };
    let void = VoidCredit { credit: credit.clone(), notice: notice("evt_1NvLkJ", "credit_note.voided", Happened::Voided).notice };
    let credited = issued(CREDITED)
        .then(notice("evt_1NvLkI", "invoice.paid", Happened::Paid(total())))
        .after(2, credit)
        .after(2, RefundInvoice { refund_id: REFUND, amount: price() })
        .after(3, void);
    [paid.told, given_up.told, taken_back.told, credited.told, credit_note().told].concat()
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

/// The row of the plan as it was first released.
pub(crate) fn plan_row() -> Value {
    let released = plan().into_iter().take(2);
    row(released.fold(None, |row, (_, version, event)| PlanRow::fold(row, &event, Recorded { version, at: at() })))
}

/// The same plan as the list shows it.
pub(crate) fn plan_shown() -> Value {
    let mut plan = plan_row();
    let fields = ["id", "plan", "status", "newest"].map(|field| (field.to_owned(), plan[field].take()));
    Value::Object(fields.into_iter().collect())
}

/// The row of a payment.
pub(crate) fn payment_row() -> Value {
    row(Some(PaymentRow {
        id: "evt_1NvLkG".into(),
        invoice_id: INVOICE.to_string(),
        customer_id: "ada".into(),
        amount: total().minor(),
        currency: total().currency().code().into(),
        received_at: at(),
    }))
}

/// The row of a credit note.
pub(crate) fn credit_note_row() -> Value {
    row(Some(CreditNoteRow {
        id: CREDIT_NOTE.to_string(),
        invoice_id: CREDITED.to_string(),
        customer_id: "ada".into(),
        amount: price().minor(),
        tax: 0,
        currency: price().currency().code().into(),
        reason: CreditReason::Goodwill,
        status: "issued".into(),
        issued_at: at(),
    }))
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
        amount: total(),
        tax: Some(amounts().tax),
        lines: vec![line(2)],
        number: None,
        issued_on,
        period_start: issued_on,
        period_end: issued_on + chrono::Months::new(1),
        provider_invoice: None,
    }))
}

fn credit_note() -> Story<Invoice> {
    let issued_on = at().date();
    Story::of(CREDIT_NOTE).then(IssueCreditNote(CreditNoteIssued {
        credit_note_id: CREDIT_NOTE,
        subscription_id: SUBSCRIPTION,
        customer_id: "ada".parse().expect("ada is a customer"),
        amount: total(),
        tax: Some(amounts().tax),
        lines: vec![line(-2)],
        number: None,
        issued_on,
        period_start: issued_on,
        period_end: issued_on + chrono::Months::new(1),
    }))
}

fn line(quantity: i64) -> Line {
    Line::of_price("pro".into(), quantity, price(), None).expect("49 euros are a unit price")
}

fn amounts() -> Amounts {
    Amounts::of(&[line(2)], tax_percent(), price().currency()).expect("98 euros and their tax fit")
}

fn total() -> Money {
    amounts().total
}

fn tax_percent() -> Percent {
    "19".parse().expect("19 is a rate")
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
