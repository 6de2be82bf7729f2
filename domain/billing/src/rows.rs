//! The read models: pure functions from a row and an event to the next row.
//!
//! The projector writes them; a read that must see its own writes folds them from the log. Field names are attribute names, as in
//! `access-patterns/billing.toml`.

use annals_kit::{CustomerId, ProviderId, Recorded, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invoice::InvoiceEvent;
use crate::plan::{Interval, PlanName, monthly};
use crate::subscription::SubscriptionEvent;
use crate::webhook::{Disposition, WebhookEvent};

/// A subscription as finance sees it: `PK=SUB#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// Its id.
    pub id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub plan: PlanName,
    /// `active`; other states come with other events.
    pub status: String,
    /// Monthly recurring revenue in minor units: a year's twelfth, rounded half to even.
    pub mrr: i64,
    /// ISO 4217.
    pub currency: String,
    /// How often the price is due.
    pub interval: Interval,
    /// The price per interval in minor units.
    pub price: i64,
    /// Its id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_subscription: Option<ProviderId>,
    /// When it began.
    pub created_at: Timestamp,
}

impl SubscriptionRow {
    /// The row after `event`.
    pub fn fold(_: Option<Self>, event: &SubscriptionEvent, recorded: Recorded) -> Option<Self> {
        match event {
            SubscriptionEvent::Created(created) => Some(Self {
                id: created.subscription_id,
                customer_id: created.customer_id.clone(),
                plan: created.plan.clone(),
                status: "active".into(),
                mrr: monthly(created.price, created.interval).minor(),
                currency: created.price.currency().code().into(),
                interval: created.interval,
                price: created.price.minor(),
                provider_subscription: created.provider_subscription.clone(),
                created_at: recorded.at,
            }),
        }
    }
}

/// An invoice as finance sees it: `PK=INV#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvoiceRow {
    /// Its id.
    pub id: Uuid,
    /// For which subscription.
    pub subscription_id: Uuid,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// How much, in minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// `open`, `failed` (the last attempt failed) or `paid`.
    pub status: String,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The first day it covers.
    pub period_start: NaiveDate,
    /// The first day it no longer covers.
    pub period_end: NaiveDate,
    /// When it was paid in full.
    #[serde(rename = "paidAt", default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// Its id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_invoice: Option<ProviderId>,
    /// Minor units received so far.
    pub received: i64,
}

impl InvoiceRow {
    /// The row after `event`; money for an invoice that was never issued makes no row.
    pub fn fold(row: Option<Self>, event: &InvoiceEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (InvoiceEvent::Issued(issued), _) => Some(Self {
                id: issued.invoice_id,
                subscription_id: issued.subscription_id,
                customer_id: issued.customer_id.clone(),
                amount: issued.amount.minor(),
                currency: issued.amount.currency().code().into(),
                status: "open".into(),
                issued_on: issued.issued_on,
                period_start: issued.period_start,
                period_end: issued.period_end,
                paid_at: None,
                provider_invoice: issued.provider_invoice.clone(),
                received: 0,
            }),
            (InvoiceEvent::PaymentReceived(payment), Some(mut row)) => {
                row.received = row.received.saturating_add(payment.amount.minor());
                if row.received >= row.amount {
                    row.status = "paid".into();
                    row.paid_at.get_or_insert(recorded.at);
                }
                Some(row)
            }
            (InvoiceEvent::PaymentFailed(_), Some(mut row)) => {
                if row.paid_at.is_none() {
                    row.status = "failed".into();
                }
                Some(row)
            }
            (InvoiceEvent::PaymentReceived(_) | InvoiceEvent::PaymentFailed(_), None) => None,
        }
    }
}

/// What was kept under one name of the provider's: `PK=HOOK#<id> SK=META`. It shows the first body; others are only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// The stream's id.
    pub id: String,
    /// Why it was kept.
    pub disposition: Disposition,
    /// The provider's event type.
    #[serde(rename = "type")]
    pub provider_type: String,
    /// When it came.
    pub received_at: Timestamp,
    /// SHA-256 of the body, in hex.
    pub digest: String,
    /// What was missing.
    pub reason: String,
    /// How many different bodies came under this name; the provider sends one.
    pub bodies: u64,
    /// The provider's event id.
    pub provider_event: ProviderId,
    /// The provider's customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<ProviderId>,
}

impl WebhookRow {
    /// The row after `event`, for the stream with this id.
    pub fn fold(id: &str, row: Option<Self>, event: &WebhookEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (WebhookEvent::Kept(_), Some(row)) => Some(Self { bodies: row.bodies + 1, ..row }),
            (WebhookEvent::Kept(kept), None) => Some(Self {
                id: id.to_owned(),
                disposition: kept.disposition,
                provider_type: kept.provider_type.clone(),
                received_at: recorded.at,
                digest: kept.digest.clone(),
                reason: kept.reason.clone(),
                bodies: 1,
                provider_event: kept.provider_event.clone(),
                customer: kept.provider_customer.clone(),
            }),
        }
    }
}
