//! What happens to an invoice.

use annals_kit::{CustomerId, Event, Money, ProviderId, Schema, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dunning::{Afterwards, DunningPolicy};

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
        Schema { event_type: "PAYMENT_RECEIVED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_FAILED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STARTED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STEP_TAKEN", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STOPPED", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_MARKED_UNCOLLECTIBLE", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_VOIDED", upcasts: &[], published: true },
    ];
}
