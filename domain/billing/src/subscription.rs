//! Subscriptions: what a customer pays for, how much and how often.

use annals_kit::{Aggregate, Command, CustomerId, Event, Money, ProviderId, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::{Interval, PlanName};

/// What happens to a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum SubscriptionEvent {
    /// It began.
    #[serde(rename = "SUBSCRIPTION_CREATED")]
    Created(SubscriptionCreated),
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
    /// How much per interval.
    pub price: Money,
    /// How often.
    pub interval: Interval,
    /// Its id at the payment provider, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_subscription: Option<ProviderId>,
}

impl Event for SubscriptionEvent {
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "SUBSCRIPTION_CREATED", upcasts: &[], published: true }];
}

/// A subscription's state; the terms are `None` before it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// What was agreed.
    pub terms: Option<SubscriptionCreated>,
}

impl Aggregate for Subscription {
    const STREAM_TYPE: &'static str = "SUB";
    const FOLD_REVISION: u32 = 1;
    type Event = SubscriptionEvent;

    fn evolve(&mut self, event: &SubscriptionEvent, _: Recorded) {
        match event {
            SubscriptionEvent::Created(created) => self.terms = Some(created.clone()),
        }
    }
}

/// Begins a subscription.
#[derive(Clone, Debug)]
pub struct CreateSubscription(pub SubscriptionCreated);

/// Why a subscription is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefusal {
    /// A price below zero.
    #[error("a price cannot be below zero")]
    NegativePrice,
    /// It began before, by another command.
    #[error("the subscription exists already")]
    Exists,
}

impl Command for CreateSubscription {
    type Aggregate = Subscription;
    type Refusal = CreateRefusal;

    fn decide(&self, state: &Subscription, _: Timestamp) -> Result<Vec<SubscriptionEvent>, CreateRefusal> {
        if self.0.price.minor() < 0 {
            return Err(CreateRefusal::NegativePrice);
        }
        match &state.terms {
            None => Ok(vec![SubscriptionEvent::Created(self.0.clone())]),
            Some(_) => Err(CreateRefusal::Exists),
        }
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600 + day * 86_400).unwrap()
    }

    fn pro(minor: i64) -> SubscriptionCreated {
        SubscriptionCreated {
            subscription_id: Uuid::from_u128(1),
            customer_id: "cust-1".parse().unwrap(),
            plan: "pro".parse().unwrap(),
            price: Money::new(minor, "EUR".parse().unwrap()).unwrap(),
            interval: Interval::Month,
            provider_subscription: None,
        }
    }

    #[test]
    fn a_subscription_begins_once() {
        given_nothing().when(at(0), CreateSubscription(pro(49_00))).then([SubscriptionEvent::Created(pro(49_00))]);
        given([(at(0), SubscriptionEvent::Created(pro(49_00)))])
            .when(at(1), CreateSubscription(pro(49_00)))
            .then_refused(CreateRefusal::Exists);
    }

    #[test]
    fn a_price_below_zero_is_refused_and_a_free_plan_is_not() {
        given_nothing().when(at(0), CreateSubscription(pro(-1))).then_refused(CreateRefusal::NegativePrice);
        given_nothing().when(at(0), CreateSubscription(pro(0))).then([SubscriptionEvent::Created(pro(0))]);
    }
}
