//! Revenue by currency and month, on a cash basis: payments received less refunds, each in the month in which it was recorded. What was
//! earned in a month, whether paid or not, is `revenue` of the account balances.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::invoice::InvoiceEvent;

/// `EUR/2026-11`: minor units received less those paid back, and how many payments.
pub struct RevenueByMonth;

impl Totals for RevenueByMonth {
    const NAME: &'static str = "revenue-by-month";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 2;
    type Event = InvoiceEvent;
    type State = ();

    fn fold(_: &StreamId, _: &mut (), event: &InvoiceEvent, recorded: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        let (amount, minor, count) = match event {
            InvoiceEvent::PaymentReceived(payment) => (payment.amount, payment.amount.minor(), 1),
            InvoiceEvent::Refunded(refund) => (refund.amount, -refund.amount.minor(), 0),
            _ => return Ok(()),
        };
        let month = recorded.at.date().format("%Y-%m").to_string();
        totals.add(TotalKey::of([amount.currency().code(), &month]), minor, count);
        Ok(())
    }
}
