//! A subscription's life: begun, invoiced, past due; one sentence a test.

use annals_kit::story::{Given, given, given_nothing};
use annals_kit::{Aggregate, Money, Recorded};
use billing::calendar::Period;
use billing::decimal::Percent;
use billing::plan::Interval;
use billing::subscription::{
    Arrears, CancelReason, CreateRefusal, CreateSubscription, FollowInvoice, PeriodInvoiced, PeriodRefusal, RecordPeriodInvoiced, Standing,
    Subscription, SubscriptionCancelled, SubscriptionCreated, SubscriptionEvent, UnknownSubscription,
};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::invoice_stories::at;

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn pro(minor: i64) -> SubscriptionCreated {
    SubscriptionCreated {
        subscription_id: Uuid::from_u128(1),
        customer_id: "cust-1".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        plan_version: None,
        price: Money::new(minor, "EUR".parse().unwrap()).unwrap(),
        interval: Interval::Month,
        quantity: 1,
        tax_percent: Percent::ZERO,
        trial_ends_on: None,
        starts_on: Some(day("2026-01-01")),
        provider_subscription: None,
    }
}

fn from(starts_on: Option<&str>) -> SubscriptionCreated {
    SubscriptionCreated { starts_on: starts_on.map(day), ..pro(49_00) }
}

pub(crate) fn begun() -> SubscriptionEvent {
    SubscriptionEvent::Created(pro(49_00))
}

pub(crate) fn invoiced(start: &str, end: &str) -> SubscriptionEvent {
    SubscriptionEvent::PeriodInvoiced(PeriodInvoiced {
        subscription_id: Uuid::from_u128(1),
        invoice_id: Uuid::from_u128(7),
        period_start: day(start),
        period_end: day(end),
    })
}

fn record(start: &str) -> RecordPeriodInvoiced {
    RecordPeriodInvoiced { period_start: day(start), invoice_id: Uuid::from_u128(7) }
}

fn arrears(invoice: u128, past_due_invoices: u32) -> Arrears {
    Arrears {
        subscription_id: Uuid::from_u128(1),
        customer_id: "cust-1".parse().unwrap(),
        invoice_id: Uuid::from_u128(invoice),
        past_due_invoices,
    }
}

fn follow(invoice: u128, standing: Standing) -> FollowInvoice {
    FollowInvoice { invoice_id: Uuid::from_u128(invoice), standing }
}

fn cancelled(invoice: u128) -> SubscriptionEvent {
    SubscriptionEvent::Cancelled(SubscriptionCancelled {
        subscription_id: Uuid::from_u128(1),
        customer_id: "cust-1".parse().unwrap(),
        reason: CancelReason::Unpaid,
        invoice_id: Some(Uuid::from_u128(invoice)),
        adjustment: None,
    })
}

#[test]
fn a_subscription_begins_once() {
    given_nothing().when(at(0), CreateSubscription(pro(49_00))).then([begun()]);
    given([(at(0), begun())]).when(at(1), CreateSubscription(pro(49_00))).then_refused(CreateRefusal::Exists);
}

#[test]
fn a_price_below_zero_is_refused_and_a_free_plan_is_not() {
    given_nothing().when(at(0), CreateSubscription(pro(-1))).then_refused(CreateRefusal::NegativePrice);
    given_nothing().when(at(0), CreateSubscription(pro(0))).then([SubscriptionEvent::Created(pro(0))]);
}

#[test]
fn a_subscription_starts_today_unless_another_day_within_a_year_is_named() {
    let created = |starts_on| SubscriptionEvent::Created(from(starts_on));
    given_nothing().when(at(5), CreateSubscription(from(None))).then([created(Some("2026-01-06"))]);
    given_nothing().when(at(5), CreateSubscription(from(Some("2025-01-05")))).then([created(Some("2025-01-05"))]);
    given_nothing().when(at(5), CreateSubscription(from(Some("2025-01-04")))).then_refused(CreateRefusal::StartTooFar);
    given_nothing().when(at(5), CreateSubscription(from(Some("2027-01-08")))).then_refused(CreateRefusal::StartTooFar);
}

#[test]
fn periods_are_recorded_in_order_and_once() {
    let history = || -> Given<Subscription> { given([(at(0), begun()), (at(0), invoiced("2026-01-01", "2026-02-01"))]) };
    history().when(at(31), record("2026-02-01")).then([invoiced("2026-02-01", "2026-03-01")]);
    history().when(at(31), record("2026-01-01")).then_nothing();
    history().when(at(99), record("2026-03-01")).then_refused(PeriodRefusal::NotNext { next: day("2026-02-01") });
    history().when(at(31), record("2026-02-02")).then_refused(PeriodRefusal::NotNext { next: day("2026-02-01") });
    given_nothing().when(at(0), record("2026-01-01")).then_refused(PeriodRefusal::Unknown);
}

#[test]
fn an_old_commit_without_a_first_day_starts_when_it_was_recorded() {
    let mut state = Subscription::default();
    state.evolve(&SubscriptionEvent::Created(from(None)), Recorded { version: annals_kit::Version::FIRST, at: at(30) });
    assert_eq!(state.next_period(), Some(Period { start: day("2026-01-31"), end: day("2026-02-28") }));
}

#[test]
fn what_the_provider_invoices_and_what_has_ended_is_not_invoiced_here() {
    let recorded = Recorded { version: annals_kit::Version::FIRST, at: at(0) };
    let provided = SubscriptionCreated { provider_subscription: Some("sub_1".parse().unwrap()), ..pro(49_00) };
    for events in [vec![SubscriptionEvent::Created(provided)], vec![begun(), cancelled(7)]] {
        let mut state = Subscription::default();
        events.iter().for_each(|event| state.evolve(event, recorded));
        assert_eq!(state.next_period(), None);
    }
}

#[test]
fn an_invoice_issued_while_the_subscription_ended_is_recorded_all_the_same() {
    given([(at(0), begun()), (at(1), cancelled(7))]).when(at(1), record("2026-01-01")).then([invoiced("2026-01-01", "2026-02-01")]);
}

#[test]
fn a_subscription_is_past_due_until_its_last_unpaid_invoice_is_settled() {
    let past_due = |invoice, count| SubscriptionEvent::BecamePastDue(arrears(invoice, count));
    given([(at(0), begun())]).when(at(1), follow(7, Standing::PastDue)).then([past_due(7, 1)]);
    let two = || -> Given<Subscription> { given([(at(0), begun()), (at(1), past_due(7, 1)), (at(2), past_due(8, 2))]) };
    two().when(at(3), follow(7, Standing::PastDue)).then_nothing();
    two().when(at(3), follow(7, Standing::Good)).then([SubscriptionEvent::ArrearsSettled(arrears(7, 1))]);
    two().when(at(3), follow(9, Standing::Good)).then_nothing();
}

#[test]
fn an_invoice_that_is_given_up_ends_the_subscription_once() {
    given([(at(0), begun())]).when(at(1), follow(7, Standing::Lost)).then([cancelled(7)]);
    for standing in [Standing::Lost, Standing::PastDue, Standing::Good] {
        given([(at(0), begun()), (at(1), cancelled(7))]).when(at(2), follow(8, standing)).then_nothing();
    }
    given_nothing().when(at(0), follow(7, Standing::Lost)).then_refused(UnknownSubscription);
}
