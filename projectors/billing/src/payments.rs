//! The payments of an invoice, one row each: several rows of one stream.

use annals_kit::{Money, Recorded, StreamId, Timestamp};
use annals_projection::{CannotFold, NewRow, Rows};
use billing::invoice::InvoiceEvent;
use serde::{Deserialize, Serialize};

/// `PK=INV#<invoice> SK=PAY#<time>#<notice>`.
pub struct Payments;

/// One payment; its serde names are attribute names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// The provider's id of the notice that told of it.
    pub id: String,
    /// The invoice.
    pub invoice_id: String,
    /// Who paid.
    pub customer_id: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// When it was recorded.
    pub received_at: Timestamp,
}

impl Rows for Payments {
    const NAME: &'static str = "payments";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = Vec<PaymentRow>;

    fn fold(_: &StreamId, state: &mut Vec<PaymentRow>, event: &InvoiceEvent, recorded: Recorded) -> Result<(), CannotFold> {
        if let InvoiceEvent::PaymentReceived(payment) = event {
            let amount: Money = payment.amount;
            state.push(PaymentRow {
                id: payment.notice.event.to_string(),
                invoice_id: payment.invoice_id.to_string(),
                customer_id: payment.customer_id.to_string(),
                amount: amount.minor(),
                currency: amount.currency().code().into(),
                received_at: recorded.at,
            });
        }
        Ok(())
    }

    fn rows(_: &StreamId, state: &Vec<PaymentRow>) -> Vec<NewRow> {
        state.iter().map(|payment| NewRow::new("Payment", payment)).collect()
    }
}
