//! What finance looks at, worked by hand: MRR, receivables, revenue and accounts, as subscriptions change, end, go on, and are paid back.

use annals_kit::{Money, StreamId, Timestamp};
use annals_projection::story::{Given, given};
use billing::decimal::Percent;
use billing::invoice::{
    CreditReason, InvoiceCreditVoided, InvoiceCredited, InvoiceEvent, InvoiceIssued, Notice, PaymentReceived, PaymentRefunded,
};
use billing::plan::Interval;
use billing::subscription::{
    CancelReason, CancellationScheduled, SubscriptionCancelled, SubscriptionChanged, SubscriptionCreated, SubscriptionEvent,
    SubscriptionReactivated, Terms, TrialEnded,
};
use billing_projectors::account_balances::AccountBalances;
use billing_projectors::active_customers::ActiveCustomers;
use billing_projectors::credit_notes::CreditNotes;
use billing_projectors::mrr_movements::MrrMovements;
use billing_projectors::open_invoices::OpenInvoices;
use billing_projectors::payments::Payments;
use billing_projectors::receivables_by_customer::ReceivablesByCustomer;
use billing_projectors::revenue_by_month::RevenueByMonth;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(1);
const INVOICE: Uuid = Uuid::from_u128(7);

/// The first of a month of 2026.
fn month(number: i64) -> Timestamp {
    format!("2026-{number:02}-01T00:00:00.000000Z").parse().unwrap()
}

fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse().unwrap()).unwrap()
}

fn terms(plan: &str, minor: i64, interval: Interval, quantity: u32) -> Terms {
    let (plan, price, tax_percent) = (plan.parse().unwrap(), eur(minor), Percent::ZERO);
    Terms { plan, plan_version: None, price, interval, quantity, tax_percent }
}

fn pro() -> Terms {
    terms("pro", 49_00, Interval::Month, 1)
}

fn created(trial: bool) -> SubscriptionEvent {
    let Terms { plan, plan_version, price, interval, quantity, tax_percent } = pro();
    SubscriptionEvent::Created(SubscriptionCreated {
        subscription_id: ID,
        customer_id: "ada".parse().unwrap(),
        plan,
        plan_version,
        price,
        interval,
        quantity,
        tax_percent,
        starts_on: None,
        trial_ends_on: trial.then(|| month(2).date()),
        provider_subscription: None,
    })
}

fn changed(from: &Terms, to: &Terms) -> SubscriptionEvent {
    SubscriptionEvent::Changed(SubscriptionChanged {
        subscription_id: ID,
        customer_id: "ada".parse().unwrap(),
        from: from.clone(),
        to: to.clone(),
        effective_on: month(1).date(),
        adjustment: None,
    })
}

fn cancelled() -> SubscriptionEvent {
    let (customer_id, reason) = ("ada".parse().unwrap(), CancelReason::Requested);
    SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id: ID, customer_id, reason, invoice_id: None, adjustment: None })
}

fn reactivated(terms: &Terms) -> SubscriptionEvent {
    SubscriptionEvent::Reactivated(SubscriptionReactivated {
        subscription_id: ID,
        customer_id: "ada".parse().unwrap(),
        terms: terms.clone(),
        anchor: month(6).date(),
        invoiced_from: month(6).date(),
    })
}

fn subscription() -> Given<SubscriptionEvent> {
    given(StreamId::of("SUB", ID))
}

type Totals = Vec<(String, i128, i128)>;

fn totals(wanted: &[(&str, i128, i128)]) -> Totals {
    wanted.iter().map(|(key, sum, count)| ((*key).to_owned(), *sum, *count)).collect()
}

#[test]
fn mrr_moves_with_plan_quantity_and_interval_and_with_the_end_and_what_comes_after_it() {
    let (more, year) = (terms("pro", 49_00, Interval::Month, 3), terms("team", 600_00, Interval::Year, 1));
    let ends = CancellationScheduled { subscription_id: ID, customer_id: "ada".parse().unwrap(), ends_on: month(5).date() };
    let story = subscription()
        .on(month(1), created(false))
        .on(month(2), changed(&pro(), &more))
        .on(month(3), changed(&more, &year))
        .on(month(4), SubscriptionEvent::CancellationScheduled(ends))
        .on(month(5), cancelled())
        .on(month(6), reactivated(&year));
    // 49.00; three of them are 147.00, 98.00 more; 600.00 a year are 50.00, 97.00 less; nothing while it only will end; then all of it.
    let wanted = [
        ("EUR/pro/2026-01/new", 49_00, 1),
        ("EUR/pro/2026-02/expansion", 98_00, 1),
        ("EUR/team/2026-03/contraction", -97_00, 1),
        ("EUR/team/2026-05/churn", -50_00, 1),
        ("EUR/team/2026-06/reactivation", 50_00, 1),
    ];
    assert_eq!(story.totals::<MrrMovements>().unwrap(), totals(&wanted));
    assert_eq!(story.totals::<ActiveCustomers>().unwrap(), totals(&[("ada", 0, 1)]));
}

#[test]
fn a_trial_counts_when_it_is_over_at_what_is_agreed_by_then_and_never_where_it_ends_before() {
    let two = terms("pro", 49_00, Interval::Month, 2);
    let over = SubscriptionEvent::TrialEnded(TrialEnded { subscription_id: ID, customer_id: "ada".parse().unwrap() });
    let story = subscription().on(month(1), created(true)).on(month(1), changed(&pro(), &two)).on(month(2), over);
    assert_eq!(story.totals::<MrrMovements>().unwrap(), totals(&[("EUR/pro/2026-02/new", 98_00, 1)]));
    let story = subscription().on(month(1), created(true)).on(month(1), cancelled()).on(month(3), reactivated(&pro()));
    assert_eq!(story.totals::<MrrMovements>().unwrap(), totals(&[("EUR/pro/2026-03/new", 49_00, 1)]));
}

fn issued() -> InvoiceEvent {
    InvoiceEvent::Issued(InvoiceIssued {
        invoice_id: INVOICE,
        subscription_id: ID,
        customer_id: "ada".parse().unwrap(),
        amount: eur(59_00),
        tax: Some(eur(9_42)),
        lines: vec![],
        number: None,
        issued_on: month(1).date(),
        period_start: month(1).date(),
        period_end: month(2).date(),
        provider_invoice: None,
    })
}

fn notice() -> Notice {
    Notice { event: "evt_1".parse().unwrap(), event_type: "t".into(), at: month(1) }
}

fn paid(minor: i64) -> InvoiceEvent {
    let (customer_id, notice) = ("ada".parse().unwrap(), notice());
    InvoiceEvent::PaymentReceived(PaymentReceived { invoice_id: INVOICE, subscription_id: ID, customer_id, amount: eur(minor), notice })
}

fn credited(minor: i64, tax: i64) -> InvoiceCredited {
    InvoiceCredited {
        invoice_id: INVOICE,
        subscription_id: ID,
        customer_id: "ada".parse().unwrap(),
        credit_note_id: Uuid::from_u128(8),
        amount: eur(minor),
        tax: Some(eur(tax)),
        lines: vec![],
        reason: CreditReason::Unused,
        period_start: month(1).date(),
        period_end: month(2).date(),
        notice: None,
    }
}

fn refunded(minor: i64) -> InvoiceEvent {
    let (customer_id, refund_id) = ("ada".parse().unwrap(), Uuid::from_u128(9));
    let amount = eur(minor);
    InvoiceEvent::Refunded(PaymentRefunded { invoice_id: INVOICE, subscription_id: ID, customer_id, refund_id, amount, notice: None })
}

fn invoice() -> Given<InvoiceEvent> {
    given(StreamId::of("INV", INVOICE))
}

#[test]
fn receivables_fall_with_payments_and_credits_and_a_refund_opens_nothing_again() {
    let part = || invoice().on(month(1), issued()).on(month(1), paid(20_00)).on(month(2), InvoiceEvent::Credited(credited(9_00, 1_44)));
    // 59.00 - 20.00 - 9.00.
    assert_eq!(part().totals::<ReceivablesByCustomer>().unwrap(), totals(&[("EUR/ada", 30_00, 1)]));
    let settled = || part().on(month(2), paid(39_00));
    // Paid 59.00 in all, 9.00 of them beyond what was owed: paid back.
    assert_eq!(settled().totals::<ReceivablesByCustomer>().unwrap(), totals(&[]));
    assert_eq!(settled().on(month(3), refunded(9_00)).totals::<ReceivablesByCustomer>().unwrap(), totals(&[]));
    assert!(settled().rows::<OpenInvoices>().unwrap().is_empty());
    assert_eq!(part().rows::<OpenInvoices>().unwrap()[0].1["open"].as_n().unwrap(), "3000");
}

#[test]
fn a_credit_that_was_taken_back_is_owed_again() {
    let InvoiceCredited { invoice_id, subscription_id, customer_id, credit_note_id, amount, tax, period_start, period_end, .. } =
        credited(9_00, 1_44);
    let voided = InvoiceEvent::CreditVoided(InvoiceCreditVoided {
        invoice_id,
        subscription_id,
        customer_id,
        credit_note_id,
        amount,
        tax,
        period_start,
        period_end,
        notice: notice(),
    });
    let story = || invoice().on(month(1), issued()).on(month(2), InvoiceEvent::Credited(credited(9_00, 1_44))).on(month(3), voided.clone());
    assert_eq!(story().totals::<ReceivablesByCustomer>().unwrap(), totals(&[("EUR/ada", 59_00, 1)]));
    let notes = story().rows::<CreditNotes>().unwrap();
    assert_eq!(
        (notes.len(), notes[0].1["status"].as_s().unwrap().as_str(), notes[0].1["amount"].as_n().unwrap().as_str()),
        (1, "void", "900")
    );
}

#[test]
fn cash_revenue_is_what_came_in_less_what_was_paid_back_in_its_month() {
    let story = || invoice().on(month(1), issued()).on(month(2), paid(59_00)).on(month(3), refunded(9_00));
    assert_eq!(story().totals::<RevenueByMonth>().unwrap(), totals(&[("EUR/2026-02", 59_00, 1), ("EUR/2026-03", -9_00, 0)]));
    let amounts: Vec<_> = story().rows::<Payments>().unwrap().iter().map(|row| row.1["amount"].as_n().unwrap().clone()).collect();
    assert_eq!(amounts, ["5900", "-900"]);
}

#[test]
fn accounts_are_kept_by_currency_and_month_and_come_to_nothing_together() {
    // 49.58 net and 9.42 tax for January; paid in February; 11.80 (9.92 and 1.88) credited in March, when all was earned, and paid back.
    let story = invoice()
        .on(month(1), issued())
        .on(month(2), paid(59_00))
        .on(month(3), InvoiceEvent::Credited(credited(11_80, 1_88)))
        .on(month(3), refunded(11_80));
    let wanted = [
        ("cash/EUR/2026-02", 59_00, 1),
        ("cash/EUR/2026-03", -11_80, 1),
        ("customer-credit/EUR/2026-03", 0, 2),
        ("deferred-revenue/EUR/2026-01", 0, 2),
        ("deferred-revenue/EUR/2026-03", 0, 2),
        ("receivable/EUR/2026-01", 59_00, 1),
        ("receivable/EUR/2026-02", -59_00, 1),
        ("revenue/EUR/2026-01", -49_58, 1),
        ("revenue/EUR/2026-03", 9_92, 1),
        ("tax/EUR/2026-01", -9_42, 1),
        ("tax/EUR/2026-03", 1_88, 1),
    ];
    let balances = story.totals::<AccountBalances>().unwrap();
    assert_eq!(balances, totals(&wanted));
    assert_eq!(balances.iter().map(|(_, sum, _)| sum).sum::<i128>(), 0);
}
