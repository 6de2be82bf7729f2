//! What happens to an invoice.

use annals_kit::{CustomerId, Event, Money, ProviderId, Schema, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::amount::Line;
use crate::dunning::{Afterwards, DunningPolicy};

/// What happens to an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum InvoiceEvent {
    /// It was issued.
    #[serde(rename = "INVOICE_ISSUED")]
    Issued(InvoiceIssued),
    /// A credit note was issued that belongs to no invoice: the customer gets it off what is owed, or paid out.
    #[serde(rename = "CREDIT_NOTE_ISSUED")]
    CreditNoteIssued(CreditNoteIssued),
    /// Some or all of it was credited.
    #[serde(rename = "INVOICE_CREDITED")]
    Credited(InvoiceCredited),
    /// A credit of it was taken back.
    #[serde(rename = "INVOICE_CREDIT_VOIDED")]
    CreditVoided(InvoiceCreditVoided),
    /// Money was paid back.
    #[serde(rename = "PAYMENT_REFUNDED")]
    Refunded(PaymentRefunded),
    /// Money came in.
    #[serde(rename = "PAYMENT_RECEIVED")]
    PaymentReceived(PaymentReceived),
    /// An attempt to collect money failed.
    #[serde(rename = "PAYMENT_FAILED")]
    PaymentFailed(PaymentFailed),
    /// It is past due, and what is done about it is set.
    #[serde(rename = "DUNNING_STARTED")]
    DunningStarted(DunningStarted),
    /// The customer is to be reminded.
    #[serde(rename = "DUNNING_STEP_TAKEN")]
    DunningStepTaken(DunningStepTaken),
    /// Nothing more is done about it.
    #[serde(rename = "DUNNING_STOPPED")]
    DunningStopped(DunningStopped),
    /// It was given up.
    #[serde(rename = "INVOICE_MARKED_UNCOLLECTIBLE")]
    MarkedUncollectible(MarkedUncollectible),
    /// The provider took it back.
    #[serde(rename = "INVOICE_VOIDED")]
    Voided(InvoiceVoided),
}

/// An invoice was issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceIssued {
    /// Its id.
    pub invoice_id: Uuid,
    /// For which subscription; sales that belong to none carry the id of the customer's account, which is no stream.
    pub subscription_id: Uuid,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// How much, with tax.
    pub amount: Money,
    /// The tax in it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// For what; in old commits, and where the provider issued it, left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Its number in whoever's books it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
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

impl InvoiceIssued {
    /// Minor units of tax.
    pub fn tax(&self) -> i64 {
        self.tax.map_or(0, Money::minor)
    }
}

/// A credit note that belongs to no invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditNoteIssued {
    /// Its id.
    pub credit_note_id: Uuid,
    /// For which subscription; sales that belong to none carry the id of the customer's account, which is no stream.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// How much, with tax, above zero.
    pub amount: Money,
    /// The tax in it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// For what: as they were charged, below zero.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Its number in whoever's books it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The first day whose revenue it takes back.
    pub period_start: NaiveDate,
    /// The first day whose revenue it no longer takes back.
    pub period_end: NaiveDate,
}

/// Some or all of an invoice was credited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceCredited {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// The credit note.
    pub credit_note_id: Uuid,
    /// How much, with tax, above zero.
    pub amount: Money,
    /// The tax in it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// For what: as they were charged, below zero; left out where it is an amount alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Why.
    pub reason: CreditReason,
    /// The first day whose revenue it takes back.
    pub period_start: NaiveDate,
    /// The first day whose revenue it no longer takes back.
    pub period_end: NaiveDate,
    /// The provider's notice, where the provider issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// Why something is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CreditReason {
    /// Days that were invoiced are not used: the subscription changed or ended.
    Unused,
    /// It was charged by mistake.
    Mistake,
    /// The customer is not content.
    Goodwill,
    /// The provider credited it.
    Provider,
}

/// A credit of an invoice was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceCreditVoided {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// The credit note.
    pub credit_note_id: Uuid,
    /// How much it was, with tax.
    pub amount: Money,
    /// The tax in it; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// The first day whose revenue it had taken back.
    pub period_start: NaiveDate,
    /// The first day whose revenue it had not taken back.
    pub period_end: NaiveDate,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// Money was paid back to a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The invoice, or the credit note that belongs to none.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// To whom.
    pub customer_id: CustomerId,
    /// The refund.
    pub refund_id: Uuid,
    /// How much.
    pub amount: Money,
    /// The provider's notice, where the provider paid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
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

/// An invoice is past due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStarted {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// The first failure, from which days are counted.
    pub failed_at: Timestamp,
    /// What is done about it.
    pub policy: DunningPolicy,
    /// When the first step is due.
    pub next_step_at: Timestamp,
}

/// The customer is to be reminded of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStepTaken {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// Which step it was, from 1.
    pub step: u32,
    /// How many steps there are; the last gives the invoice up.
    pub steps: u32,
    /// When the next step is due.
    pub next_step_at: Timestamp,
}

/// An invoice is no longer past due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStopped {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// Why.
    pub reason: StopReason,
}

/// Why dunning stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The invoice was paid in full.
    Paid,
    /// The provider took the invoice back.
    Voided,
    /// What was still open was credited.
    Credited,
}

/// An invoice was given up. It may still be paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkedUncollectible {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// How much was still due.
    pub amount: Money,
    /// What becomes of the subscription.
    pub then: Afterwards,
    /// The provider's notice, where the provider gave it up; absent where dunning came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// The provider took an invoice back: nothing is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceVoided {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
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
        Schema { event_type: "CREDIT_NOTE_ISSUED", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_CREDITED", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_CREDIT_VOIDED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_REFUNDED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_RECEIVED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_FAILED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STARTED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STEP_TAKEN", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STOPPED", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_MARKED_UNCOLLECTIBLE", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_VOIDED", upcasts: &[], published: true },
    ];
}
