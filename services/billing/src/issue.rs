//! The invoice of one period, the same whoever asks for it: a person over HTTP, or the schedule.

use annals_kit::Tenant;
use annals_kit::ids::derived_uuid;
use billing::calendar::Period;
use billing::invoice::InvoiceIssued;
use billing::subscription::SubscriptionCreated;
use chrono::NaiveDate;

/// The invoice of `period`. Its id is made of subscription and period, so a period is invoiced once.
pub(crate) fn invoice_of(tenant: &Tenant, terms: &SubscriptionCreated, period: Period, today: NaiveDate) -> InvoiceIssued {
    let Period { start, end } = period;
    InvoiceIssued {
        invoice_id: derived_uuid("invoice", tenant, &format!("{}/{start}", terms.subscription_id)),
        subscription_id: terms.subscription_id,
        customer_id: terms.customer_id.clone(),
        amount: terms.price,
        issued_on: today,
        period_start: start,
        period_end: end,
        provider_invoice: None,
    }
}
