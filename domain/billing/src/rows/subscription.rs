//! The row of a subscription.

use annals_kit::{CustomerId, ProviderId, Recorded, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::shard;
use crate::plan::{Interval, PlanName};
use crate::subscription::{Adjustment, SubscriptionCreated, SubscriptionEvent, SubscriptionReactivated, Terms};

/// A subscription as finance sees it: `PK=SUB#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionRow {
    /// Its id.
    pub id: Uuid,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub plan: PlanName,
    /// Which version of the price book's; absent where the price was agreed with the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// `trialing`, `active`, `past-due` (an invoice is in dunning, or was given up and the subscription kept) or `cancelled`.
    pub status: String,
    /// Monthly recurring revenue in minor units, before tax: a year's twelfth, rounded half to even; nothing in trial.
    pub mrr: i64,
    /// ISO 4217.
    pub currency: String,
    /// How often the price is due.
    pub interval: Interval,
    /// The price of one per interval in minor units, before tax.
    pub price: i64,
    /// How many.
    #[serde(default = "one")]
    pub quantity: u32,
    /// The rate of tax on top; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_percent: Option<String>,
    /// Its id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_subscription: Option<ProviderId>,
    /// When it began.
    pub created_at: Timestamp,
    /// The first day that is not free any more, while it is in trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_ends_on: Option<NaiveDate>,
    /// The first day on which it is over, where it will end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    /// What will be agreed from the next period on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_terms: Option<Terms>,
    /// How many adjustments wait to be invoiced or credited.
    #[serde(default, skip_serializing_if = "is_none")]
    pub adjustments: u32,
    /// The first day of the next period to be invoiced here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_period_start: Option<NaiveDate>,
    /// The first day on which the schedule has something to do; with `due_shard` it puts the row among those that it visits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<NaiveDate>,
    /// See [`super::SHARDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub due_shard: Option<u64>,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl SubscriptionRow {
    /// The row after `event`; what happens to a subscription that never began makes no row.
    pub fn fold(row: Option<Self>, event: &SubscriptionEvent, recorded: Recorded) -> Option<Self> {
        let row = match (event, row) {
            (SubscriptionEvent::Created(created), _) => Self::began(created, recorded),
            (_, None) => return None,
            (event, Some(row)) => row.after(event),
        };
        Some(row.due())
    }

    fn began(created: &SubscriptionCreated, recorded: Recorded) -> Self {
        let anchor = created.anchor(recorded.at);
        Self {
            id: created.subscription_id,
            customer_id: created.customer_id.clone(),
            plan: created.plan.clone(),
            plan_version: created.plan_version,
            status: if created.trial_ends_on.is_some() { "trialing" } else { "active" }.into(),
            mrr: 0,
            currency: created.price.currency().code().into(),
            interval: created.interval,
            price: created.price.minor(),
            quantity: created.quantity,
            tax_percent: Some(created.tax_percent.to_string()).filter(|_| !created.tax_percent.is_zero()),
            provider_subscription: created.provider_subscription.clone(),
            created_at: recorded.at,
            trial_ends_on: created.trial_ends_on,
            ends_on: None,
            next_terms: None,
            adjustments: 0,
            next_period_start: created.is_invoiced_here().then_some(anchor),
            due_on: None,
            due_shard: None,
        }
        .agreed(&created.terms())
    }

    fn after(self, event: &SubscriptionEvent) -> Self {
        match event {
            SubscriptionEvent::Created(_) | SubscriptionEvent::ProviderStateTaken(_) => self,
            SubscriptionEvent::TrialEnded(_) => {
                let terms = self.terms();
                let row = Self { status: "active".into(), trial_ends_on: None, ..self };
                terms.map_or_else(|| row.clone(), |terms| row.clone().agreed(&terms))
            }
            // Only a row that waits for its next period goes on to wait: one that has ended does not.
            SubscriptionEvent::PeriodInvoiced(invoiced) => {
                Self { next_period_start: self.next_period_start.map(|_| invoiced.period_end), ..self }
            }
            SubscriptionEvent::Changed(changed) => {
                Self { next_terms: None, ..self }.agreed(&changed.to).adjusted(changed.adjustment.as_ref())
            }
            SubscriptionEvent::ChangeScheduled(scheduled) => Self { next_terms: Some(scheduled.to.clone()), ..self },
            SubscriptionEvent::AdjustmentSettled(_) => Self { adjustments: self.adjustments.saturating_sub(1), ..self },
            SubscriptionEvent::BecamePastDue(arrears) | SubscriptionEvent::ArrearsSettled(arrears) => {
                let good = if self.trial_ends_on.is_some() { "trialing" } else { "active" };
                let status = if arrears.past_due_invoices > 0 { "past-due" } else { good };
                Self { status: status.into(), ..self }
            }
            SubscriptionEvent::CancellationScheduled(scheduled) => Self { ends_on: Some(scheduled.ends_on), ..self },
            SubscriptionEvent::CancellationWithdrawn(_) => Self { ends_on: None, ..self },
            SubscriptionEvent::Cancelled(cancelled) => {
                let ended = Self { status: "cancelled".into(), mrr: 0, next_period_start: None, next_terms: None, ..self };
                ended.adjusted(cancelled.adjustment.as_ref())
            }
            SubscriptionEvent::Reactivated(again) => self.reactivated(again),
        }
    }

    fn reactivated(self, again: &SubscriptionReactivated) -> Self {
        let row = Self { status: "active".into(), ends_on: None, trial_ends_on: None, next_terms: None, ..self };
        Self { next_period_start: Some(again.invoiced_from), ..row }.agreed(&again.terms)
    }

    /// What the row's own price comes to; it shows what was agreed last.
    fn terms(&self) -> Option<Terms> {
        let price = annals_kit::Money::new(self.price, self.currency.parse().ok()?).ok()?;
        let tax_percent = self.tax_percent.as_ref().map_or(Ok(crate::decimal::Percent::ZERO), |rate| rate.parse()).ok()?;
        let Self { plan, plan_version, interval, quantity, .. } = self.clone();
        Some(Terms { plan, plan_version, price, interval, quantity, tax_percent })
    }

    fn agreed(self, terms: &Terms) -> Self {
        let mrr = if self.trial_ends_on.is_some() { 0 } else { terms.mrr() };
        Self {
            plan: terms.plan.clone(),
            plan_version: terms.plan_version,
            mrr,
            price: terms.price.minor(),
            interval: terms.interval,
            quantity: terms.quantity,
            ..self
        }
    }

    fn adjusted(self, adjustment: Option<&Adjustment>) -> Self {
        let Some(adjustment) = adjustment else { return self };
        Self { adjustments: self.adjustments + 1, due_on: Some(adjustment.from), ..self }
    }

    /// An adjustment is due at once; then whatever the next period's first day brings.
    fn due(self) -> Self {
        let due_on = if self.adjustments > 0 { self.due_on } else { self.next_period_start };
        Self { due_on, due_shard: due_on.map(|_| shard(self.id)), ..self }
    }
}
