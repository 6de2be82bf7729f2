//! How monthly recurring revenue moves, by currency, plan, month and kind of movement. MRR at the end of a month is the sum of all
//! movements up to it.

use annals_kit::{Recorded, StreamId, Timestamp};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::plan::monthly;
use billing::subscription::SubscriptionEvent;
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
}

impl Recurring {
    /// Moves to another amount or plan; the movement has the plan of where the money goes to or was.
    fn move_to(&mut self, next: Self, at: Timestamp, totals: &mut Contributions) {
        let kind = match (self.mrr, next.mrr) {
            (before, after) if before == after && self.plan == next.plan => return self.clone_from(&next),
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
    const REVISION: u32 = 1;
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
            SubscriptionEvent::Created(created) => Recurring {
                currency: created.price.currency().code().into(),
                plan: created.plan.to_string(),
                mrr: monthly(created.price, created.interval).minor(),
                ended: state.ended,
            },
            SubscriptionEvent::Cancelled(_) => Recurring { mrr: 0, ended: true, ..state.clone() },
            SubscriptionEvent::PeriodInvoiced(_) | SubscriptionEvent::BecamePastDue(_) | SubscriptionEvent::ArrearsSettled(_) => {
                return Ok(());
            }
        };
        state.move_to(next, recorded.at, totals);
        Ok(())
    }
}
