//! Invoices: issued once, paid in one payment or several, or not.

use annals_kit::{Aggregate, Command, CustomerId, Event, Money, ProviderId, Recorded, Schema, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What happens to an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum InvoiceEvent {
    /// It was issued.
    #[serde(rename = "INVOICE_ISSUED")]
    Issued(InvoiceIssued),
    /// Money came in.
    #[serde(rename = "PAYMENT_RECEIVED")]
    PaymentReceived(PaymentReceived),
    /// An attempt to collect money failed.
    #[serde(rename = "PAYMENT_FAILED")]
    PaymentFailed(PaymentFailed),
}

/// An invoice was issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceIssued {
    /// Its id.
    pub invoice_id: Uuid,
    /// For which subscription.
    pub subscription_id: Uuid,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The first day it covers.
    pub period_start: NaiveDate,
    /// The first day it no longer covers.
    pub period_end: NaiveDate,
    /// Its id at the payment provider, where the provider issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_invoice: Option<ProviderId>,
}

/// Money came in for an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReceived {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who paid.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// An attempt to collect an invoice failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// Which notice of the payment provider a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// The provider's event id.
    pub event: ProviderId,
    /// The provider's event type: one payment is told under several.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When the provider says it happened.
    pub at: Timestamp,
}

impl Event for InvoiceEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "INVOICE_ISSUED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_RECEIVED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_FAILED", upcasts: &[], published: true },
    ];
}

/// An invoice's state; `issued` is `None` before it exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// What was issued.
    pub issued: Option<InvoiceIssued>,
    /// Minor units received so far.
    pub received: i64,
    /// When it was paid in full.
    pub paid_at: Option<Timestamp>,
    /// The notices taken in.
    pub notices: Vec<Notice>,
    /// The highest failed attempt.
    pub failed_attempts: u32,
}

impl Aggregate for Invoice {
    const STREAM_TYPE: &'static str = "INV";
    const FOLD_REVISION: u32 = 1;
    type Event = InvoiceEvent;

    fn evolve(&mut self, event: &InvoiceEvent, recorded: Recorded) {
        match event {
            InvoiceEvent::Issued(issued) => self.issued = Some(issued.clone()),
            InvoiceEvent::PaymentReceived(payment) => {
                self.received = self.received.saturating_add(payment.amount.minor());
                self.notices.push(payment.notice.clone());
                let due = self.issued.as_ref().map_or(0, |issued| issued.amount.minor());
                if self.received >= due {
                    self.paid_at.get_or_insert(recorded.at);
                }
            }
            InvoiceEvent::PaymentFailed(failed) => {
                self.failed_attempts = self.failed_attempts.max(failed.attempt);
                self.notices.push(failed.notice.clone());
            }
        }
    }
}

/// Issues an invoice.
#[derive(Clone, Debug)]
pub struct IssueInvoice(pub InvoiceIssued);

/// What a payment provider says happened to an invoice.
#[derive(Clone, Debug)]
pub struct RecordNotice {
    /// The invoice as the provider issued it, to be issued here if it is not known yet.
    pub issue: Option<InvoiceIssued>,
    /// What happened.
    pub happened: Happened,
    /// The notice.
    pub notice: Notice,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// This much was paid in all, this notice and earlier ones together: providers tell the sum, not the step.
    Paid(Money),
    /// An attempt failed; this much is still due.
    Failed {
        /// Still due.
        due: Money,
        /// Which attempt, from 1.
        attempt: u32,
    },
}

/// Why a command on an invoice is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// There is no such invoice, and the notice does not describe one.
    #[error("there is no such invoice")]
    Unknown,
    /// An amount below zero.
    #[error("an invoice cannot be below zero")]
    NegativeAmount,
    /// The period ends before it begins.
    #[error("the period ends before it begins")]
    EmptyPeriod,
    /// The payment is in another currency.
    #[error("the invoice is in another currency")]
    OtherCurrency,
    /// It is paid in full already.
    #[error("the invoice is paid already")]
    AlreadyPaid,
    /// The notice tells of no money that is not recorded.
    #[error("the notice tells of no money that is not recorded")]
    NoMoney,
    /// This attempt, or a later one, is recorded already.
    #[error("a failed attempt of this number is recorded already")]
    OldAttempt,
}

impl Command for IssueInvoice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// Issuing what is issued already changes nothing: an invoice's id is made of what it is for.
    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        match &state.issued {
            Some(_) => Ok(vec![]),
            None => Ok(vec![InvoiceEvent::Issued(checked(&self.0)?)]),
        }
    }
}

fn checked(issued: &InvoiceIssued) -> Result<InvoiceIssued, InvoiceRefusal> {
    match () {
        () if issued.amount.minor() < 0 => Err(InvoiceRefusal::NegativeAmount),
        () if issued.period_end < issued.period_start => Err(InvoiceRefusal::EmptyPeriod),
        () => Ok(issued.clone()),
    }
}

impl Command for RecordNotice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// A notice that was taken in changes nothing. One that tells nothing new is refused, for the caller to keep elsewhere.
    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        if state.notices.contains(&self.notice) {
            return Ok(vec![]);
        }
        let (invoice, mut events) = match (&state.issued, &self.issue) {
            (Some(issued), _) => (issued.clone(), vec![]),
            (None, Some(issue)) => (checked(issue)?, vec![InvoiceEvent::Issued(issue.clone())]),
            (None, None) => return Err(InvoiceRefusal::Unknown),
        };
        if state.paid_at.is_some() {
            return Err(InvoiceRefusal::AlreadyPaid);
        }
        events.push(self.event(&invoice, state)?);
        Ok(events)
    }
}

impl RecordNotice {
    fn event(&self, invoice: &InvoiceIssued, state: &Invoice) -> Result<InvoiceEvent, InvoiceRefusal> {
        let same_currency = |money: Money| match money.currency() == invoice.amount.currency() {
            true => Ok(money),
            false => Err(InvoiceRefusal::OtherCurrency),
        };
        let (invoice_id, subscription_id, customer_id) = (invoice.invoice_id, invoice.subscription_id, invoice.customer_id.clone());
        let notice = self.notice.clone();
        match self.happened {
            // Paying a bill of nothing is a payment; paying nothing of a bill is not.
            Happened::Paid(paid) if paid.minor() < 0 || (paid.minor() == 0 && invoice.amount.minor() > 0) => Err(InvoiceRefusal::NoMoney),
            // The same sum told again, or an older one: the second notice of one payment.
            Happened::Paid(paid) if same_currency(paid)?.minor() <= state.received && !state.notices.is_empty() => {
                Err(InvoiceRefusal::NoMoney)
            }
            Happened::Paid(paid) => Ok(InvoiceEvent::PaymentReceived(PaymentReceived {
                invoice_id,
                subscription_id,
                customer_id,
                amount: Money::new(same_currency(paid)?.minor() - state.received, paid.currency()).map_err(|_| InvoiceRefusal::NoMoney)?,
                notice,
            })),
            Happened::Failed { attempt, .. } if attempt <= state.failed_attempts => Err(InvoiceRefusal::OldAttempt),
            Happened::Failed { due, attempt } => Ok(InvoiceEvent::PaymentFailed(PaymentFailed {
                invoice_id,
                subscription_id,
                customer_id,
                amount: same_currency(due)?,
                attempt,
                notice,
            })),
        }
    }
}
