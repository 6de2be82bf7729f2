//! An invoice's life, one sentence a test.

use annals_kit::story::{Given, given, given_nothing};
use annals_kit::{Money, Timestamp};
use billing::dunning::{Afterwards, DunningPolicy};
use billing::invoice::{
    DunningStarted, DunningStepTaken, DunningStopped, Happened, Invoice, InvoiceEvent, InvoiceIssued, InvoiceRefusal, InvoiceVoided,
    IssueInvoice, MarkedUncollectible, Notice, PaymentFailed, PaymentReceived, RecordNotice, StopReason, TakeDunningStep,
};
use uuid::Uuid;

pub(crate) fn at(day: i64) -> Timestamp {
    Timestamp::from_seconds(1_767_225_600 + day * 86_400).unwrap()
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap()).unwrap()
}

pub(crate) fn invoice(minor: i64) -> InvoiceIssued {
    InvoiceIssued {
        invoice_id: Uuid::from_u128(7),
        subscription_id: Uuid::from_u128(1),
        customer_id: "ada".parse().unwrap(),
        amount: eur(minor),
        issued_on: at(0).date(),
        period_start: at(0).date(),
        period_end: at(31).date(),
        tax: None,
        lines: vec![],
        number: None,
        provider_invoice: None,
    }
}

pub(crate) fn notice(number: u32, day: i64) -> Notice {
    Notice { event: format!("evt_{number}").parse().unwrap(), event_type: "t".into(), at: at(day) }
}

/// What a notice with this number says, of this day.
pub(crate) fn told(number: u32, day: i64, happened: Happened) -> RecordNotice {
    RecordNotice { issue: None, happened, notice: notice(number, day) }
}

fn failed_again(number: u32, day: i64) -> RecordNotice {
    told(number, day, Happened::Failed { due: eur(49_00), attempt: number })
}

pub(crate) fn issued() -> InvoiceEvent {
    InvoiceEvent::Issued(invoice(49_00))
}

pub(crate) fn failed(number: u32, day: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    let notice = notice(number, day);
    InvoiceEvent::PaymentFailed(PaymentFailed { invoice_id, subscription_id, customer_id, amount: eur(49_00), attempt: number, notice })
}

pub(crate) fn paid(minor: i64, number: u32, day: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    let notice = notice(number, day);
    InvoiceEvent::PaymentReceived(PaymentReceived { invoice_id, subscription_id, customer_id, amount: eur(minor), notice })
}

pub(crate) fn dunning(minor: i64, failed_at: i64, next: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    InvoiceEvent::DunningStarted(DunningStarted {
        invoice_id,
        subscription_id,
        customer_id,
        amount: eur(minor),
        failed_at: at(failed_at),
        policy: DunningPolicy::default(),
        next_step_at: at(next),
    })
}

fn reminded(step: u32, next: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    InvoiceEvent::DunningStepTaken(DunningStepTaken {
        invoice_id,
        subscription_id,
        customer_id,
        amount: eur(49_00),
        step,
        steps: 4,
        next_step_at: at(next),
    })
}

pub(crate) fn stopped(reason: StopReason) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    InvoiceEvent::DunningStopped(DunningStopped { invoice_id, subscription_id, customer_id, reason })
}

pub(crate) fn given_up(notice: Option<Notice>) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    let then = Afterwards::CancelSubscription;
    InvoiceEvent::MarkedUncollectible(MarkedUncollectible { invoice_id, subscription_id, customer_id, amount: eur(49_00), then, notice })
}

pub(crate) fn voided(number: u32, day: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    InvoiceEvent::Voided(InvoiceVoided { invoice_id, subscription_id, customer_id, notice: notice(number, day) })
}

fn past_due() -> Given<Invoice> {
    given([(at(0), issued()), (at(1), failed(1, 1)), (at(1), dunning(49_00, 1, 4))])
}

fn past_due_after(steps: impl IntoIterator<Item = (Timestamp, InvoiceEvent)>) -> Given<Invoice> {
    given([(at(0), issued()), (at(1), failed(1, 1)), (at(1), dunning(49_00, 1, 4))].into_iter().chain(steps))
}

#[test]
fn an_invoice_is_issued_once_whoever_asks() {
    given_nothing().when(at(0), IssueInvoice(invoice(49_00))).then([issued()]);
    given([(at(0), issued())]).when(at(9), IssueInvoice(invoice(12_00))).then_nothing();
}

#[test]
fn the_first_failure_starts_dunning_and_later_ones_do_not_start_it_again() {
    given([(at(0), issued())]).when(at(1), failed_again(1, 1)).then([failed(1, 1), dunning(49_00, 1, 4)]);
    past_due().when(at(2), failed_again(2, 2)).then([failed(2, 2)]);
}

#[test]
fn a_failure_told_late_counts_from_the_day_it_happened_but_leaves_a_day() {
    given([(at(0), issued())]).when(at(3), failed_again(1, 1)).then([failed(1, 1), dunning(49_00, 1, 4)]);
    given([(at(0), issued())]).when(at(20), failed_again(1, 1)).then([failed(1, 1), dunning(49_00, 1, 21)]);
}

#[test]
fn a_provider_whose_clock_is_ahead_starts_dunning_today() {
    given([(at(0), issued())]).when(at(1), failed_again(1, 5)).then([failed(1, 5), dunning(49_00, 1, 4)]);
}

#[test]
fn an_invoice_of_nothing_is_not_dunned() {
    let nothing = InvoiceEvent::Issued(invoice(0));
    let InvoiceEvent::PaymentFailed(failure) = failed(1, 1) else { unreachable!() };
    let failure = InvoiceEvent::PaymentFailed(PaymentFailed { amount: eur(0), ..failure });
    given([(at(0), nothing)]).when(at(1), told(1, 1, Happened::Failed { due: eur(0), attempt: 1 })).then([failure]);
}

#[test]
fn steps_are_taken_when_they_are_due_one_after_the_other() {
    past_due().when(at(3), TakeDunningStep { step: 1 }).then_refused(InvoiceRefusal::NotDue { step: 1, at: at(4) });
    past_due().when(at(4), TakeDunningStep { step: 1 }).then([reminded(1, 8)]);
    past_due().when(at(99), TakeDunningStep { step: 2 }).then_refused(InvoiceRefusal::NotDue { step: 1, at: at(4) });
}

#[test]
fn a_step_is_taken_once_however_often_the_schedule_runs() {
    past_due_after([(at(4), reminded(1, 8))]).when(at(4), TakeDunningStep { step: 1 }).then_nothing();
}

#[test]
fn a_schedule_that_stood_still_leaves_a_day_between_steps() {
    past_due().when(at(30), TakeDunningStep { step: 1 }).then([reminded(1, 31)]);
}

#[test]
fn the_last_step_gives_the_invoice_up() {
    let reminders = || [(at(4), reminded(1, 8)), (at(8), reminded(2, 15)), (at(15), reminded(3, 22))];
    past_due_after(reminders()).when(at(22), TakeDunningStep { step: 4 }).then([given_up(None)]);
    past_due_after(reminders().into_iter().chain([(at(22), given_up(None))])).when(at(23), TakeDunningStep { step: 4 }).then_nothing();
}

#[test]
fn a_payment_in_full_ends_dunning_and_a_part_does_not() {
    past_due().when(at(2), told(9, 2, Happened::Paid(eur(49_00)))).then([paid(49_00, 9, 2), stopped(StopReason::Paid)]);
    past_due().when(at(2), told(9, 2, Happened::Paid(eur(20_00)))).then([paid(20_00, 9, 2)]);
}

#[test]
fn a_reminder_after_a_part_was_paid_names_the_rest() {
    let InvoiceEvent::DunningStepTaken(reminder) = reminded(1, 8) else { unreachable!() };
    let reminder = InvoiceEvent::DunningStepTaken(DunningStepTaken { amount: eur(29_00), ..reminder });
    past_due_after([(at(2), paid(20_00, 9, 2))]).when(at(4), TakeDunningStep { step: 1 }).then([reminder]);
}

#[test]
fn an_invoice_that_was_given_up_can_still_be_paid() {
    past_due_after([(at(22), given_up(None))])
        .when(at(40), told(9, 40, Happened::Paid(eur(49_00))))
        .then([paid(49_00, 9, 40), stopped(StopReason::Paid)]);
}

#[test]
fn a_failure_told_after_the_payment_changes_nothing() {
    past_due_after([(at(2), paid(49_00, 9, 2)), (at(2), stopped(StopReason::Paid))])
        .when(at(3), failed_again(2, 1))
        .then_refused(InvoiceRefusal::AlreadyPaid);
}

#[test]
fn a_step_that_comes_after_the_payment_is_not_taken() {
    past_due_after([(at(2), paid(49_00, 9, 2)), (at(2), stopped(StopReason::Paid))])
        .when(at(4), TakeDunningStep { step: 1 })
        .then_nothing();
}

#[test]
fn the_provider_may_give_an_invoice_up_once() {
    let uncollectible = |number| told(number, 5, Happened::Uncollectible);
    past_due().when(at(5), uncollectible(5)).then([given_up(Some(notice(5, 5)))]);
    past_due_after([(at(5), given_up(Some(notice(5, 5))))]).when(at(6), uncollectible(5)).then_nothing();
    past_due_after([(at(5), given_up(Some(notice(5, 5))))])
        .when(at(6), uncollectible(6))
        .then_refused(InvoiceRefusal::AlreadyUncollectible);
}

#[test]
fn an_invoice_that_the_provider_takes_back_is_not_dunned_any_more() {
    past_due().when(at(2), told(5, 2, Happened::Voided)).then([voided(5, 2), stopped(StopReason::Voided)]);
    given([(at(0), issued())]).when(at(2), told(5, 2, Happened::Voided)).then([voided(5, 2)]);
    given([(at(0), issued()), (at(2), voided(5, 2))])
        .when(at(3), told(6, 3, Happened::Paid(eur(49_00))))
        .then_refused(InvoiceRefusal::AlreadyVoided);
}
