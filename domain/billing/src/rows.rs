//! The read models: pure functions from a row and an event to the next row.
//!
//! The projector writes them; a read that must see its own writes folds them from the log. Field names are attribute names, as in
//! `access-patterns/billing.toml`.

use annals_kit::{CustomerId, ProviderId, Recorded, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::invoice::InvoiceEvent;
use crate::plan::{Interval, PlanName, monthly};
use crate::subscription::SubscriptionEvent;
use crate::webhook::{Disposition, WebhookEvent};

/// Over how many keys the rows that a schedule will visit are spread, as the codec `Shard` of the matrix says.
///
/// A renewal moves an index entry: two index writes. A key takes 1,000 a second, so eight carry 4,000 renewals a second, twice what a log is
/// rated at, even if every subscription of a day falls due at midnight.
pub const SHARDS: u64 = 8;

/// The shard of a subscription or invoice: its id's last bits, which are spread evenly in every kind of UUID that is used here.
fn shard(id: Uuid) -> u64 {
    id.as_u64_pair().1 % SHARDS
}

/// A subscription as finance sees it: `PK=SUB#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionRow {
    /// Its id.
    pub id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub plan: PlanName,
    /// `active`, `past-due` (an invoice is in dunning, or was given up and the subscription kept) or `cancelled`.
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
    /// The first day of the next period to be invoiced here; with `due_shard` it puts the row among those that the schedule visits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_period_start: Option<NaiveDate>,
    /// See [`SHARDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub due_shard: Option<u64>,
}

impl SubscriptionRow {
    /// The row after `event`; what happens to a subscription that never began makes no row.
    pub fn fold(row: Option<Self>, event: &SubscriptionEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (SubscriptionEvent::Created(created), _) => Some(Self {
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
                next_period_start: created.is_invoiced_here().then(|| created.anchor(recorded.at)),
                due_shard: created.is_invoiced_here().then(|| shard(created.subscription_id)),
            }),
            // Only a row that waits for its next period goes on to wait: one that has ended does not.
            (SubscriptionEvent::PeriodInvoiced(invoiced), Some(row)) => {
                Some(Self { next_period_start: row.next_period_start.map(|_| invoiced.period_end), ..row })
            }
            (SubscriptionEvent::BecamePastDue(arrears) | SubscriptionEvent::ArrearsSettled(arrears), Some(row)) => {
                let status = if arrears.past_due_invoices > 0 { "past-due" } else { "active" };
                Some(Self { status: status.into(), ..row })
            }
            (SubscriptionEvent::Cancelled(_), Some(row)) => {
                Some(Self { status: "cancelled".into(), mrr: 0, next_period_start: None, due_shard: None, ..row })
            }
            (
                SubscriptionEvent::PeriodInvoiced(_)
                | SubscriptionEvent::BecamePastDue(_)
                | SubscriptionEvent::ArrearsSettled(_)
                | SubscriptionEvent::Cancelled(_),
                None,
            ) => None,
        }
    }
}

/// An invoice as finance sees it: `PK=INV#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// `open`, `failed` (a payment failed, before there was dunning), `past-due`, `uncollectible`, `void` or `paid`.
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
    /// See [`SHARDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub dunning_shard: Option<u64>,
}

/// Money that should have come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrears {
    /// It is in dunning.
    PastDue,
    /// It was given up.
    Uncollectible,
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
                arrears_since: None,
                arrears: None,
                next_step: None,
                next_step_at: None,
                dunning_shard: None,
            }),
            (InvoiceEvent::PaymentReceived(payment), Some(mut row)) => {
                row.received = row.received.saturating_add(payment.amount.minor());
                if row.received >= row.amount {
                    row.status = "paid".into();
                    row.paid_at.get_or_insert(recorded.at);
                    row = row.out_of_arrears();
                }
                Some(row)
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

    fn out_of_arrears(self) -> Self {
        Self { arrears: None, arrears_since: None, next_step: None, next_step_at: None, dunning_shard: None, ..self }
    }
}

/// What was kept under one name of the provider's: `PK=HOOK#<id> SK=META`. It shows the first body; others are only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
