//! Crediting an invoice and paying back, told in any order; one sentence a test.

use annals_kit::Timestamp;
use annals_kit::story::{Given, given, given_nothing};
use billing::calendar::Period;
use billing::invoice::{
    CreditInvoice, CreditNoteIssued, CreditReason, Happened, Invoice, InvoiceCreditVoided, InvoiceCredited, InvoiceEvent, InvoiceIssued,
    InvoiceRefusal, IssueCreditNote, Most, Notice, PaymentRefunded, RecordRefund, RefundInvoice, StopReason, VoidCredit,
};
use uuid::Uuid;

use crate::invoice_stories::{at, dunning, eur, failed, invoice, issued, notice, paid, stopped, told, voided};

const NOTE: Uuid = Uuid::from_u128(20);
const REFUND: Uuid = Uuid::from_u128(30);

fn credit(minor: i64) -> CreditInvoice {
    CreditInvoice {
        credit_note_id: NOTE,
        amount: eur(minor),
        tax: None,
        lines: vec![],
        days: None,
        reason: CreditReason::Goodwill,
        most: Most::All,
        notice: None,
    }
}

fn by_provider(minor: i64, number: u32) -> CreditInvoice {
    CreditInvoice { reason: CreditReason::Provider, notice: Some(notice(number, 2)), ..credit(minor) }
}

fn noted(minor: i64, tax: i64) -> InvoiceCredited {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, period_start, period_end, .. } = invoice(49_00);
    InvoiceCredited {
        invoice_id,
        subscription_id,
        customer_id,
        credit_note_id: NOTE,
        amount: eur(minor),
        tax: Some(eur(tax)).filter(|tax| tax.minor() != 0),
        lines: vec![],
        reason: CreditReason::Goodwill,
        period_start,
        period_end,
        notice: None,
    }
}

fn credited(minor: i64) -> InvoiceEvent {
    InvoiceEvent::Credited(noted(minor, 0))
}

fn credit_voided(minor: i64, notice: Notice) -> InvoiceEvent {
    let InvoiceCredited { invoice_id, subscription_id, customer_id, credit_note_id, amount, tax, period_start, period_end, .. } =
        noted(minor, 0);
    InvoiceEvent::CreditVoided(InvoiceCreditVoided {
        invoice_id,
        subscription_id,
        customer_id,
        credit_note_id,
        amount,
        tax,
        period_start,
        period_end,
        notice,
    })
}

fn refunded(id: u128, minor: i64, notice: Option<Notice>) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(49_00);
    let refund_id = Uuid::from_u128(id);
    InvoiceEvent::Refunded(PaymentRefunded { invoice_id, subscription_id, customer_id, refund_id, amount: eur(minor), notice })
}

fn refund(minor: i64) -> RefundInvoice {
    RefundInvoice { refund_id: REFUND, amount: eur(minor) }
}

fn was(events: impl IntoIterator<Item = (Timestamp, InvoiceEvent)>) -> Given<Invoice> {
    given([(at(0), issued())].into_iter().chain(events))
}

#[test]
fn an_invoice_is_credited_up_to_what_was_charged_and_each_note_once() {
    was([]).when(at(1), credit(9_00)).then([credited(9_00)]);
    was([(at(1), credited(9_00))]).when(at(2), credit(9_00)).then_nothing();
    let other = |minor| CreditInvoice { credit_note_id: Uuid::from_u128(21), ..credit(minor) };
    was([(at(1), credited(9_00))]).when(at(2), other(40_01)).then_refused(InvoiceRefusal::MoreThanCharged { left: 40_00 });
    was([(at(1), credited(9_00))]).when(at(2), other(0)).then_refused(InvoiceRefusal::NoAmount);
    given_nothing().when(at(2), credit(1)).then_refused(InvoiceRefusal::Unknown);
    was([(at(1), voided(5, 1))]).when(at(2), credit(1)).then_refused(InvoiceRefusal::AlreadyVoided);
}

#[test]
fn what_goes_beyond_the_invoice_may_be_left_to_the_caller() {
    let other = CreditInvoice { credit_note_id: Uuid::from_u128(21), most: Most::WhatIsLeft, ..credit(45_00) };
    let cut = InvoiceEvent::Credited(InvoiceCredited { credit_note_id: Uuid::from_u128(21), ..noted(40_00, 0) });
    was([(at(1), credited(9_00))]).when(at(2), other.clone()).then([cut]);
    was([(at(1), credited(49_00))]).when(at(2), other).then_nothing();
}

#[test]
fn a_note_takes_its_part_of_the_tax() {
    // 49.00 with 7.82 of tax in it; 10.00 of them have 1.5959.., 1.60.
    let taxed = InvoiceEvent::Issued(InvoiceIssued { tax: Some(eur(7_82)), ..invoice(49_00) });
    given([(at(0), taxed)]).when(at(1), credit(10_00)).then([InvoiceEvent::Credited(noted(10_00, 1_60))]);
}

#[test]
fn a_note_may_be_for_some_days_only() {
    let days = Period { start: at(10).date(), end: at(31).date() };
    let note = InvoiceCredited { period_start: days.start, period_end: days.end, ..noted(9_00, 0) };
    was([]).when(at(1), CreditInvoice { days: Some(days), ..credit(9_00) }).then([InvoiceEvent::Credited(note)]);
}

#[test]
fn a_note_for_all_that_is_open_ends_dunning() {
    let past_due = || [(at(1), failed(1, 1)), (at(1), dunning(49_00, 1, 4))];
    was(past_due()).when(at(2), credit(49_00)).then([credited(49_00), stopped(StopReason::Credited)]);
    was(past_due()).when(at(2), credit(48_00)).then([credited(48_00)]);
    was(past_due().into_iter().chain([(at(2), credited(9_00))]))
        .when(at(3), told(9, 3, Happened::Paid(eur(40_00))))
        .then([paid(40_00, 9, 3), stopped(StopReason::Paid)]);
}

#[test]
fn money_that_came_in_before_the_note_is_recorded_when_it_is_told_after_it() {
    was([(at(1), credited(49_00))]).when(at(2), told(9, 0, Happened::Paid(eur(49_00)))).then([paid(49_00, 9, 0)]);
    was([(at(1), credited(49_00)), (at(2), paid(49_00, 9, 0))])
        .when(at(3), told(10, 0, Happened::Paid(eur(49_00))))
        .then_refused(InvoiceRefusal::AlreadyPaid);
}

#[test]
fn only_what_is_owed_back_is_refunded_and_once() {
    was([(at(1), paid(49_00, 9, 1))]).when(at(2), refund(1)).then_refused(InvoiceRefusal::NotOwed { owed: 0 });
    let owed_back = || was([(at(1), paid(49_00, 9, 1)), (at(2), credited(9_00))]);
    owed_back().when(at(3), refund(9_01)).then_refused(InvoiceRefusal::NotOwed { owed: 9_00 });
    owed_back().when(at(3), refund(0)).then_refused(InvoiceRefusal::NoAmount);
    owed_back().when(at(3), refund(9_00)).then([refunded(30, 9_00, None)]);
    was([(at(1), paid(49_00, 9, 1)), (at(2), credited(9_00)), (at(3), refunded(30, 9_00, None))]).when(at(4), refund(9_00)).then_nothing();
    // Nothing was received: a note that settles what is open owes nothing back.
    was([(at(2), credited(9_00))]).when(at(3), refund(1)).then_refused(InvoiceRefusal::NotOwed { owed: 0 });
}

#[test]
fn a_credit_note_of_its_own_is_issued_once_and_paid_out() {
    let note = CreditNoteIssued {
        credit_note_id: Uuid::from_u128(7),
        subscription_id: Uuid::from_u128(1),
        customer_id: "ada".parse().unwrap(),
        amount: eur(49_00),
        tax: None,
        lines: vec![],
        number: Some("C1".into()),
        issued_on: at(0).date(),
        period_start: at(0).date(),
        period_end: at(0).date(),
    };
    let event = || InvoiceEvent::CreditNoteIssued(note.clone());
    given_nothing().when(at(0), IssueCreditNote(note.clone())).then([event()]);
    given([(at(0), event())]).when(at(0), IssueCreditNote(note.clone())).then_nothing();
    given([(at(0), event())]).when(at(1), refund(49_00)).then([refunded(30, 49_00, None)]);
    given([(at(0), event())]).when(at(1), refund(49_01)).then_refused(InvoiceRefusal::NotOwed { owed: 49_00 });
}

#[test]
fn the_provider_tells_what_it_has_paid_back_in_all_and_each_part_counts_once() {
    let told_back = |minor, number: u32| RecordRefund {
        refund_id: Uuid::from_u128(40 + u128::from(number)),
        refunded: eur(minor),
        notice: notice(number, 3),
    };
    let first = || refunded(41, 9_00, Some(notice(1, 3)));
    was([(at(1), paid(49_00, 9, 1))]).when(at(3), told_back(9_00, 1)).then([first()]);
    was([(at(3), first())]).when(at(4), told_back(9_00, 1)).then_nothing();
    was([(at(3), first())]).when(at(4), told_back(9_00, 2)).then_refused(InvoiceRefusal::NoMoney);
    was([(at(3), first())]).when(at(4), told_back(20_00, 2)).then([refunded(42, 11_00, Some(notice(2, 3)))]);
    // Told before the payment, and of money that nobody has credited: it is a fact all the same.
    was([]).when(at(3), told_back(9_00, 1)).then([first()]);
}

#[test]
fn a_note_of_the_providers_is_void_in_the_end_whichever_is_told_first() {
    let issued_first = InvoiceCredited { reason: CreditReason::Provider, notice: Some(notice(1, 2)), ..noted(9_00, 0) };
    let void = || VoidCredit { credit: by_provider(9_00, 2), notice: notice(2, 4) };
    was([]).when(at(2), by_provider(9_00, 1)).then([InvoiceEvent::Credited(issued_first.clone())]);
    was([(at(2), InvoiceEvent::Credited(issued_first.clone()))]).when(at(4), void()).then([credit_voided(9_00, notice(2, 4))]);
    let unseen = InvoiceEvent::Credited(InvoiceCredited { notice: Some(notice(2, 2)), ..issued_first });
    was([]).when(at(4), void()).then([unseen.clone(), credit_voided(9_00, notice(2, 4))]);
    let over = || [(at(4), unseen.clone()), (at(4), credit_voided(9_00, notice(2, 4)))];
    was(over()).when(at(5), by_provider(9_00, 1)).then_refused(InvoiceRefusal::OldCredit);
    was(over()).when(at(5), void()).then_nothing();
    was(over()).when(at(5), VoidCredit { credit: by_provider(9_00, 3), notice: notice(3, 5) }).then_refused(InvoiceRefusal::OldCredit);
}
