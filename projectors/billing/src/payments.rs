//! The payments of an invoice and its refunds, one row each: several rows of one stream.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, NewRow, Rows};
use billing::invoice::InvoiceEvent;
use billing::rows::PaymentRow;

/// `PK=INV#<invoice> SK=PAY#<time>#<notice>`.
pub struct Payments;

impl Rows for Payments {
    const NAME: &'static str = "payments";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 2;
    type Event = InvoiceEvent;
    type State = Vec<PaymentRow>;

    fn fold(_: &StreamId, state: &mut Vec<PaymentRow>, event: &InvoiceEvent, recorded: Recorded) -> Result<(), CannotFold> {
        let (id, invoice_id, customer_id, amount, sign) = match event {
            InvoiceEvent::PaymentReceived(paid) => (paid.notice.event.to_string(), paid.invoice_id, &paid.customer_id, paid.amount, 1),
            InvoiceEvent::Refunded(back) => (back.refund_id.to_string(), back.invoice_id, &back.customer_id, back.amount, -1),
            _ => return Ok(()),
        };
        state.push(PaymentRow {
            id,
            invoice_id: invoice_id.to_string(),
            customer_id: customer_id.to_string(),
            amount: sign * amount.minor(),
            currency: amount.currency().code().into(),
            received_at: recorded.at,
        });
        Ok(())
    }

    fn rows(_: &StreamId, state: &Vec<PaymentRow>) -> Vec<NewRow> {
        state.iter().map(|payment| NewRow::new("Payment", payment)).collect()
    }
}
