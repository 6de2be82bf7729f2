//! Invoices: issued once, paid in one payment or several; or in dunning, and in the end given up.
//!
//! - `events`: what happens to one, the words that are stored and published
//! - `state`: what its history folds to
//! - `commands`: issuing it, taking in what the payment provider says, and the next step of its dunning

mod commands;
mod events;
mod state;

pub use commands::{Happened, InvoiceRefusal, IssueInvoice, RecordNotice, TakeDunningStep};
pub use events::{
    DunningStarted, DunningStepTaken, DunningStopped, InvoiceEvent, InvoiceIssued, InvoiceVoided, MarkedUncollectible, Notice,
    PaymentFailed, PaymentReceived, StopReason,
};
pub use state::Invoice;
