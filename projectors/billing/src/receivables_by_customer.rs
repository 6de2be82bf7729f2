//! What each customer owes: issued and neither paid, credited, voided nor given up. A refund opens nothing again: it pays back.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::accounts::Books;
use billing::invoice::InvoiceEvent;
use serde::{Deserialize, Serialize};

/// `EUR/<customer>`: minor units owed, and on how many invoices.
pub struct ReceivablesByCustomer;

/// What is open on an invoice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receivable {
    customer: String,
    currency: String,
    books: Books,
}

impl Totals for ReceivablesByCustomer {
    const NAME: &'static str = "receivables-by-customer";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 2;
    type Event = InvoiceEvent;
    type State = Receivable;

    fn fold(
        _: &StreamId,
        state: &mut Receivable,
        event: &InvoiceEvent,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        if let InvoiceEvent::Issued(issued) = event {
            state.customer = issued.customer_id.to_string();
            state.currency = issued.amount.currency().code().into();
        }
        let before = state.books.receivable();
        state.books.post(event, recorded);
        let open = state.books.receivable();
        let key = TotalKey::of([&state.currency, &state.customer]);
        totals.add(key, open - before, i64::from(open > 0) - i64::from(before > 0));
        Ok(())
    }
}
