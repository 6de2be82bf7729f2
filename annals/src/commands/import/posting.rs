//! Posts a document to billing's log: an invoice, or a credit note of its own.
//!
//! Ids and commands are made of the number, so a document is posted once, however often it is imported; and what is there already is
//! compared with what is imported.

use std::sync::Arc;

use annals_kit::ids::derived_uuid;
use annals_kit::{CommandId, Currency, Money, StreamId, Tenant};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_log::{ExecuteError, Expect, Log, LogConfig, Outcome, Request, Streams};
use annals_reads::Reads;
use billing::amount::Amounts;
use billing::decimal::Percent;
use billing::invoice::{CreditNoteIssued, Invoice, InvoiceEvent, InvoiceIssued, InvoiceRefusal, IssueCreditNote, IssueInvoice};
use uuid::Uuid;

use super::lines::Document;
use crate::logs::ServiceLog;
use crate::outcome::CouldNotTell;
use crate::session::Session;

/// Who imports.
const IMPORTER: &str = "importer";

/// Billing's log, for whoever imports into it.
pub(super) struct Posting {
    invoices: Streams<Invoice>,
    tenant: Tenant,
    currency: Currency,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// It is in the log, by this import.
    New(i64),
    /// It was there, as it is imported.
    Known(i64),
    /// Another document is there under its number.
    Differs,
    /// It is neither an invoice nor a credit note: a cancellation above zero.
    Neither,
}

impl Posting {
    /// Into the log of `tenant` here.
    pub(super) fn new(session: &Session, tenant: Tenant, currency: Currency) -> Self {
        let (client, billing) = (session.account(IMPORTER).dynamodb(), ServiceLog::of("billing"));
        let reads = Reads::new(client.clone(), (billing.matrix)());
        let log = Log::new(client, reads, LogConfig::new(billing.table), Arc::new(MachineClock), Arc::new(MachineIds));
        Self { invoices: Streams::new(log), tenant, currency }
    }

    /// Posts a document: below zero as a credit note, otherwise as an invoice.
    ///
    /// Cost: 1 WCU per KB; where it was there before, a strong Query of its stream instead.
    pub(super) async fn post(&self, document: &Document) -> Result<Posted, CouldNotTell> {
        let amounts = Amounts::of(&document.lines, Percent::ZERO, self.currency).map_err(|error| self.stopped(document, error))?;
        let id = derived_uuid("retail invoice", &self.tenant, &document.number);
        let stream = StreamId::of("INV", id);
        let command = CommandId::derived(&self.tenant, &format!("import/retail/{}", document.number));
        let event = self.event(document, id, amounts);
        let actor = IMPORTER.parse().expect("the names of our own actors are tokens");
        let request = Request::new(&self.tenant, actor, command, document.number.as_bytes());
        let outcome = match (&event, amounts.total.minor()) {
            (InvoiceEvent::Issued(_), 1..) if document.is_cancellation() => return Ok(Posted::Neither),
            (InvoiceEvent::Issued(issued), _) => self.invoices.execute(&request, &stream, Expect::New, &IssueInvoice(issued.clone())).await,
            (InvoiceEvent::CreditNoteIssued(note), _) => {
                self.invoices.execute(&request, &stream, Expect::New, &IssueCreditNote(note.clone())).await
            }
            _ => unreachable!("a document is an invoice or a credit note"),
        };
        self.posted(document, &stream, (event, amounts.total.minor()), outcome).await
    }

    async fn posted(
        &self,
        document: &Document,
        stream: &StreamId,
        (event, minor): (InvoiceEvent, i64),
        outcome: Result<Outcome<InvoiceEvent>, ExecuteError<InvoiceRefusal>>,
    ) -> Result<Posted, CouldNotTell> {
        let there = match outcome {
            Ok(Outcome::Committed { repeated: false, .. }) => return Ok(Posted::New(minor)),
            Ok(Outcome::Committed { events, .. }) => events.first().cloned(),
            Ok(Outcome::Unchanged { .. }) => {
                let loaded = self.invoices.load(stream).await.map_err(|error| self.stopped(document, error))?;
                let (issued, note) = (loaded.state.issued, loaded.state.credit_note);
                issued.map(InvoiceEvent::Issued).or(note.map(InvoiceEvent::CreditNoteIssued))
            }
            Err(error) => return Err(self.stopped(document, error)),
        };
        Ok(if there.as_ref() == Some(&event) { Posted::Known(minor) } else { Posted::Differs })
    }

    /// The document as it is recorded. A sale is earned on its day.
    fn event(&self, document: &Document, id: Uuid, amounts: Amounts) -> InvoiceEvent {
        let (day, number) = (document.at.date(), Some(document.number.clone()));
        let account = derived_uuid("retail account", &self.tenant, document.customer.as_str());
        match amounts.total.minor() < 0 {
            true => InvoiceEvent::CreditNoteIssued(CreditNoteIssued {
                credit_note_id: id,
                subscription_id: account,
                customer_id: document.customer.clone(),
                amount: amounts.negated().total,
                tax: None,
                lines: document.lines.clone(),
                number,
                issued_on: day,
                period_start: day,
                period_end: day,
            }),
            false => InvoiceEvent::Issued(InvoiceIssued {
                invoice_id: id,
                subscription_id: account,
                customer_id: document.customer.clone(),
                amount: amounts.total,
                tax: None,
                lines: document.lines.clone(),
                number,
                issued_on: day,
                period_start: day,
                period_end: day,
                provider_invoice: None,
            }),
        }
    }

    fn stopped(&self, document: &Document, error: impl std::fmt::Display) -> CouldNotTell {
        let what = format!("{} could not be posted: {error}", document.number);
        CouldNotTell::new(what, "what was posted before stays; run the import again, and it goes on from there")
    }

    /// An amount as people read it.
    pub(super) fn shown(&self, minor: i64) -> String {
        Money::new(minor, self.currency).map_or_else(|error| error.to_string(), |money| money.to_string())
    }
}
