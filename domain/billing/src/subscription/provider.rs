//! Following the payment provider, where it has the subscription: its object's state decides, and the newest notice of it.

use annals_kit::{Command, Money, Timestamp};
use chrono::NaiveDate;

use super::events::{
    CancelReason, CancellationScheduled, CancellationWithdrawn, ProviderStateTaken, SubscriptionCancelled, SubscriptionChanged,
    SubscriptionEvent, TrialEnded,
};
use super::state::{Agreement, Subscription};
use super::terms::Terms;
use crate::invoice::Notice;
use crate::plan::{Interval, PlanName};

/// How a subscription stands at the payment provider, as a notice shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct AtProvider {
    /// Whether it has ended, and whether for want of payment.
    pub ended: Option<CancelReason>,
    /// Whether it is in trial.
    pub in_trial: bool,
    /// The first day on which it is over, where it will end.
    pub ends_on: Option<NaiveDate>,
    /// The plan, where the provider knows it by our name.
    pub plan: Option<PlanName>,
    /// What one costs, how often, and how many, where it has one price.
    pub price: Option<(Money, Interval, u32)>,
}

/// Takes in how a subscription stands at the provider.
#[derive(Clone, Debug)]
pub struct FollowProvider {
    /// How it stands.
    pub stands: AtProvider,
    /// The notice that says so.
    pub notice: Notice,
}

/// Why a notice is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowRefusal {
    /// There is no such subscription.
    #[error("there is no such subscription")]
    Unknown,
    /// A newer notice has told how it stands.
    #[error("a newer notice has told how the subscription stands")]
    Older,
    /// It has ended, which the provider does not take back.
    #[error("the subscription has ended")]
    Ended,
}

impl Command for FollowProvider {
    type Aggregate = Subscription;
    type Refusal = FollowRefusal;

    /// The notice first, then whatever it changes; of two notices of one second both count, as either may be the later.
    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, FollowRefusal> {
        let agreement = state.agreement.as_ref().ok_or(FollowRefusal::Unknown)?;
        match () {
            () if state.cancelled => return Err(FollowRefusal::Ended),
            () if state.provider_told_at.is_some_and(|newest| self.notice.at < newest) => return Err(FollowRefusal::Older),
            () => {}
        }
        let taken = ProviderStateTaken { subscription_id: agreement.began.subscription_id, notice: self.notice.clone() };
        let mut events = vec![SubscriptionEvent::ProviderStateTaken(taken)];
        match self.stands.ended {
            Some(reason) => events.push(ended(agreement, reason)),
            None => events.extend([self.trial(agreement), self.changed(agreement, at), self.ending(agreement)].into_iter().flatten()),
        }
        Ok(events)
    }
}

fn ended(Agreement { began, .. }: &Agreement, reason: CancelReason) -> SubscriptionEvent {
    SubscriptionEvent::Cancelled(SubscriptionCancelled {
        subscription_id: began.subscription_id,
        customer_id: began.customer_id.clone(),
        reason,
        invoice_id: None,
        adjustment: None,
    })
}

impl FollowProvider {
    fn trial(&self, Agreement { began, trial_ends_on, .. }: &Agreement) -> Option<SubscriptionEvent> {
        let ended = trial_ends_on.is_some() && !self.stands.in_trial;
        let over = || TrialEnded { subscription_id: began.subscription_id, customer_id: began.customer_id.clone() };
        ended.then(|| SubscriptionEvent::TrialEnded(over()))
    }

    fn changed(&self, agreement: &Agreement, at: Timestamp) -> Option<SubscriptionEvent> {
        let mut to = agreement.terms.clone();
        if let Some((price, interval, quantity)) = self.stands.price {
            to = Terms { price, interval, quantity, ..to };
        }
        if let Some(plan) = self.stands.plan.clone().filter(|plan| *plan != to.plan) {
            to = Terms { plan, plan_version: None, ..to };
        }
        // Another currency is another subscription: the provider does not change it either.
        let differs = to != agreement.terms && to.price.currency() == agreement.terms.price.currency();
        differs.then(|| {
            SubscriptionEvent::Changed(SubscriptionChanged {
                subscription_id: agreement.began.subscription_id,
                customer_id: agreement.began.customer_id.clone(),
                from: agreement.terms.clone(),
                to,
                effective_on: at.date(),
                adjustment: None,
            })
        })
    }

    fn ending(&self, Agreement { began, ends_on, .. }: &Agreement) -> Option<SubscriptionEvent> {
        let (subscription_id, customer_id) = (began.subscription_id, began.customer_id.clone());
        match (self.stands.ends_on, *ends_on) {
            (told, known) if told == known => None,
            (Some(ends_on), _) => {
                Some(SubscriptionEvent::CancellationScheduled(CancellationScheduled { subscription_id, customer_id, ends_on }))
            }
            (None, _) => Some(SubscriptionEvent::CancellationWithdrawn(CancellationWithdrawn { subscription_id, customer_id })),
        }
    }
}
