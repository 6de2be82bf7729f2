//! Laws of subscriptions: what is invoiced and what is past due, against plain models, and rows say what streams say.

use std::collections::BTreeSet;

use annals_kit::{Aggregate, Command, Recorded, StoredEvent, Timestamp, Version};
use billing::decimal::Percent;
use billing::plan::Interval;
use billing::rows::SubscriptionRow;
use billing::subscription::{
    CreateSubscription, FollowInvoice, RecordPeriodInvoiced, Standing, Subscription, SubscriptionCreated, SubscriptionEvent,
};
use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use uuid::Uuid;

use crate::invoice_stories::{at, eur};

#[derive(Clone, Debug)]
enum Op {
    Create,
    /// Records the period so many intervals after the first, moved by some days.
    Record(u32, u64),
    /// Records the next period.
    RecordNext,
    Follow(u8, Standing),
}

fn op() -> impl Strategy<Value = Op> {
    let standing = prop_oneof![4 => Just(Standing::PastDue), 4 => Just(Standing::Good), 1 => Just(Standing::Lost)];
    prop_oneof![
        1 => Just(Op::Create),
        2 => (0u32..6, 0u64..3).prop_map(|(number, days)| Op::Record(number, days)),
        4 => Just(Op::RecordNext),
        5 => (0u8..4, standing).prop_map(|(invoice, standing)| Op::Follow(invoice, standing)),
    ]
}

#[derive(Default)]
struct Real {
    state: Subscription,
    row: Option<SubscriptionRow>,
    version: Option<Version>,
}

impl Real {
    fn run<C: Command<Aggregate = Subscription>>(&mut self, command: &C, now: Timestamp) {
        let recorded = Recorded { version: Version::after(self.version), at: now };
        for event in command.decide(&self.state, now).unwrap_or_default() {
            let event: SubscriptionEvent = StoredEvent::encode(&event).decode().unwrap();
            self.state.evolve(&event, recorded);
            self.row = SubscriptionRow::fold(self.row.take(), &event, recorded);
            self.version = Some(recorded.version);
        }
    }
}

proptest! {
    /// Law: periods are recorded one after the other as a wall calendar has them, a subscription is past due while an invoice of it is,
    /// and one that ended waits for nothing.
    #[test]
    fn a_subscription_does_what_a_plain_model_does(
        anchor in -366i64..=366, yearly: bool, provided: bool, ops in prop::collection::vec(op(), 1..50),
    ) {
        let starts_on: NaiveDate = at(anchor).date();
        let interval = if yearly { Interval::Year } else { Interval::Month };
        let step = if yearly { 12 } else { 1 };
        // The wall calendar: the anchor's month turned, the anchor's day or the month's last.
        let first_day = |number: u32| starts_on.checked_add_months(chrono::Months::new(number * step)).unwrap();
        let created = SubscriptionCreated {
            subscription_id: Uuid::from_u128(1),
            customer_id: "ada".parse().unwrap(),
            plan: "pro".parse().unwrap(),
            plan_version: None,
            price: eur(49_00),
            interval,
            quantity: 1,
            tax_percent: Percent::ZERO,
            trial_ends_on: None,
            starts_on: Some(starts_on),
            provider_subscription: provided.then(|| "sub_1".parse().unwrap()),
        };
        let (mut real, mut exists, mut recorded, mut past_due, mut cancelled) = (Real::default(), false, 0u32, BTreeSet::new(), false);
        for op in ops {
            match op {
                Op::Create => {
                    real.run(&CreateSubscription(created.clone()), at(0));
                    exists = true;
                }
                Op::Record(number, days) => {
                    let day = first_day(number).checked_add_days(Days::new(days)).unwrap();
                    real.run(&RecordPeriodInvoiced { period_start: day, invoice_id: Uuid::from_u128(7) }, at(1));
                    recorded += u32::from(exists && days == 0 && number == recorded);
                }
                Op::RecordNext => {
                    real.run(&RecordPeriodInvoiced { period_start: first_day(recorded), invoice_id: Uuid::from_u128(7) }, at(1));
                    recorded += u32::from(exists);
                }
                Op::Follow(invoice, standing) => {
                    real.run(&FollowInvoice { invoice_id: Uuid::from_u128(invoice.into()), standing }, at(2));
                    match standing {
                        _ if !exists || cancelled => {}
                        Standing::PastDue => { past_due.insert(invoice); },
                        Standing::Good => { past_due.remove(&invoice); },
                        Standing::Lost => cancelled = true,
                    }
                }
            }
            let due = (exists && !provided && !cancelled).then(|| first_day(recorded));
            prop_assert_eq!(real.state.next_period().map(|period| period.start), due);
            prop_assert_eq!(real.row.as_ref().and_then(|row| row.next_period_start), due);
            prop_assert_eq!(real.row.as_ref().is_some_and(|row| row.due_shard.is_some()), due.is_some());
            let status = if cancelled { "cancelled" } else if past_due.is_empty() { "active" } else { "past-due" };
            prop_assert_eq!(real.row.as_ref().map(|row| row.status.as_str()), exists.then_some(status));
            prop_assert_eq!(real.row.as_ref().map(|row| row.mrr == 0), exists.then_some(cancelled));
        }
    }
}
