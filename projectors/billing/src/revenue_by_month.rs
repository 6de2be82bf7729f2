//! Revenue by currency and month, on a cash basis: payments received, in the month in which they were.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::invoice::InvoiceEvent;

/// `EUR/2026-11`: minor units received, and how many payments.
pub struct RevenueByMonth;

impl Totals for RevenueByMonth {
    const NAME: &'static str = "revenue-by-month";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = ();

    fn fold(_: &StreamId, _: &mut (), event: &InvoiceEvent, recorded: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentReceived(payment) = event {
            let month = recorded.at.date().format("%Y-%m").to_string();
            totals.add(TotalKey::of([payment.amount.currency().code(), &month]), payment.amount.minor(), 1);
        }
        Ok(())
    }
}
