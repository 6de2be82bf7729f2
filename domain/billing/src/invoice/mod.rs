//! Invoices: issued once, paid in one payment or several; credited, refunded; or in dunning, and in the end given up. Credit notes that
//! belong to no invoice are streams beside them.
//!
//! - `events`: what happens to one, the words that are stored and published
//! - `state`: what its history folds to
//! - `commands`: issuing it, taking in what the payment provider says, and the next step of its dunning
//! - `credit`: crediting it, and paying back

mod commands;
mod credit;
mod events;
mod state;

pub use commands::{Happened, InvoiceRefusal, IssueInvoice, RecordNotice, TakeDunningStep};
pub use credit::{CreditInvoice, IssueCreditNote, Most, RecordRefund, RefundInvoice, VoidCredit};
pub use events::{
    CreditNoteIssued, CreditReason, DunningStarted, DunningStepTaken, DunningStopped, InvoiceCreditVoided, InvoiceCredited, InvoiceEvent,
    InvoiceIssued, InvoiceVoided, MarkedUncollectible, Notice, PaymentFailed, PaymentReceived, PaymentRefunded, StopReason,
};
pub use state::{Credit, Invoice};
