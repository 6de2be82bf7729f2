//! The row of an invoice, or of a credit note that belongs to none.

use annals_kit::{CustomerId, Money, ProviderId, Recorded, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::shard;
use crate::invoice::{CreditNoteIssued, InvoiceEvent, InvoiceIssued};

/// An invoice as finance sees it: `PK=INV#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceRow {
    /// Its id.
    pub id: Uuid,
    /// For which subscription.
    pub subscription_id: Uuid,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// How much, with tax, in minor units; below zero for a credit note that belongs to no invoice.
    pub amount: i64,
    /// The tax in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tax: i64,
    /// ISO 4217.
    pub currency: String,
    /// `open`, `failed` (a payment failed, before there was dunning), `past-due`, `uncollectible`, `void`, `paid`, `credited` (nothing of it
    /// was paid), or `credit-note`, which belongs to no invoice.
    pub status: String,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The first day it covers.
    pub period_start: NaiveDate,
    /// The first day it no longer covers.
    pub period_end: NaiveDate,
    /// Its number in whoever's books it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// When nothing of it was open any more.
    #[serde(rename = "paidAt", default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// Its id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_invoice: Option<ProviderId>,
    /// Minor units received so far.
    pub received: i64,
    /// Minor units credited so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub credited: i64,
    /// Minor units paid back so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    /// Since when it is past due or uncollectible; with `arrears` it puts the row among those that finance looks after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrears_since: Option<Timestamp>,
    /// Which of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrears: Option<Arrears>,
    /// The next step of its dunning, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<u32>,
    /// When the step is due; with `dunning_shard` it puts the row among those that the schedule visits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step_at: Option<Timestamp>,
    /// See [`super::SHARDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub dunning_shard: Option<u64>,
}

/// The status of a credit note that belongs to no invoice.
const CREDIT_NOTE: &str = "credit-note";

/// Money that should have come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrears {
    /// It is in dunning.
    PastDue,
    /// It was given up.
    Uncollectible,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(minor: &i64) -> bool {
    *minor == 0
}

impl InvoiceRow {
    /// The row after `event`; money for an invoice that was never issued makes no row.
    pub fn fold(row: Option<Self>, event: &InvoiceEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (InvoiceEvent::Issued(issued), _) => Some(Self::issued(issued)),
            (InvoiceEvent::CreditNoteIssued(note), None) => Some(Self::credit_note(note)),
            // A stream begins with one of the two; the other is not decided on it.
            (InvoiceEvent::CreditNoteIssued(_), row) => row,
            (InvoiceEvent::PaymentReceived(payment), Some(row)) => {
                Some(Self { received: row.received.saturating_add(payment.amount.minor()), ..row }.settled(recorded.at))
            }
            (InvoiceEvent::Credited(note), Some(row)) => {
                Some(Self { credited: row.credited.saturating_add(note.amount.minor()), ..row }.settled(recorded.at))
            }
            (InvoiceEvent::CreditVoided(note), Some(row)) => {
                Some(Self { credited: row.credited.saturating_sub(note.amount.minor()), ..row }.settled(recorded.at))
            }
            (InvoiceEvent::Refunded(refund), Some(row)) => {
                Some(Self { refunded: row.refunded.saturating_add(refund.amount.minor()), ..row })
            }
            (InvoiceEvent::PaymentFailed(_), Some(row)) if row.status == "open" => Some(Self { status: "failed".into(), ..row }),
            (InvoiceEvent::PaymentFailed(_), Some(row)) => Some(row),
            (InvoiceEvent::DunningStarted(started), Some(row)) => Some(Self {
                status: "past-due".into(),
                arrears: Some(Arrears::PastDue),
                arrears_since: Some(started.failed_at),
                next_step: Some(1),
                next_step_at: Some(started.next_step_at),
                dunning_shard: Some(shard(row.id)),
                ..row
            }),
            (InvoiceEvent::DunningStepTaken(taken), Some(row)) => {
                Some(Self { next_step: Some(taken.step.saturating_add(1)), next_step_at: Some(taken.next_step_at), ..row })
            }
            // What stopped it is an event of its own, and says how the invoice stands.
            (InvoiceEvent::DunningStopped(_), Some(row)) => Some(row.out_of_arrears()),
            (InvoiceEvent::MarkedUncollectible(_), Some(row)) => Some(Self {
                status: "uncollectible".into(),
                arrears: Some(Arrears::Uncollectible),
                arrears_since: Some(recorded.at),
                ..row.out_of_arrears()
            }),
            (InvoiceEvent::Voided(_), Some(row)) => Some(Self { status: "void".into(), ..row.out_of_arrears() }),
            (
                InvoiceEvent::PaymentReceived(_)
                | InvoiceEvent::Credited(_)
                | InvoiceEvent::CreditVoided(_)
                | InvoiceEvent::Refunded(_)
                | InvoiceEvent::PaymentFailed(_)
                | InvoiceEvent::DunningStarted(_)
                | InvoiceEvent::DunningStepTaken(_)
                | InvoiceEvent::DunningStopped(_)
                | InvoiceEvent::MarkedUncollectible(_)
                | InvoiceEvent::Voided(_),
                None,
            ) => None,
        }
    }

    fn issued(issued: &InvoiceIssued) -> Self {
        Self {
            id: issued.invoice_id,
            subscription_id: issued.subscription_id,
            customer_id: issued.customer_id.clone(),
            amount: issued.amount.minor(),
            tax: issued.tax(),
            currency: issued.amount.currency().code().into(),
            status: "open".into(),
            issued_on: issued.issued_on,
            period_start: issued.period_start,
            period_end: issued.period_end,
            number: issued.number.clone(),
            paid_at: None,
            provider_invoice: issued.provider_invoice.clone(),
            received: 0,
            credited: 0,
            refunded: 0,
            arrears_since: None,
            arrears: None,
            next_step: None,
            next_step_at: None,
            dunning_shard: None,
        }
    }

    fn credit_note(note: &CreditNoteIssued) -> Self {
        Self {
            amount: -note.amount.minor(),
            tax: -note.tax.map_or(0, Money::minor),
            status: CREDIT_NOTE.into(),
            ..Self::issued(&InvoiceIssued {
                invoice_id: note.credit_note_id,
                subscription_id: note.subscription_id,
                customer_id: note.customer_id.clone(),
                amount: note.amount,
                tax: note.tax,
                lines: vec![],
                number: note.number.clone(),
                issued_on: note.issued_on,
                period_start: note.period_start,
                period_end: note.period_end,
                provider_invoice: None,
            })
        }
    }

    /// Whether something is still open decides how it stands; an invoice that is void stays so, and a credit note what it is.
    fn settled(mut self, at: Timestamp) -> Self {
        let is_settled = self.received >= self.amount.saturating_sub(self.credited);
        match self.status.as_str() {
            "void" | CREDIT_NOTE => self,
            _ if is_settled => {
                let by_money = self.received > 0 || self.credited == 0;
                self.status = if by_money { "paid" } else { "credited" }.into();
                self.paid_at.get_or_insert(at);
                self.out_of_arrears()
            }
            "paid" | "credited" => Self { status: "open".into(), paid_at: None, ..self },
            _ => self,
        }
    }

    fn out_of_arrears(self) -> Self {
        Self { arrears: None, arrears_since: None, next_step: None, next_step_at: None, dunning_shard: None, ..self }
    }
}
