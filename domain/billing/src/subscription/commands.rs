//! Beginning a subscription, and keeping up with its days and its invoices.

use annals_kit::{Command, Money, Timestamp};
use chrono::{NaiveDate, TimeDelta};
use uuid::Uuid;

use super::events::{
    AdjustmentSettled, Arrears, CancelReason, PeriodInvoiced, SubscriptionCancelled, SubscriptionChanged, SubscriptionCreated,
    SubscriptionEvent, TrialEnded,
};
use super::state::{Agreement, Subscription};

/// Begins a subscription. Where `starts_on` is left out, it starts on the day it is recorded; with a trial, on the day the trial ends.
#[derive(Clone, Debug)]
pub struct CreateSubscription(pub SubscriptionCreated);

/// How far from today a subscription may start, either way: what lies behind is invoiced at once.
const FARTHEST_START: TimeDelta = TimeDelta::days(366);

/// Why a subscription is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateRefusal {
    /// A price below zero.
    #[error("a price cannot be below zero")]
    NegativePrice,
    /// None of it.
    #[error("the quantity is at least 1")]
    NoQuantity,
    /// A period would come to more than an amount can be.
    #[error("a period would come to more than an amount can be")]
    TooMuch,
    /// It would start too long ago or too far ahead.
    #[error("a subscription starts within {} days of today, before or after", FARTHEST_START.num_days())]
    StartTooFar,
    /// A trial that is over already, or that does not end on the first day of the first period.
    #[error("a trial ends after today, on the first day of the first period")]
    TrialOver,
    /// It began before, by another command.
    #[error("the subscription exists already")]
    Exists,
}

impl Command for CreateSubscription {
    type Aggregate = Subscription;
    type Refusal = CreateRefusal;

    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, CreateRefusal> {
        let Self(asked) = self;
        let starts_on = asked.starts_on.or(asked.trial_ends_on).unwrap_or_else(|| at.date());
        let trial_fits = asked.trial_ends_on.is_none_or(|day| day > at.date() && day == starts_on);
        match () {
            () if asked.price.minor() < 0 => Err(CreateRefusal::NegativePrice),
            () if asked.quantity == 0 => Err(CreateRefusal::NoQuantity),
            () if asked.terms().amounts().is_err() => Err(CreateRefusal::TooMuch),
            () if state.agreement.is_some() => Err(CreateRefusal::Exists),
            () if (starts_on - at.date()).abs() > FARTHEST_START => Err(CreateRefusal::StartTooFar),
            () if !trial_fits => Err(CreateRefusal::TrialOver),
            () => Ok(vec![SubscriptionEvent::Created(SubscriptionCreated { starts_on: Some(starts_on), ..asked.clone() })]),
        }
    }
}

/// Records that the invoice of a period was issued.
#[derive(Clone, Debug)]
pub struct RecordPeriodInvoiced {
    /// The period's first day.
    pub period_start: NaiveDate,
    /// Its invoice.
    pub invoice_id: Uuid,
}

/// Why it is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodRefusal {
    /// There is no such subscription.
    #[error("there is no such subscription")]
    Unknown,
    /// Periods are recorded in order, and an earlier one is missing; or no period begins on that day.
    #[error("the next period begins on {next}")]
    NotNext {
        /// The first day of the next period.
        next: NaiveDate,
    },
}

impl Command for RecordPeriodInvoiced {
    type Aggregate = Subscription;
    type Refusal = PeriodRefusal;

    /// A period that is recorded already changes nothing. A subscription that ended meanwhile does not undo an invoice that was issued.
    fn decide(&self, state: &Subscription, _: Timestamp) -> Result<Vec<SubscriptionEvent>, PeriodRefusal> {
        let agreement = state.agreement.as_ref().ok_or(PeriodRefusal::Unknown)?;
        let next = agreement.invoiced_until;
        match agreement.calendar().period_starting(self.period_start) {
            _ if self.period_start < next => Ok(vec![]),
            Some(period) if period.start == next => Ok(vec![SubscriptionEvent::PeriodInvoiced(PeriodInvoiced {
                subscription_id: agreement.began.subscription_id,
                invoice_id: self.invoice_id,
                period_start: period.start,
                period_end: period.end,
            })]),
            _ => Err(PeriodRefusal::NotNext { next }),
        }
    }
}

/// Does what was set for this day: ends it, ends its trial, or lets other terms begin.
#[derive(Clone, Copy, Debug)]
pub struct AdvanceSubscription {
    /// Today.
    pub today: NaiveDate,
}

impl Command for AdvanceSubscription {
    type Aggregate = Subscription;
    type Refusal = UnknownSubscription;

    /// One thing at a time, and nothing before its day: the end first, as nothing comes after it.
    fn decide(&self, state: &Subscription, _: Timestamp) -> Result<Vec<SubscriptionEvent>, UnknownSubscription> {
        let agreement = state.agreement.as_ref().ok_or(UnknownSubscription)?;
        let Agreement { began, invoiced_until, .. } = agreement;
        let (subscription_id, customer_id) = (began.subscription_id, began.customer_id.clone());
        let has_come = |day: &NaiveDate| day <= invoiced_until && *day <= self.today;
        let next = agreement.next.as_ref().filter(|(day, _)| has_come(day));
        Ok(match () {
            () if state.cancelled => vec![],
            () if agreement.ends_on.as_ref().is_some_and(has_come) => vec![SubscriptionEvent::Cancelled(SubscriptionCancelled {
                subscription_id,
                customer_id,
                reason: CancelReason::Requested,
                invoice_id: None,
                adjustment: None,
            })],
            () if agreement.trial_ends_on.as_ref().is_some_and(has_come) => {
                vec![SubscriptionEvent::TrialEnded(TrialEnded { subscription_id, customer_id })]
            }
            () => next
                .map(|(effective_on, to)| {
                    SubscriptionEvent::Changed(SubscriptionChanged {
                        subscription_id,
                        customer_id,
                        from: agreement.terms.clone(),
                        to: to.clone(),
                        effective_on: *effective_on,
                        adjustment: None,
                    })
                })
                .into_iter()
                .collect(),
        })
    }
}

/// Records that an adjustment was invoiced or credited.
#[derive(Clone, Debug)]
pub struct SettleAdjustment {
    /// Which.
    pub number: u32,
    /// The invoices and credit notes that settle it.
    pub documents: Vec<Uuid>,
}

impl Command for SettleAdjustment {
    type Aggregate = Subscription;
    type Refusal = UnknownSubscription;

    /// One that does not wait any more changes nothing.
    fn decide(&self, state: &Subscription, _: Timestamp) -> Result<Vec<SubscriptionEvent>, UnknownSubscription> {
        let agreement = state.agreement.as_ref().ok_or(UnknownSubscription)?;
        let waits = state.adjustments.iter().any(|adjustment| adjustment.number == self.number);
        let settled = || AdjustmentSettled {
            subscription_id: agreement.began.subscription_id,
            number: self.number,
            documents: self.documents.clone(),
        };
        Ok(waits.then(|| SubscriptionEvent::AdjustmentSettled(settled())).into_iter().collect())
    }
}

/// Takes in how one of the subscription's invoices stands.
#[derive(Clone, Copy, Debug)]
pub struct FollowInvoice {
    /// The invoice.
    pub invoice_id: Uuid,
    /// How it stands.
    pub standing: Standing,
}

/// How an invoice stands, as far as its subscription is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is past due.
    Good,
    /// It is in dunning.
    PastDue,
    /// It was given up, and the subscription goes with it.
    Lost,
}

/// There is no such subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such subscription")]
pub struct UnknownSubscription;

impl Command for FollowInvoice {
    type Aggregate = Subscription;
    type Refusal = UnknownSubscription;

    /// What is so already changes nothing, and nothing changes a subscription that ended.
    fn decide(&self, state: &Subscription, _: Timestamp) -> Result<Vec<SubscriptionEvent>, UnknownSubscription> {
        let began = &state.agreement.as_ref().ok_or(UnknownSubscription)?.began;
        let (known, count) = (state.past_due.contains(&self.invoice_id), state.past_due.len());
        let arrears = |count: usize| Arrears {
            subscription_id: began.subscription_id,
            customer_id: began.customer_id.clone(),
            invoice_id: self.invoice_id,
            past_due_invoices: u32::try_from(count).unwrap_or(u32::MAX),
        };
        Ok(match self.standing {
            _ if state.cancelled => vec![],
            Standing::PastDue if !known => vec![SubscriptionEvent::BecamePastDue(arrears(count + 1))],
            Standing::Good if known => vec![SubscriptionEvent::ArrearsSettled(arrears(count - 1))],
            Standing::PastDue | Standing::Good => vec![],
            Standing::Lost => vec![SubscriptionEvent::Cancelled(SubscriptionCancelled {
                subscription_id: began.subscription_id,
                customer_id: began.customer_id.clone(),
                reason: CancelReason::Unpaid,
                invoice_id: Some(self.invoice_id),
                adjustment: None,
            })],
        })
    }
}

/// Whether a price of this many minor units may be charged.
pub(super) fn is_price(price: Money) -> bool {
    price.minor() >= 0
}
