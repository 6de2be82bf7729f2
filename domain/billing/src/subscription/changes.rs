//! Changing, ending and taking up again a subscription that is invoiced here, because someone asks.

use annals_kit::{Command, Money, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::commands::is_price;
use super::events::{
    Adjustment, CancelReason, CancellationScheduled, CancellationWithdrawn, ChangeScheduled, SubscriptionCancelled, SubscriptionChanged,
    SubscriptionEvent, SubscriptionReactivated,
};
use super::proration::adjustment;
use super::state::{Agreement, Subscription};
use super::terms::Terms;
use crate::calendar::Period;
use crate::plan::{Interval, PlanName};

/// When something is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Today.
    Now,
    /// When what is paid for is over: at the end of the period, or of the trial.
    PeriodEnd,
}

/// What becomes of days that were invoiced and are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unused {
    /// They are credited, day by day.
    GiveBack,
    /// They stay paid.
    Keep,
}

/// Something that is sold: a plan at a price.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The plan.
    pub plan: PlanName,
    /// Which version of the price book's; `None` where the price was agreed with the customer.
    pub plan_version: Option<u32>,
    /// What one costs.
    pub price: Money,
    /// How often.
    pub interval: Interval,
}

/// Changes what a subscription is for; what is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeSubscription {
    /// Another plan, price or interval.
    pub offer: Option<Offer>,
    /// Another quantity.
    pub quantity: Option<u32>,
    /// When.
    pub when: When,
}

/// Ends a subscription.
#[derive(Clone, Copy, Debug)]
pub struct CancelSubscription {
    /// When.
    pub when: When,
    /// What becomes of the rest of the period, where it ends today.
    pub unused: Unused,
}

/// Lets a subscription go on that will end, or that has ended.
#[derive(Clone, Copy, Debug)]
pub struct ReactivateSubscription;

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// There is no such subscription.
    #[error("there is no such subscription")]
    Unknown,
    /// It has ended.
    #[error("the subscription has ended; reactivate it first")]
    Ended,
    /// The payment provider has it.
    #[error("the payment provider invoices this subscription: change it there")]
    AtProvider,
    /// A price below zero.
    #[error("a price cannot be below zero")]
    NegativePrice,
    /// None of it.
    #[error("the quantity is at least 1")]
    NoQuantity,
    /// Another currency.
    #[error("a subscription keeps its currency: end it and begin another")]
    OtherCurrency,
    /// A period would come to more than an amount can be.
    #[error("a period would come to more than an amount can be")]
    TooMuch,
    /// Periods of another length begin when one is over.
    #[error("another interval begins with the next period: ask for it at period-end")]
    IntervalInMidPeriod,
    /// What is to be prorated has not been invoiced yet.
    #[error("the period that began on {start} is not invoiced yet: ask again in some minutes")]
    NotInvoicedYet {
        /// Its first day.
        start: NaiveDate,
    },
    /// It will end before.
    #[error("the subscription ends on {ends_on}: reactivate it first")]
    EndsBefore {
        /// The first day on which it is over.
        ends_on: NaiveDate,
    },
}

impl Subscription {
    fn at_hand(&self) -> Result<&Agreement, ChangeRefusal> {
        let agreement = self.agreement.as_ref().ok_or(ChangeRefusal::Unknown)?;
        if agreement.began.is_invoiced_here() { Ok(agreement) } else { Err(ChangeRefusal::AtProvider) }
    }

    /// What changing from `agreement` to `to` today comes to; nothing before the first period.
    fn prorated(&self, agreement: &Agreement, to: Option<&Terms>, today: NaiveDate) -> Result<Option<Adjustment>, ChangeRefusal> {
        let Some(period) = agreement.invoiced_period(today)? else { return Ok(None) };
        let number = self.adjusted.saturating_add(1);
        let adjustment = adjustment(number, period, today, (&agreement.terms, to)).map_err(|_| ChangeRefusal::TooMuch)?;
        Ok(Some(adjustment))
    }
}

impl Agreement {
    /// The period of `today`, which must be invoiced; `None` before the first, and where the days up to the next one were paid before.
    fn invoiced_period(&self, today: NaiveDate) -> Result<Option<Period>, ChangeRefusal> {
        match self.calendar().period_covering(today) {
            Some(period) if self.invoiced_until <= period.start => Err(ChangeRefusal::NotInvoicedYet { start: self.invoiced_until }),
            covering => Ok(covering),
        }
    }

    /// The first day that is not under way: of the next period, or of the first. Where other terms were set for a day that has come, the
    /// schedule must let them begin first: their periods may be of another length.
    fn boundary(&self, today: NaiveDate) -> Result<NaiveDate, ChangeRefusal> {
        if let Some((start, _)) = self.next.as_ref().filter(|(day, _)| *day <= today) {
            return Err(ChangeRefusal::NotInvoicedYet { start: *start });
        }
        let end = self.calendar().period_covering(today).map_or(self.anchor, |period| period.end);
        Ok(end.max(self.invoiced_until))
    }

    fn changed(&self, asked: &ChangeSubscription) -> Result<Terms, ChangeRefusal> {
        let mut to = self.terms.clone();
        if let Some(Offer { plan, plan_version, price, interval }) = asked.offer.clone() {
            to = Terms { plan, plan_version, price, interval, ..to };
        }
        to.quantity = asked.quantity.unwrap_or(to.quantity);
        match () {
            () if !is_price(to.price) => Err(ChangeRefusal::NegativePrice),
            () if to.quantity == 0 => Err(ChangeRefusal::NoQuantity),
            () if to.price.currency() != self.terms.price.currency() => Err(ChangeRefusal::OtherCurrency),
            () if to.amounts().is_err() => Err(ChangeRefusal::TooMuch),
            () => Ok(to),
        }
    }
}

impl Command for ChangeSubscription {
    type Aggregate = Subscription;
    type Refusal = ChangeRefusal;

    /// What is agreed already changes nothing. A change today takes the place of one that was scheduled.
    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, ChangeRefusal> {
        let (agreement, today) = (state.at_hand()?, at.date());
        if state.cancelled {
            return Err(ChangeRefusal::Ended);
        }
        let to = agreement.changed(self)?;
        let (subscription_id, customer_id) = (agreement.began.subscription_id, agreement.began.customer_id.clone());
        let from = agreement.terms.clone();
        match self.when {
            When::Now if to == from && agreement.next.is_none() => Ok(vec![]),
            When::Now if to.interval != from.interval && today >= agreement.anchor => Err(ChangeRefusal::IntervalInMidPeriod),
            When::Now => {
                // The same terms only take the place of a change that was scheduled.
                let adjustment = if to == from { None } else { state.prorated(agreement, Some(&to), today)? };
                let changed = SubscriptionChanged { subscription_id, customer_id, from, to, effective_on: today, adjustment };
                Ok(vec![SubscriptionEvent::Changed(changed)])
            }
            When::PeriodEnd => {
                let effective_on = agreement.boundary(today)?;
                match agreement.ends_on.filter(|ends_on| *ends_on <= effective_on) {
                    Some(ends_on) => Err(ChangeRefusal::EndsBefore { ends_on }),
                    None if agreement.next == Some((effective_on, to.clone())) => Ok(vec![]),
                    None if agreement.next.is_none() && to == from => Ok(vec![]),
                    None => {
                        let scheduled = ChangeScheduled { subscription_id, customer_id, to, effective_on };
                        Ok(vec![SubscriptionEvent::ChangeScheduled(scheduled)])
                    }
                }
            }
        }
    }
}

impl Command for CancelSubscription {
    type Aggregate = Subscription;
    type Refusal = ChangeRefusal;

    /// What has ended changes no more.
    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, ChangeRefusal> {
        let (agreement, today) = (state.at_hand()?, at.date());
        let (subscription_id, customer_id) = (agreement.began.subscription_id, agreement.began.customer_id.clone());
        Ok(match self.when {
            _ if state.cancelled => vec![],
            When::PeriodEnd => {
                let ends_on = agreement.boundary(today)?;
                let scheduled = CancellationScheduled { subscription_id, customer_id, ends_on };
                let is_known = agreement.ends_on == Some(ends_on);
                (!is_known).then_some(SubscriptionEvent::CancellationScheduled(scheduled)).into_iter().collect()
            }
            When::Now => {
                let adjustment = match self.unused {
                    Unused::Keep => None,
                    Unused::GiveBack => state.prorated(agreement, None, today)?,
                };
                let (reason, invoice_id) = (CancelReason::Requested, None);
                vec![SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, customer_id, reason, invoice_id, adjustment })]
            }
        })
    }
}

impl Command for ReactivateSubscription {
    type Aggregate = Subscription;
    type Refusal = ChangeRefusal;

    /// Where days were paid for and not given back, the old periods go on; otherwise new ones begin today.
    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, ChangeRefusal> {
        let (agreement, today) = (state.at_hand()?, at.date());
        let (subscription_id, customer_id) = (agreement.began.subscription_id, agreement.began.customer_id.clone());
        let is_paid = !state.given_back && agreement.invoiced_until > today && agreement.invoiced_until > agreement.anchor;
        let (anchor, invoiced_from) = if is_paid { (agreement.anchor, agreement.invoiced_until) } else { (today, today) };
        let terms = agreement.terms.clone();
        Ok(match () {
            () if state.cancelled => {
                let again = SubscriptionReactivated { subscription_id, customer_id, terms, anchor, invoiced_from };
                vec![SubscriptionEvent::Reactivated(again)]
            }
            () if agreement.ends_on.is_some() => {
                vec![SubscriptionEvent::CancellationWithdrawn(CancellationWithdrawn { subscription_id, customer_id })]
            }
            () => vec![],
        })
    }
}
