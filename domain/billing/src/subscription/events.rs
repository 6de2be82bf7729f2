//! What happens to a subscription.

use annals_kit::{CustomerId, Event, Money, ProviderId, Schema, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::terms::Terms;
use crate::amount::Line;
use crate::decimal::Percent;
use crate::invoice::Notice;
use crate::plan::{Interval, PlanName};

/// What happens to a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum SubscriptionEvent {
    /// It began.
    #[serde(rename = "SUBSCRIPTION_CREATED")]
    Created(SubscriptionCreated),
    /// Its trial is over: from now on it is paid for.
    #[serde(rename = "SUBSCRIPTION_TRIAL_ENDED")]
    TrialEnded(TrialEnded),
    /// The invoice of its next period was issued.
    #[serde(rename = "PERIOD_INVOICED")]
    PeriodInvoiced(PeriodInvoiced),
    /// Plan, price, quantity or interval changed.
    #[serde(rename = "SUBSCRIPTION_CHANGED")]
    Changed(SubscriptionChanged),
    /// They will change when the next period begins.
    #[serde(rename = "SUBSCRIPTION_CHANGE_SCHEDULED")]
    ChangeScheduled(ChangeScheduled),
    /// What a change in mid-period comes to was invoiced or credited.
    #[serde(rename = "ADJUSTMENT_SETTLED")]
    AdjustmentSettled(AdjustmentSettled),
    /// One of its invoices fell past due.
    #[serde(rename = "SUBSCRIPTION_BECAME_PAST_DUE")]
    BecamePastDue(Arrears),
    /// A past-due invoice of it was paid, or need not be any more.
    #[serde(rename = "SUBSCRIPTION_ARREARS_SETTLED")]
    ArrearsSettled(Arrears),
    /// It will end when what is paid for is over.
    #[serde(rename = "SUBSCRIPTION_CANCELLATION_SCHEDULED")]
    CancellationScheduled(CancellationScheduled),
    /// It will not end after all.
    #[serde(rename = "SUBSCRIPTION_CANCELLATION_WITHDRAWN")]
    CancellationWithdrawn(CancellationWithdrawn),
    /// It ended.
    #[serde(rename = "SUBSCRIPTION_CANCELLED")]
    Cancelled(SubscriptionCancelled),
    /// It had ended, and goes on.
    #[serde(rename = "SUBSCRIPTION_REACTIVATED")]
    Reactivated(SubscriptionReactivated),
    /// The payment provider told how it stands there.
    #[serde(rename = "PROVIDER_STATE_TAKEN")]
    ProviderStateTaken(ProviderStateTaken),
}

/// A subscription began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCreated {
    /// Its id.
    pub subscription_id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub plan: PlanName,
    /// Which version of the price book's; absent where the price was agreed with the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// How much one costs per interval, before tax.
    pub price: Money,
    /// How often.
    pub interval: Interval,
    /// How many; one where it is left out.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quantity: u32,
    /// The rate of tax on top; none where it is left out.
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub tax_percent: Percent,
    /// The first day of its first period, from which all others are counted; in old commits absent, then the day they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// The first day that is not free any more, where it began with a trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_ends_on: Option<NaiveDate>,
    /// Its id at the payment provider, where it has one: then the provider issues its invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_subscription: Option<ProviderId>,
}

pub(super) fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn is_one(quantity: &u32) -> bool {
    *quantity == 1
}

impl SubscriptionCreated {
    /// The first day of its first period, where the commit was recorded at `recorded`.
    pub fn anchor(&self, recorded: Timestamp) -> NaiveDate {
        self.starts_on.unwrap_or_else(|| recorded.date())
    }

    /// Whether its invoices are made here, and not by the payment provider.
    pub fn is_invoiced_here(&self) -> bool {
        self.provider_subscription.is_none()
    }

    /// What was agreed.
    pub fn terms(&self) -> Terms {
        Terms {
            plan: self.plan.clone(),
            plan_version: self.plan_version,
            price: self.price,
            interval: self.interval,
            quantity: self.quantity,
            tax_percent: self.tax_percent,
        }
    }
}

/// A trial is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialEnded {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Who pays from now on.
    pub customer_id: CustomerId,
}

/// The invoice of a period was issued: the next one is due when the period ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodInvoiced {
    /// The subscription.
    pub subscription_id: Uuid,
    /// The period's invoice.
    pub invoice_id: Uuid,
    /// The first day the period covers.
    pub period_start: NaiveDate,
    /// The first day it no longer covers.
    pub period_end: NaiveDate,
}

/// What a subscription is for changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionChanged {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// What was agreed before.
    pub from: Terms,
    /// What is agreed from now on.
    pub to: Terms,
    /// The first day of the new terms.
    pub effective_on: NaiveDate,
    /// What becomes due of a change in the middle of a period that was invoiced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Adjustment>,
}

/// What a subscription is for will change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeScheduled {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// What will be agreed.
    pub to: Terms,
    /// The first day of the new terms.
    pub effective_on: NaiveDate,
}

/// What is charged or given back for the rest of a period: see [`super::proration`] for the rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adjustment {
    /// Which it is of the subscription's, from 1.
    pub number: u32,
    /// What was paid for and is not used, below zero; and what is used instead.
    pub lines: Vec<Line>,
    /// The rate of tax on top.
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub tax_percent: Percent,
    /// The first day it is for.
    pub from: NaiveDate,
    /// The first day it is no longer for: the end of the period.
    pub until: NaiveDate,
    /// The first day of the period, which says whose invoice it adjusts.
    pub period_start: NaiveDate,
}

/// What an adjustment comes to was invoiced or credited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdjustmentSettled {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Which adjustment.
    pub number: u32,
    /// The invoices and credit notes that settle it; none where it comes to nothing.
    pub documents: Vec<Uuid>,
}

/// A subscription's unpaid invoices became more or fewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arrears {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// The invoice.
    pub invoice_id: Uuid,
    /// How many invoices are past due now.
    pub past_due_invoices: u32,
}

/// A subscription will end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CancellationScheduled {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// The first day on which it is over.
    pub ends_on: NaiveDate,
}

/// A subscription will not end after all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CancellationWithdrawn {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub customer_id: CustomerId,
}

/// A subscription ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCancelled {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Whose it was.
    pub customer_id: CustomerId,
    /// Why.
    pub reason: CancelReason,
    /// The invoice that was not paid, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Uuid>,
    /// What is given back of a period that was invoiced and is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Adjustment>,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// An invoice of it is uncollectible.
    Unpaid,
    /// Someone asked for it.
    Requested,
    /// The payment provider ended it.
    EndedByProvider,
}

/// A subscription that had ended goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionReactivated {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// What is agreed: what was when it ended.
    pub terms: Terms,
    /// The day from which its periods are counted now.
    pub anchor: NaiveDate,
    /// The first day that is to be invoiced: later than today where days were paid for and not given back.
    pub invoiced_from: NaiveDate,
}

/// The payment provider told how a subscription stands there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderStateTaken {
    /// The subscription.
    pub subscription_id: Uuid,
    /// The provider's notice: an older one says nothing any more.
    pub notice: Notice,
}

impl Event for SubscriptionEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "SUBSCRIPTION_CREATED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_TRIAL_ENDED", upcasts: &[], published: true },
        // Internal: how far a subscription is invoiced is bookkeeping; the invoice itself is published by its own stream.
        Schema { event_type: "PERIOD_INVOICED", upcasts: &[], published: false },
        Schema { event_type: "SUBSCRIPTION_CHANGED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_CHANGE_SCHEDULED", upcasts: &[], published: true },
        // Internal, for the same reason.
        Schema { event_type: "ADJUSTMENT_SETTLED", upcasts: &[], published: false },
        Schema { event_type: "SUBSCRIPTION_BECAME_PAST_DUE", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_ARREARS_SETTLED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_CANCELLATION_SCHEDULED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_CANCELLATION_WITHDRAWN", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_CANCELLED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_REACTIVATED", upcasts: &[], published: true },
        // Internal: what follows from it is told by events of its own.
        Schema { event_type: "PROVIDER_STATE_TAKEN", upcasts: &[], published: false },
    ];
}
