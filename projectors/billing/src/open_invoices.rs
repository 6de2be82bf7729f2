//! What a customer still has to pay, invoice by invoice: a row that is there while something is open.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, NewRow, Rows};
use billing::invoice::InvoiceEvent;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// `PK=OPEN#<customer> SK=<day of issue>#<invoice>`.
pub struct OpenInvoices;

/// An open invoice; its serde names are attribute names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenInvoiceRow {
    /// The invoice.
    pub id: String,
    /// Who is to pay.
    pub customer_id: String,
    /// Minor units not paid yet.
    pub open: i64,
    /// ISO 4217.
    pub currency: String,
    /// The day it was issued.
    pub issued_on: NaiveDate,
}

impl Rows for OpenInvoices {
    const NAME: &'static str = "open-invoices";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 2;
    type Event = InvoiceEvent;
    type State = Option<OpenInvoiceRow>;

    fn fold(_: &StreamId, state: &mut Option<OpenInvoiceRow>, event: &InvoiceEvent, _: Recorded) -> Result<(), CannotFold> {
        match (event, state) {
            (InvoiceEvent::Issued(issued), state) => {
                *state = Some(OpenInvoiceRow {
                    id: issued.invoice_id.to_string(),
                    customer_id: issued.customer_id.to_string(),
                    open: issued.amount.minor(),
                    currency: issued.amount.currency().code().into(),
                    issued_on: issued.issued_on,
                });
            }
            (InvoiceEvent::PaymentReceived(payment), Some(row)) => row.open -= payment.amount.minor(),
            (InvoiceEvent::Credited(note), Some(row)) => row.open -= note.amount.minor(),
            (InvoiceEvent::CreditVoided(note), Some(row)) => row.open += note.amount.minor(),
            (InvoiceEvent::MarkedUncollectible(_) | InvoiceEvent::Voided(_), state) => *state = None,
            _ => {}
        }
        Ok(())
    }

    fn rows(_: &StreamId, state: &Option<OpenInvoiceRow>) -> Vec<NewRow> {
        state.iter().filter(|row| row.open > 0).map(|row| NewRow::new("OpenInvoice", row)).collect()
    }
}
