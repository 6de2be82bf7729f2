//! What each customer owes: issued and neither paid, voided nor given up.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::invoice::InvoiceEvent;
use serde::{Deserialize, Serialize};

/// `EUR/<customer>`: minor units owed, and on how many invoices.
pub struct ReceivablesByCustomer;

/// What is open on an invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receivable {
    customer: String,
    currency: String,
    open: i64,
}

impl Receivable {
    fn becomes(&mut self, open: i64, totals: &mut Contributions) {
        let key = TotalKey::of([&self.currency, &self.customer]);
        totals.add(key, open - self.open, i64::from(open > 0) - i64::from(self.open > 0));
        self.open = open;
    }
}

impl Totals for ReceivablesByCustomer {
    const NAME: &'static str = "receivables-by-customer";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = Receivable;

    fn fold(_: &StreamId, state: &mut Receivable, event: &InvoiceEvent, _: Recorded, totals: &mut Contributions) -> Result<(), CannotFold> {
        match event {
            InvoiceEvent::Issued(issued) => {
                state.customer = issued.customer_id.to_string();
                state.currency = issued.amount.currency().code().into();
                state.becomes(issued.amount.minor(), totals);
            }
            // More than was owed is not owed back here.
            InvoiceEvent::PaymentReceived(payment) => state.becomes((state.open - payment.amount.minor()).max(0), totals),
            InvoiceEvent::MarkedUncollectible(_) | InvoiceEvent::Voided(_) => state.becomes(0, totals),
            _ => {}
        }
        Ok(())
    }
}
