//! The rows of money that moves on an invoice: payments and refunds, and credit notes.

use annals_kit::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invoice::CreditReason;

/// A payment, or a refund, below zero; its serde names are attribute names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRow {
    /// The provider's id of the notice that told of it, or the refund's.
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

/// A credit note of an invoice; its serde names are attribute names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditNoteRow {
    /// Its id.
    pub id: String,
    /// The invoice.
    pub invoice_id: String,
    /// Whose it is.
    pub customer_id: String,
    /// Minor units, with tax.
    pub amount: i64,
    /// The tax in it.
    pub tax: i64,
    /// ISO 4217.
    pub currency: String,
    /// Why.
    pub reason: CreditReason,
    /// `issued` or `void`.
    pub status: String,
    /// When it was recorded.
    pub issued_at: Timestamp,
}
