//! The legs of an invoice, worked by hand.

use annals_kit::{Money, Recorded, Timestamp, Version};
use billing::accounts::Books;
use billing::invoice::{
    CreditNoteIssued, CreditReason, InvoiceCredited, InvoiceEvent, InvoiceIssued, MarkedUncollectible, PaymentRefunded,
};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::invoice_stories::{at, eur, given_up, invoice, paid, voided};

/// What stands where after these events: `account/month` and minor units, debits above zero.
fn books(events: impl IntoIterator<Item = (Timestamp, InvoiceEvent)>) -> BTreeMap<String, i64> {
    let (mut books, mut sums) = (Books::default(), BTreeMap::new());
    for (at, event) in events {
        for leg in books.post(&event, Recorded { version: Version::FIRST, at }) {
            *sums.entry(format!("{}/{}", leg.account.name(), leg.month)).or_default() += leg.amount;
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

#[track_caller]
fn stand(events: impl IntoIterator<Item = (Timestamp, InvoiceEvent)>, wanted: &[(&str, i64)]) {
    let wanted: BTreeMap<String, i64> = wanted.iter().map(|(key, amount)| ((*key).to_owned(), *amount)).collect();
    assert_eq!(books(events), wanted);
}

/// 119.00 with 19.00 of tax, from January 16th to February 15th: 16 days and 15 of 31... 30 days: 15 in January, 15 in February.
fn taxed() -> InvoiceEvent {
    let (period_start, period_end) = ("2026-01-17".parse().unwrap(), "2026-02-16".parse().unwrap());
    InvoiceEvent::Issued(InvoiceIssued { tax: Some(eur(19_00)), issued_on: period_start, period_start, period_end, ..invoice(119_00) })
}

fn credited(minor: i64, tax: i64, from: &str, until: &str) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(119_00);
    InvoiceEvent::Credited(InvoiceCredited {
        invoice_id,
        subscription_id,
        customer_id,
        credit_note_id: Uuid::from_u128(2),
        amount: eur(minor),
        tax: Some(eur(tax)),
        lines: vec![],
        reason: CreditReason::Unused,
        period_start: from.parse().unwrap(),
        period_end: until.parse().unwrap(),
        notice: None,
    })
}

fn refunded(minor: i64) -> InvoiceEvent {
    let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = invoice(119_00);
    let (refund_id, amount, notice) = (Uuid::from_u128(3), eur(minor), None);
    InvoiceEvent::Refunded(PaymentRefunded { invoice_id, subscription_id, customer_id, refund_id, amount, notice })
}

/// Revenue of the 30 days of [`taxed`]: 50.00 a month.
const EARNED: [(&str, i64); 2] = [("revenue/2026-01", -50_00), ("revenue/2026-02", -50_00)];

#[test]
fn an_invoice_is_receivable_and_its_net_is_earned_day_by_day() {
    // Deferred: 100.00 on issue, less 50.00 earned in January; 50.00 earned in February.
    let deferred = [("deferred-revenue/2026-01", -50_00), ("deferred-revenue/2026-02", 50_00)];
    stand([(at(16), taxed())], &[&EARNED[..], &deferred, &[("receivable/2026-01", 119_00), ("tax/2026-01", -19_00)]].concat());
}

#[test]
fn days_that_had_gone_by_are_earned_in_the_month_of_issue() {
    // 31.00 from December 22nd to January 22nd, issued in January: 10 days of December count for January.
    let late = InvoiceIssued { issued_on: at(3).date(), period_start: at(-10).date(), period_end: at(21).date(), ..invoice(31_00) };
    stand([(at(3), InvoiceEvent::Issued(late))], &[("receivable/2026-01", 31_00), ("revenue/2026-01", -31_00)]);
}

#[test]
fn a_payment_moves_the_receivable_to_cash_and_what_is_too_much_is_the_customers() {
    let deferred = [("deferred-revenue/2026-01", -50_00), ("deferred-revenue/2026-02", 50_00)];
    let wanted = [
        &EARNED[..],
        &deferred,
        &[("cash/2026-02", 120_00), ("customer-credit/2026-02", -1_00), ("tax/2026-01", -19_00)],
        &[("receivable/2026-01", 119_00), ("receivable/2026-02", -119_00)],
    ];
    stand([(at(16), taxed()), (at(40), paid(120_00, 1, 40))], &wanted.concat());
}

#[test]
fn a_credit_note_for_days_to_come_takes_back_what_they_would_have_earned() {
    // 15 of 30 days, from February 1st: half of everything, and nothing of January.
    let note = credited(59_50, 9_50, "2026-02-01", "2026-02-16");
    let wanted = [("revenue/2026-01", -50_00), ("deferred-revenue/2026-01", 0), ("receivable/2026-01", 59_50), ("tax/2026-01", -9_50)];
    let wanted: Vec<_> = wanted.into_iter().filter(|(_, amount)| *amount != 0).collect();
    stand([(at(16), taxed()), (at(20), note)], &wanted);
}

#[test]
fn a_credit_note_for_the_whole_invoice_takes_back_at_once_what_has_been_earned() {
    // Ten of a hundred, on February 5th: January's 5.00 are taken back in February, which is not closed.
    let note = credited(11_90, 1_90, "2026-01-17", "2026-02-16");
    let wanted = [
        ("revenue/2026-01", -50_00),
        ("revenue/2026-02", -40_00),
        ("deferred-revenue/2026-01", -50_00),
        ("deferred-revenue/2026-02", 50_00),
        ("receivable/2026-01", 119_00),
        ("receivable/2026-02", -11_90),
        ("tax/2026-01", -19_00),
        ("tax/2026-02", 1_90),
    ];
    stand([(at(16), taxed()), (at(35), note)], &wanted);
}

#[test]
fn a_refund_of_what_was_credited_leaves_nothing_whatever_is_told_first() {
    let all = [(16, taxed()), (17, paid(119_00, 1, 17)), (18, credited(119_00, 19_00, "2026-01-17", "2026-02-16")), (19, refunded(119_00))];
    for order in [[0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 1, 3], [0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]] {
        stand(order.map(|number| (at(all[number].0), all[number].1.clone())), &[]);
    }
}

#[test]
fn a_refund_that_nobody_credited_is_an_expense() {
    let wanted = [
        ("cash/2026-01", 110_00),
        ("refunds/2026-01", 9_00),
        ("revenue/2026-01", -50_00),
        ("revenue/2026-02", -50_00),
        ("deferred-revenue/2026-01", -50_00),
        ("deferred-revenue/2026-02", 50_00),
        ("tax/2026-01", -19_00),
    ];
    stand([(at(16), taxed()), (at(17), paid(119_00, 1, 17)), (at(18), refunded(9_00))], &wanted);
}

#[test]
fn an_invoice_that_is_given_up_is_bad_debt_until_it_is_paid_after_all() {
    let InvoiceEvent::MarkedUncollectible(marked) = given_up(None) else { unreachable!() };
    let marked = InvoiceEvent::MarkedUncollectible(MarkedUncollectible { amount: eur(119_00), ..marked });
    let of =
        |name| move |books: BTreeMap<String, i64>| books.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, sum)| sum).sum::<i64>();
    let lost = || [(at(16), taxed()), (at(50), marked.clone())];
    assert_eq!((of("bad-debt")(books(lost())), of("receivable")(books(lost()))), (119_00, 0));
    let after_all = || lost().into_iter().chain([(at(60), paid(100_00, 1, 60))]);
    assert_eq!((of("bad-debt")(books(after_all())), of("receivable")(books(after_all()))), (19_00, 0));
}

#[test]
fn an_invoice_that_is_taken_back_leaves_nothing() {
    stand([(at(16), taxed()), (at(17), voided(1, 17))], &[]);
}

#[test]
fn a_credit_note_of_its_own_is_the_customers_credit_until_it_is_paid_out() {
    let day = at(0).date();
    let note = InvoiceEvent::CreditNoteIssued(CreditNoteIssued {
        credit_note_id: Uuid::from_u128(7),
        subscription_id: Uuid::from_u128(1),
        customer_id: "ada".parse().unwrap(),
        amount: eur(119_00),
        tax: Some(eur(19_00)),
        lines: vec![],
        number: None,
        issued_on: day,
        period_start: day,
        period_end: day,
    });
    let wanted = [("customer-credit/2026-01", -119_00), ("revenue/2026-01", 100_00), ("tax/2026-01", 19_00)];
    stand([(at(0), note.clone())], &wanted);
    stand([(at(0), note), (at(1), refunded(119_00))], &[("cash/2026-01", -119_00), ("revenue/2026-01", 100_00), ("tax/2026-01", 19_00)]);
}

#[test]
fn a_month_takes_its_share_of_uneven_cents_and_all_months_the_whole() {
    // 10.00 over 90 days from January 1st: 31 days are 3.44 (3.444..), 59 days 6.56 (6.555..), so February gets 3.12 and March 3.44.
    let quarter = InvoiceIssued { period_end: at(90).date(), ..invoice(10_00) };
    let sums = books([(at(0), InvoiceEvent::Issued(quarter))]);
    let earned: Vec<i64> = ["2026-01", "2026-02", "2026-03"].iter().map(|month| -sums[&format!("revenue/{month}")]).collect();
    assert_eq!(earned, [3_44, 3_12, 3_44]);
    assert_eq!(earned.iter().sum::<i64>(), Money::new(10_00, "EUR".parse().unwrap()).unwrap().minor());
}
