//! The credit notes of an invoice, one row each.

use annals_kit::{Money, Recorded, StreamId};
use annals_projection::{CannotFold, NewRow, Rows};
use billing::invoice::InvoiceEvent;
use billing::rows::CreditNoteRow;

/// `PK=INV#<invoice> SK=NOTE#<time>#<id>`.
pub struct CreditNotes;

impl Rows for CreditNotes {
    const NAME: &'static str = "credit-notes";
    const STREAM_TYPE: &'static str = "INV";
    const REVISION: u32 = 1;
    type Event = InvoiceEvent;
    type State = Vec<CreditNoteRow>;

    fn fold(_: &StreamId, state: &mut Vec<CreditNoteRow>, event: &InvoiceEvent, recorded: Recorded) -> Result<(), CannotFold> {
        match event {
            InvoiceEvent::Credited(note) => state.push(CreditNoteRow {
                id: note.credit_note_id.to_string(),
                invoice_id: note.invoice_id.to_string(),
                customer_id: note.customer_id.to_string(),
                amount: note.amount.minor(),
                tax: note.tax.map_or(0, Money::minor),
                currency: note.amount.currency().code().into(),
                reason: note.reason,
                status: "issued".into(),
                issued_at: recorded.at,
            }),
            InvoiceEvent::CreditVoided(voided) => {
                let id = voided.credit_note_id.to_string();
                state.iter_mut().filter(|note| note.id == id).for_each(|note| note.status = "void".into());
            }
            _ => {}
        }
        Ok(())
    }

    fn rows(_: &StreamId, state: &Vec<CreditNoteRow>) -> Vec<NewRow> {
        state.iter().map(|note| NewRow::new("CreditNote", note)).collect()
    }
}
