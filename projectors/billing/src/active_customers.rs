//! The set of customers that have a subscription which has not ended.

use annals_kit::{Recorded, StreamId};
use annals_projection::{CannotFold, Contributions, TotalKey, Totals};
use billing::subscription::SubscriptionEvent;

/// `<customer>`, with how many subscriptions; a customer without any is not in the set.
pub struct ActiveCustomers;

impl Totals for ActiveCustomers {
    const NAME: &'static str = "active-customers";
    const STREAM_TYPE: &'static str = "SUB";
    const REVISION: u32 = 2;
    type Event = SubscriptionEvent;
    type State = Option<String>;

    fn fold(
        _: &StreamId,
        member: &mut Option<String>,
        event: &SubscriptionEvent,
        _: Recorded,
        totals: &mut Contributions,
    ) -> Result<(), CannotFold> {
        match event {
            SubscriptionEvent::Created(created) => {
                totals.join(TotalKey::of([created.customer_id.as_str()]));
                *member = Some(created.customer_id.to_string());
            }
            SubscriptionEvent::Cancelled(_) => {
                if let Some(customer) = member.take() {
                    totals.leave(TotalKey::of([&customer]));
                }
            }
            SubscriptionEvent::Reactivated(again) => {
                totals.join(TotalKey::of([again.customer_id.as_str()]));
                *member = Some(again.customer_id.to_string());
            }
            SubscriptionEvent::TrialEnded(_)
            | SubscriptionEvent::PeriodInvoiced(_)
            | SubscriptionEvent::Changed(_)
            | SubscriptionEvent::ChangeScheduled(_)
            | SubscriptionEvent::AdjustmentSettled(_)
            | SubscriptionEvent::BecamePastDue(_)
            | SubscriptionEvent::ArrearsSettled(_)
            | SubscriptionEvent::CancellationScheduled(_)
            | SubscriptionEvent::CancellationWithdrawn(_)
            | SubscriptionEvent::ProviderStateTaken(_) => {}
        }
        Ok(())
    }
}
