//! Subscriptions: what a customer pays for, how much and how often; how far it is invoiced, and whether it is past due.

use std::collections::BTreeSet;

use annals_kit::{Aggregate, Command, CustomerId, Event, Money, ProviderId, Recorded, Schema, Timestamp};
use chrono::{NaiveDate, TimeDelta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::{Calendar, Period};
use crate::plan::{Interval, PlanName};

/// What happens to a subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum SubscriptionEvent {
    /// It began.
    #[serde(rename = "SUBSCRIPTION_CREATED")]
    Created(SubscriptionCreated),
    /// The invoice of its next period was issued.
    #[serde(rename = "PERIOD_INVOICED")]
    PeriodInvoiced(PeriodInvoiced),
    /// One of its invoices fell past due.
    #[serde(rename = "SUBSCRIPTION_BECAME_PAST_DUE")]
    BecamePastDue(Arrears),
    /// A past-due invoice of it was paid, or need not be any more.
    #[serde(rename = "SUBSCRIPTION_ARREARS_SETTLED")]
    ArrearsSettled(Arrears),
    /// It ended.
    #[serde(rename = "SUBSCRIPTION_CANCELLED")]
    Cancelled(SubscriptionCancelled),
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
    /// The first day of its first period, from which all others are counted; in old commits absent, then the day they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<NaiveDate>,
    /// Its id at the payment provider, where it has one: then the provider issues its invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_subscription: Option<ProviderId>,
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

/// A subscription ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCancelled {
    /// The subscription.
    pub subscription_id: Uuid,
    /// Whose it was.
    pub customer_id: CustomerId,
    /// Why.
    pub reason: CancelReason,
    /// The invoice that was not paid.
    pub invoice_id: Uuid,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// An invoice of it is uncollectible.
    Unpaid,
}

impl Event for SubscriptionEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "SUBSCRIPTION_CREATED", upcasts: &[], published: true },
        // Internal: how far a subscription is invoiced is bookkeeping; the invoice itself is published by its own stream.
        Schema { event_type: "PERIOD_INVOICED", upcasts: &[], published: false },
        Schema { event_type: "SUBSCRIPTION_BECAME_PAST_DUE", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_ARREARS_SETTLED", upcasts: &[], published: true },
        Schema { event_type: "SUBSCRIPTION_CANCELLED", upcasts: &[], published: true },
    ];
}

/// A subscription's state; the terms are `None` before it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// What was agreed.
    pub terms: Option<SubscriptionCreated>,
    /// The first day of its first period.
    pub anchor: Option<NaiveDate>,
    /// Up to which day it is invoiced: the first day of the next period.
    pub invoiced_until: Option<NaiveDate>,
    /// Its past-due invoices.
    pub past_due: BTreeSet<Uuid>,
    /// Whether it ended.
    pub cancelled: bool,
}

impl Subscription {
    /// On which days its periods begin; `None` before it began.
    pub fn calendar(&self) -> Option<Calendar> {
        Some(Calendar::new(self.anchor?, self.terms.as_ref()?.interval))
    }

    /// The next period to be invoiced here; `None` where none is: it ended, or the payment provider issues its invoices.
    pub fn next_period(&self) -> Option<Period> {
        let invoiced_here = self.terms.as_ref().is_some_and(SubscriptionCreated::is_invoiced_here);
        let start = self.invoiced_until.filter(|_| invoiced_here && !self.cancelled)?;
        self.calendar()?.period_starting(start)
    }
}

impl Aggregate for Subscription {
    const STREAM_TYPE: &'static str = "SUB";
    const FOLD_REVISION: u32 = 2;
    type Event = SubscriptionEvent;

    fn evolve(&mut self, event: &SubscriptionEvent, recorded: Recorded) {
        match event {
            SubscriptionEvent::Created(created) => {
                self.anchor = Some(created.anchor(recorded.at));
                self.invoiced_until = self.anchor;
                self.terms = Some(created.clone());
            }
            SubscriptionEvent::PeriodInvoiced(invoiced) => self.invoiced_until = Some(invoiced.period_end),
            SubscriptionEvent::BecamePastDue(arrears) => {
                self.past_due.insert(arrears.invoice_id);
            }
            SubscriptionEvent::ArrearsSettled(arrears) => {
                self.past_due.remove(&arrears.invoice_id);
            }
            SubscriptionEvent::Cancelled(_) => self.cancelled = true,
        }
    }
}

/// Begins a subscription. Where `starts_on` is left out, it starts on the day it is recorded.
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
    /// It would start too long ago or too far ahead.
    #[error("a subscription starts within {} days of today, before or after", FARTHEST_START.num_days())]
    StartTooFar,
    /// It began before, by another command.
    #[error("the subscription exists already")]
    Exists,
}

impl Command for CreateSubscription {
    type Aggregate = Subscription;
    type Refusal = CreateRefusal;

    fn decide(&self, state: &Subscription, at: Timestamp) -> Result<Vec<SubscriptionEvent>, CreateRefusal> {
        let starts_on = self.0.anchor(at);
        match () {
            () if self.0.price.minor() < 0 => Err(CreateRefusal::NegativePrice),
            () if state.terms.is_some() => Err(CreateRefusal::Exists),
            () if (starts_on - at.date()).abs() > FARTHEST_START => Err(CreateRefusal::StartTooFar),
            () => Ok(vec![SubscriptionEvent::Created(SubscriptionCreated { starts_on: Some(starts_on), ..self.0.clone() })]),
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
        let (Some(terms), Some(calendar), Some(next)) = (&state.terms, state.calendar(), state.invoiced_until) else {
            return Err(PeriodRefusal::Unknown);
        };
        match calendar.period_starting(self.period_start) {
            Some(period) if period.start < next => Ok(vec![]),
            Some(period) if period.start == next => Ok(vec![SubscriptionEvent::PeriodInvoiced(PeriodInvoiced {
                subscription_id: terms.subscription_id,
                invoice_id: self.invoice_id,
                period_start: period.start,
                period_end: period.end,
            })]),
            _ => Err(PeriodRefusal::NotNext { next }),
        }
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
        let terms = state.terms.as_ref().ok_or(UnknownSubscription)?;
        let (known, count) = (state.past_due.contains(&self.invoice_id), state.past_due.len());
        let arrears = |count: usize| Arrears {
            subscription_id: terms.subscription_id,
            customer_id: terms.customer_id.clone(),
            invoice_id: self.invoice_id,
            past_due_invoices: u32::try_from(count).unwrap_or(u32::MAX),
        };
        Ok(match self.standing {
            _ if state.cancelled => vec![],
            Standing::PastDue if !known => vec![SubscriptionEvent::BecamePastDue(arrears(count + 1))],
            Standing::Good if known => vec![SubscriptionEvent::ArrearsSettled(arrears(count - 1))],
            Standing::PastDue | Standing::Good => vec![],
            Standing::Lost => vec![SubscriptionEvent::Cancelled(SubscriptionCancelled {
                subscription_id: terms.subscription_id,
                customer_id: terms.customer_id.clone(),
                reason: CancelReason::Unpaid,
                invoice_id: self.invoice_id,
            })],
        })
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{Given, given, given_nothing};

    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600 + day * 86_400).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn pro(minor: i64) -> SubscriptionCreated {
        SubscriptionCreated {
            subscription_id: Uuid::from_u128(1),
            customer_id: "cust-1".parse().unwrap(),
            plan: "pro".parse().unwrap(),
            price: Money::new(minor, "EUR".parse().unwrap()).unwrap(),
            interval: Interval::Month,
            starts_on: Some(day("2026-01-01")),
            provider_subscription: None,
        }
    }

    fn from(starts_on: Option<&str>) -> SubscriptionCreated {
        SubscriptionCreated { starts_on: starts_on.map(day), ..pro(49_00) }
    }

    fn begun() -> SubscriptionEvent {
        SubscriptionEvent::Created(pro(49_00))
    }

    fn invoiced(start: &str, end: &str) -> SubscriptionEvent {
        SubscriptionEvent::PeriodInvoiced(PeriodInvoiced {
            subscription_id: Uuid::from_u128(1),
            invoice_id: Uuid::from_u128(7),
            period_start: day(start),
            period_end: day(end),
        })
    }

    fn record(start: &str) -> RecordPeriodInvoiced {
        RecordPeriodInvoiced { period_start: day(start), invoice_id: Uuid::from_u128(7) }
    }

    fn arrears(invoice: u128, past_due_invoices: u32) -> Arrears {
        Arrears {
            subscription_id: Uuid::from_u128(1),
            customer_id: "cust-1".parse().unwrap(),
            invoice_id: Uuid::from_u128(invoice),
            past_due_invoices,
        }
    }

    fn follow(invoice: u128, standing: Standing) -> FollowInvoice {
        FollowInvoice { invoice_id: Uuid::from_u128(invoice), standing }
    }

    fn cancelled(invoice: u128) -> SubscriptionEvent {
        SubscriptionEvent::Cancelled(SubscriptionCancelled {
            subscription_id: Uuid::from_u128(1),
            customer_id: "cust-1".parse().unwrap(),
            reason: CancelReason::Unpaid,
            invoice_id: Uuid::from_u128(invoice),
        })
    }

    #[test]
    fn a_subscription_begins_once() {
        given_nothing().when(at(0), CreateSubscription(pro(49_00))).then([begun()]);
        given([(at(0), begun())]).when(at(1), CreateSubscription(pro(49_00))).then_refused(CreateRefusal::Exists);
    }

    #[test]
    fn a_price_below_zero_is_refused_and_a_free_plan_is_not() {
        given_nothing().when(at(0), CreateSubscription(pro(-1))).then_refused(CreateRefusal::NegativePrice);
        given_nothing().when(at(0), CreateSubscription(pro(0))).then([SubscriptionEvent::Created(pro(0))]);
    }

    #[test]
    fn a_subscription_starts_today_unless_another_day_within_a_year_is_named() {
        let created = |starts_on| SubscriptionEvent::Created(from(starts_on));
        given_nothing().when(at(5), CreateSubscription(from(None))).then([created(Some("2026-01-06"))]);
        given_nothing().when(at(5), CreateSubscription(from(Some("2025-01-05")))).then([created(Some("2025-01-05"))]);
        given_nothing().when(at(5), CreateSubscription(from(Some("2025-01-04")))).then_refused(CreateRefusal::StartTooFar);
        given_nothing().when(at(5), CreateSubscription(from(Some("2027-01-08")))).then_refused(CreateRefusal::StartTooFar);
    }

    #[test]
    fn periods_are_recorded_in_order_and_once() {
        let history = || -> Given<Subscription> { given([(at(0), begun()), (at(0), invoiced("2026-01-01", "2026-02-01"))]) };
        history().when(at(31), record("2026-02-01")).then([invoiced("2026-02-01", "2026-03-01")]);
        history().when(at(31), record("2026-01-01")).then_nothing();
        history().when(at(99), record("2026-03-01")).then_refused(PeriodRefusal::NotNext { next: day("2026-02-01") });
        history().when(at(31), record("2026-02-02")).then_refused(PeriodRefusal::NotNext { next: day("2026-02-01") });
        given_nothing().when(at(0), record("2026-01-01")).then_refused(PeriodRefusal::Unknown);
    }

    #[test]
    fn an_old_commit_without_a_first_day_starts_when_it_was_recorded() {
        let mut state = Subscription::default();
        state.evolve(&SubscriptionEvent::Created(from(None)), Recorded { version: annals_kit::Version::FIRST, at: at(30) });
        assert_eq!(state.next_period(), Some(Period { start: day("2026-01-31"), end: day("2026-02-28") }));
    }

    #[test]
    fn what_the_provider_invoices_and_what_has_ended_is_not_invoiced_here() {
        let recorded = Recorded { version: annals_kit::Version::FIRST, at: at(0) };
        let provided = SubscriptionCreated { provider_subscription: Some("sub_1".parse().unwrap()), ..pro(49_00) };
        for events in [vec![SubscriptionEvent::Created(provided)], vec![begun(), cancelled(7)]] {
            let mut state = Subscription::default();
            events.iter().for_each(|event| state.evolve(event, recorded));
            assert_eq!(state.next_period(), None);
        }
    }

    #[test]
    fn an_invoice_issued_while_the_subscription_ended_is_recorded_all_the_same() {
        given([(at(0), begun()), (at(1), cancelled(7))]).when(at(1), record("2026-01-01")).then([invoiced("2026-01-01", "2026-02-01")]);
    }

    #[test]
    fn a_subscription_is_past_due_until_its_last_unpaid_invoice_is_settled() {
        let past_due = |invoice, count| SubscriptionEvent::BecamePastDue(arrears(invoice, count));
        given([(at(0), begun())]).when(at(1), follow(7, Standing::PastDue)).then([past_due(7, 1)]);
        let two = || -> Given<Subscription> { given([(at(0), begun()), (at(1), past_due(7, 1)), (at(2), past_due(8, 2))]) };
        two().when(at(3), follow(7, Standing::PastDue)).then_nothing();
        two().when(at(3), follow(7, Standing::Good)).then([SubscriptionEvent::ArrearsSettled(arrears(7, 1))]);
        two().when(at(3), follow(9, Standing::Good)).then_nothing();
    }

    #[test]
    fn an_invoice_that_is_given_up_ends_the_subscription_once() {
        given([(at(0), begun())]).when(at(1), follow(7, Standing::Lost)).then([cancelled(7)]);
        for standing in [Standing::Lost, Standing::PastDue, Standing::Good] {
            given([(at(0), begun()), (at(1), cancelled(7))]).when(at(2), follow(8, standing)).then_nothing();
        }
        given_nothing().when(at(0), follow(7, Standing::Lost)).then_refused(UnknownSubscription);
    }
}
