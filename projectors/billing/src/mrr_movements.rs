//! How monthly recurring revenue moves, by currency, plan, month and kind of movement. MRR at the end of a month is the sum of all
//! movements up to it. It is before tax, moves in the month in which a change is recorded, and counts a trial for nothing until it is over;
//! what a change in mid-period comes to, credits and refunds do not move it.

use annals_kit::{Recorded, StreamId, Timestamp};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::subscription::{SubscriptionEvent, Terms};
use serde::{Deserialize, Serialize};

/// `EUR/pro/2026-11/new`: minor units by which MRR moved, and how many subscriptions moved it.
pub struct MrrMovements;

/// What a subscription counts for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recurring {
    currency: String,
    plan: String,
    mrr: i64,
    /// Whether it has ended before.
    ended: bool,
    /// What it will be for when its trial is over.
    trial: Option<Terms>,
}

impl Recurring {
    fn on(&self, terms: &Terms) -> Self {
        let currency = terms.price.currency().code().into();
        Self { currency, plan: terms.plan.to_string(), mrr: terms.mrr(), ended: self.ended, trial: None }
    }

    /// Moves to another amount or plan; the movement has the plan of where the money goes to or was.
    fn move_to(&mut self, next: Self, at: Timestamp, totals: &mut Contributions) {
        let kind = match (self.mrr, next.mrr) {
            (before, after) if before == after => return self.clone_from(&next),
            (0, _) if self.ended => "reactivation",
            (0, _) => "new",
            (_, 0) => "churn",
            (before, after) if after > before => "expansion",
            _ => "contraction",
        };
        let plan = if next.mrr == 0 { &self.plan } else { &next.plan };
        let month = at.date().format("%Y-%m").to_string();
        totals.add(TotalKey::of([&next.currency, plan, &month, kind]), next.mrr - self.mrr, 1);
        *self = next;
    }
}

impl Totals for MrrMovements {
    const NAME: &'static str = "mrr-movements";
    const STREAM_TYPE: &'static str = "SUB";
    const REVISION: u32 = 2;
    type Event = SubscriptionEvent;
    type State = Recurring;

    fn fold(
        _: &StreamId,
        state: &mut Recurring,
        event: &SubscriptionEvent,
        recorded: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        let next = match event {
            SubscriptionEvent::Created(created) if created.trial_ends_on.is_some() => {
                state.trial = Some(created.terms());
                return Ok(());
            }
            SubscriptionEvent::Created(created) => state.on(&created.terms()),
            SubscriptionEvent::TrialEnded(_) => match state.trial.take() {
                Some(terms) => state.on(&terms),
                None => return Ok(()),
            },
            SubscriptionEvent::Changed(changed) if state.trial.is_some() => {
                state.trial = Some(changed.to.clone());
                return Ok(());
            }
            SubscriptionEvent::Changed(changed) => state.on(&changed.to),
            SubscriptionEvent::Reactivated(again) => state.on(&again.terms),
            SubscriptionEvent::Cancelled(_) if state.trial.take().is_some() => return Ok(()),
            SubscriptionEvent::Cancelled(_) => Recurring { mrr: 0, ended: true, ..state.clone() },
            SubscriptionEvent::PeriodInvoiced(_)
            | SubscriptionEvent::ChangeScheduled(_)
            | SubscriptionEvent::AdjustmentSettled(_)
            | SubscriptionEvent::BecamePastDue(_)
            | SubscriptionEvent::ArrearsSettled(_)
            | SubscriptionEvent::CancellationScheduled(_)
            | SubscriptionEvent::CancellationWithdrawn(_)
            | SubscriptionEvent::ProviderStateTaken(_) => return Ok(()),
        };
        state.move_to(next, recorded.at, totals);
        Ok(())
    }
}
