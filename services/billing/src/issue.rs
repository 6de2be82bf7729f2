//! The invoice of one period, the same whoever asks for it: a person over HTTP, or the schedule; and the ids of what follows from it.

use annals_kit::Tenant;
use annals_kit::ids::derived_uuid;
use billing::amount::{Amounts, Line, NoAmount};
use billing::calendar::Period;
use billing::invoice::InvoiceIssued;
use billing::subscription::{Agreement, Subscription};
use chrono::NaiveDate;
use uuid::Uuid;

/// The invoice of `period`, on the terms of `agreement`.
pub(crate) fn invoice_of(
    tenant: &Tenant,
    subscription: &Subscription,
    agreement: &Agreement,
    period: Period,
    today: NaiveDate,
) -> Result<InvoiceIssued, NoAmount> {
    let terms = &agreement.terms;
    let id = invoice_id(tenant, subscription, agreement, period.start);
    Ok(invoice(id, agreement, (vec![terms.line(1, None)?], terms.amounts()?), period, today))
}

/// An invoice of these lines.
pub(crate) fn invoice(
    invoice_id: Uuid,
    agreement: &Agreement,
    (lines, amounts): (Vec<Line>, Amounts),
    Period { start, end }: Period,
    today: NaiveDate,
) -> InvoiceIssued {
    InvoiceIssued {
        invoice_id,
        subscription_id: agreement.began.subscription_id,
        customer_id: agreement.began.customer_id.clone(),
        amount: amounts.total,
        tax: Some(amounts.tax).filter(|tax| tax.minor() != 0),
        lines,
        number: None,
        issued_on: today,
        period_start: start,
        period_end: end,
        provider_invoice: None,
    }
}

/// The id of the invoice of the period that begins on this day: made of subscription and day, so that a period is invoiced once. Where the
/// subscription went on after it had ended, a day may begin a period again.
pub(crate) fn invoice_id(tenant: &Tenant, subscription: &Subscription, agreement: &Agreement, period_start: NaiveDate) -> Uuid {
    let name = match subscription.reactivated {
        0 => format!("{}/{period_start}", agreement.began.subscription_id),
        times => format!("{}/{period_start}/{times}", agreement.began.subscription_id),
    };
    derived_uuid("invoice", tenant, &name)
}

/// The id of what settles an adjustment: an invoice, a credit note of the period's invoice, or one that belongs to none.
pub(crate) fn settlement_id(tenant: &Tenant, purpose: &str, subscription: Uuid, number: u32) -> Uuid {
    derived_uuid(purpose, tenant, &format!("{subscription}/adjustment/{number}"))
}
