//! A subscription as its history leaves it, and what is due next.

use std::collections::BTreeSet;

use annals_kit::{Aggregate, Recorded, Timestamp};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::{Adjustment, SubscriptionCreated, SubscriptionEvent};
use super::terms::Terms;
use crate::calendar::{Calendar, Period};

/// A subscription's state; the agreement is `None` before it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Who agreed on what.
    pub agreement: Option<Agreement>,
    /// Its past-due invoices.
    pub past_due: BTreeSet<Uuid>,
    /// What waits to be invoiced or credited, oldest first.
    pub adjustments: Vec<Adjustment>,
    /// How many adjustments there were.
    pub adjusted: u32,
    /// How often it went on after it had ended: part of the ids of its invoices.
    pub reactivated: u32,
    /// Whether it ended.
    pub cancelled: bool,
    /// Whether what was invoiced and not used was given back when it ended.
    pub given_back: bool,
    /// When the provider's newest notice of it was made.
    pub provider_told_at: Option<Timestamp>,
}

/// Who agreed on what, and up to where it is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// How it began.
    pub began: SubscriptionCreated,
    /// What is agreed now.
    pub terms: Terms,
    /// What will be agreed, and from when.
    pub next: Option<(NaiveDate, Terms)>,
    /// The day from which its periods are counted.
    pub anchor: NaiveDate,
    /// Up to which day it is invoiced: the first day of the next period.
    pub invoiced_until: NaiveDate,
    /// The first day that is not free any more, while it is in trial.
    pub trial_ends_on: Option<NaiveDate>,
    /// The first day on which it is over, where it will end.
    pub ends_on: Option<NaiveDate>,
}

/// What is to be done next about a subscription that is invoiced here.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// Settle this adjustment.
    Settle(Adjustment),
    /// [`super::AdvanceSubscription`]: something that was set for this day.
    Advance(NaiveDate),
    /// Invoice this period.
    Invoice(Period),
}

impl Due {
    /// The first day on which it is due.
    pub fn on(&self) -> NaiveDate {
        match self {
            Self::Settle(adjustment) => adjustment.from,
            Self::Advance(day) => *day,
            Self::Invoice(period) => period.start,
        }
    }
}

impl Agreement {
    /// On which days its periods begin.
    pub fn calendar(&self) -> Calendar {
        Calendar::new(self.anchor, self.terms.interval)
    }

    /// What was set for the first day of the next period, or for one before: its end, the end of its trial, or other terms.
    fn set_for(&self) -> Option<NaiveDate> {
        let changes_on = self.next.as_ref().map(|(day, _)| *day);
        [self.ends_on, self.trial_ends_on, changes_on].into_iter().flatten().filter(|day| *day <= self.invoiced_until).min()
    }
}

impl Subscription {
    /// What is agreed; `None` before it began.
    pub fn terms(&self) -> Option<&Terms> {
        Some(&self.agreement.as_ref()?.terms)
    }

    /// The next period to be invoiced here; `None` where none is: it ended or will end before, or the payment provider issues its invoices.
    pub fn next_period(&self) -> Option<Period> {
        let agreement = self.agreement.as_ref().filter(|agreement| agreement.began.is_invoiced_here() && !self.cancelled)?;
        let period = agreement.calendar().period_starting(agreement.invoiced_until)?;
        (agreement.ends_on.is_none_or(|ends_on| period.start < ends_on)).then_some(period)
    }

    /// What is to be done next, on whatever day that is.
    pub fn next_due(&self) -> Option<Due> {
        let agreement = self.agreement.as_ref().filter(|agreement| agreement.began.is_invoiced_here())?;
        match (self.adjustments.first(), agreement.set_for()) {
            (Some(adjustment), _) => Some(Due::Settle(adjustment.clone())),
            (None, Some(day)) if !self.cancelled => Some(Due::Advance(day)),
            (None, _) => self.next_period().map(Due::Invoice),
        }
    }

    fn adjust(&mut self, adjustment: Option<&Adjustment>) {
        let Some(adjustment) = adjustment else { return };
        self.adjusted = self.adjusted.max(adjustment.number);
        self.adjustments.push(adjustment.clone());
    }

    fn agreed(&mut self, change: impl FnOnce(&mut Agreement)) {
        if let Some(agreement) = &mut self.agreement {
            change(agreement);
        }
    }
}

impl Aggregate for Subscription {
    const STREAM_TYPE: &'static str = "SUB";
    const FOLD_REVISION: u32 = 3;
    type Event = SubscriptionEvent;

    fn evolve(&mut self, event: &SubscriptionEvent, recorded: Recorded) {
        match event {
            SubscriptionEvent::Created(created) => {
                let anchor = created.anchor(recorded.at);
                self.agreement = Some(Agreement {
                    began: created.clone(),
                    terms: created.terms(),
                    next: None,
                    anchor,
                    invoiced_until: anchor,
                    trial_ends_on: created.trial_ends_on,
                    ends_on: None,
                });
            }
            SubscriptionEvent::TrialEnded(_) => self.agreed(|agreement| agreement.trial_ends_on = None),
            SubscriptionEvent::PeriodInvoiced(invoiced) => self.agreed(|agreement| agreement.invoiced_until = invoiced.period_end),
            SubscriptionEvent::Changed(changed) => {
                self.agreed(|agreement| {
                    // Periods of another length are counted from the day on which they begin.
                    if changed.to.interval != changed.from.interval {
                        agreement.anchor = agreement.invoiced_until;
                    }
                    agreement.terms = changed.to.clone();
                    agreement.next = None;
                });
                self.adjust(changed.adjustment.as_ref());
            }
            SubscriptionEvent::ChangeScheduled(scheduled) => {
                self.agreed(|agreement| agreement.next = Some((scheduled.effective_on, scheduled.to.clone())));
            }
            SubscriptionEvent::AdjustmentSettled(settled) => self.adjustments.retain(|waits| waits.number != settled.number),
            SubscriptionEvent::BecamePastDue(arrears) => drop(self.past_due.insert(arrears.invoice_id)),
            SubscriptionEvent::ArrearsSettled(arrears) => drop(self.past_due.remove(&arrears.invoice_id)),
            SubscriptionEvent::CancellationScheduled(scheduled) => self.agreed(|agreement| agreement.ends_on = Some(scheduled.ends_on)),
            SubscriptionEvent::CancellationWithdrawn(_) => self.agreed(|agreement| agreement.ends_on = None),
            SubscriptionEvent::Cancelled(cancelled) => {
                self.cancelled = true;
                self.given_back = cancelled.adjustment.is_some();
                self.adjust(cancelled.adjustment.as_ref());
            }
            SubscriptionEvent::Reactivated(again) => {
                self.cancelled = false;
                self.past_due.clear();
                self.reactivated = self.reactivated.saturating_add(1);
                self.agreed(|agreement| {
                    agreement.terms = again.terms.clone();
                    (agreement.next, agreement.trial_ends_on, agreement.ends_on) = (None, None, None);
                    (agreement.anchor, agreement.invoiced_until) = (again.anchor, again.invoiced_from);
                });
            }
            SubscriptionEvent::ProviderStateTaken(taken) => {
                self.provider_told_at = self.provider_told_at.max(Some(taken.notice.at));
            }
        }
    }
}
