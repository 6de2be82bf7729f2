//! Laws of changes: whatever is asked and whenever the schedule runs, every day is charged once at what was agreed for it, and rows say what
//! streams say.

use std::collections::BTreeMap;

use annals_kit::{Aggregate, Command, Recorded, StoredEvent, Timestamp, Version};
use billing::amount::Line;
use billing::decimal::Percent;
use billing::plan::Interval;
use billing::rows::SubscriptionRow;
use billing::subscription::{
    AdvanceSubscription, CancelSubscription, ChangeSubscription, CreateSubscription, Due, Offer, ReactivateSubscription,
    RecordPeriodInvoiced, SettleAdjustment, Subscription, SubscriptionCreated, SubscriptionEvent, Terms, Unused, When,
};
use chrono::{NaiveDate, TimeDelta};
use num_rational::BigRational;
use proptest::prelude::*;
use uuid::Uuid;

use crate::invoice_stories::{at, eur};

#[derive(Clone, Debug)]
enum Op {
    Change(i64, u32, bool, When),
    Cancel(When, Unused),
    Reactivate,
    /// The schedule runs until nothing is due.
    Tick,
    /// It does one thing and dies.
    HalfTick,
    Wait(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let when = || prop_oneof![Just(When::Now), Just(When::PeriodEnd)];
    let unused = prop_oneof![Just(Unused::GiveBack), Just(Unused::Keep)];
    prop_oneof![
        4 => (0i64..200_00, 1u32..5, prop::bool::weighted(0.2), when()).prop_map(|(price, quantity, yearly, when)| Op::Change(price, quantity, yearly, when)),
        2 => (when(), unused).prop_map(|(when, unused)| Op::Cancel(when, unused)),
        2 => Just(Op::Reactivate),
        6 => Just(Op::Tick),
        1 => Just(Op::HalfTick),
        6 => (0i64..45).prop_map(Op::Wait),
    ]
}

/// What each day costs, told plainly: a day's part of its period, at what is agreed for that day.
#[derive(Default)]
struct Days(BTreeMap<NaiveDate, BigRational>);

impl Days {
    fn set(&mut self, from: NaiveDate, until: NaiveDate, whole: i64, of: i64) {
        for day in from.iter_days().take_while(|day| *day < until) {
            self.0.insert(day, BigRational::new(whole.into(), of.into()));
        }
    }

    fn sum(&self) -> BigRational {
        self.0.values().sum()
    }
}

/// A subscription with everything that was charged and given back for it, exact.
#[derive(Default)]
struct Real {
    state: Subscription,
    row: Option<SubscriptionRow>,
    version: Option<Version>,
    charged: Vec<Line>,
    events: Vec<SubscriptionEvent>,
}

impl Real {
    fn run<C: Command<Aggregate = Subscription>>(&mut self, command: &C, now: Timestamp) -> Vec<SubscriptionEvent> {
        let recorded = Recorded { version: Version::after(self.version), at: now };
        let events = command.decide(&self.state, now).unwrap_or_default();
        for event in &events {
            let event: SubscriptionEvent = StoredEvent::encode(event).decode().unwrap();
            self.state.evolve(&event, recorded);
            self.row = SubscriptionRow::fold(self.row.take(), &event, recorded);
            self.version = Some(recorded.version);
            self.events.push(event);
        }
        events
    }

    /// The next thing that is due, done; whether there was one.
    fn act(&mut self, now: Timestamp, model: &mut Days) -> bool {
        let Some(due) = self.state.next_due().filter(|due| due.on() <= now.date()) else { return false };
        match due {
            Due::Settle(adjustment) => {
                self.charged.extend(adjustment.lines.clone());
                self.run(&SettleAdjustment { number: adjustment.number, documents: vec![] }, now);
            }
            Due::Advance(_) => assert_eq!(self.run(&AdvanceSubscription { today: now.date() }, now).len(), 1),
            Due::Invoice(period) => {
                let terms = self.state.terms().unwrap().clone();
                self.charged.push(terms.line(1, None).unwrap());
                model.set(period.start, period.end, whole(&terms), (period.end - period.start).num_days());
                self.run(&RecordPeriodInvoiced { period_start: period.start, invoice_id: Uuid::nil() }, now);
            }
        }
        true
    }

    fn charged(&self) -> BigRational {
        self.charged.iter().map(|line| line.exact(eur(0).currency()).unwrap()).sum()
    }
}

fn whole(terms: &Terms) -> i64 {
    terms.price.minor() * i64::from(terms.quantity)
}

/// What an event changes of days that are charged already.
fn follow(event: &SubscriptionEvent, model: &mut Days) {
    let (adjustment, to) = match event {
        SubscriptionEvent::Changed(changed) => (&changed.adjustment, whole(&changed.to)),
        SubscriptionEvent::Cancelled(cancelled) => (&cancelled.adjustment, 0),
        _ => return,
    };
    if let Some(adjustment) = adjustment {
        model.set(adjustment.from, adjustment.until, to, (adjustment.until - adjustment.period_start).num_days());
    }
}

fn created(price: i64, trial: Option<i64>) -> CreateSubscription {
    CreateSubscription(SubscriptionCreated {
        subscription_id: Uuid::from_u128(1),
        customer_id: "ada".parse().unwrap(),
        plan: "pro".parse().unwrap(),
        plan_version: None,
        price: eur(price),
        interval: Interval::Month,
        quantity: 1,
        tax_percent: Percent::ZERO,
        starts_on: None,
        trial_ends_on: trial.map(|days| at(days).date()),
        provider_subscription: None,
    })
}

fn change(price: i64, quantity: u32, yearly: bool, when: When) -> ChangeSubscription {
    let interval = if yearly { Interval::Year } else { Interval::Month };
    let plan = format!("p{price}").parse().unwrap();
    ChangeSubscription { offer: Some(Offer { plan, plan_version: None, price: eur(price), interval }), quantity: Some(quantity), when }
}

fn agree(real: &Real) -> Result<(), TestCaseError> {
    let (state, row) = (&real.state, real.row.as_ref().unwrap());
    let terms = state.terms().unwrap();
    let agreement = state.agreement.as_ref().unwrap();
    prop_assert_eq!((&row.plan, row.price, row.quantity, row.interval), (&terms.plan, terms.price.minor(), terms.quantity, terms.interval));
    prop_assert_eq!(row.status == "cancelled", state.cancelled);
    prop_assert_eq!(row.mrr, if state.cancelled || agreement.trial_ends_on.is_some() { 0 } else { terms.mrr() });
    prop_assert_eq!(row.adjustments as usize, state.adjustments.len());
    // The schedule finds what is due, and nothing that is not.
    match state.next_due() {
        None => prop_assert_eq!((row.due_on, row.due_shard), (None, None)),
        Some(due) if state.adjustments.len() < 2 => prop_assert_eq!(row.due_on, Some(due.on())),
        Some(due) => prop_assert!(row.due_on >= Some(due.on())),
    }
    Ok(())
}

proptest! {
    /// Law: every day is charged once, at what was agreed for it, however often it was changed; nothing that was decided panics.
    #[test]
    fn every_day_is_charged_once_at_what_was_agreed_for_it(
        price in 1i64..200_00, trial in prop::option::weighted(0.3, 1i64..40), ops in prop::collection::vec(op(), 1..60),
    ) {
        let (mut real, mut model, mut now) = (Real::default(), Days::default(), at(0));
        real.run(&created(price, trial), now);
        for op in ops {
            let events = match op {
                Op::Change(price, quantity, yearly, when) => real.run(&change(price, quantity, yearly, when), now),
                Op::Cancel(when, unused) => real.run(&CancelSubscription { when, unused }, now),
                Op::Reactivate => real.run(&ReactivateSubscription, now),
                Op::Tick => {
                    let mut things = 0;
                    while real.act(now, &mut model) {
                        things += 1;
                        prop_assert!(things < 200, "the schedule comes to an end");
                    }
                    vec![]
                }
                Op::HalfTick => {
                    real.act(now, &mut model);
                    vec![]
                }
                Op::Wait(days) => {
                    now = now.plus(TimeDelta::days(days));
                    vec![]
                }
            };
            events.iter().for_each(|event| follow(event, &mut model));
            agree(&real)?;
        }
        // Whatever still waits is settled; what is not due yet is not charged.
        while real.act(now, &mut model) {}
        prop_assert_eq!(real.charged(), model.sum());
    }

    /// Law: evolve and the row's fold take any stored events in any order, as an old or a broken log may hold them.
    #[test]
    fn any_events_fold(ops in prop::collection::vec((op(), any::<prop::sample::Index>()), 1..40)) {
        let (mut real, mut now) = (Real::default(), at(0));
        real.run(&created(49_00, Some(10)), now);
        for (op, _) in &ops {
            now = now.plus(TimeDelta::days(9));
            match op {
                Op::Change(price, quantity, yearly, when) => drop(real.run(&change(*price, *quantity, *yearly, *when), now)),
                Op::Cancel(when, unused) => drop(real.run(&CancelSubscription { when: *when, unused: *unused }, now)),
                Op::Reactivate => drop(real.run(&ReactivateSubscription, now)),
                Op::Tick | Op::HalfTick | Op::Wait(_) => drop(real.act(now, &mut Days::default())),
            }
        }
        let (mut state, mut row) = (Subscription::default(), None);
        for (_, pick) in &ops {
            let recorded = Recorded { version: Version::FIRST, at: now };
            let event = pick.get(&real.events);
            state.evolve(event, recorded);
            row = SubscriptionRow::fold(row, event, recorded);
            let _ = (state.next_due(), state.next_period(), AdvanceSubscription { today: now.date() }.decide(&state, now));
            let _ = (change(1, 1, true, When::Now).decide(&state, now), ReactivateSubscription.decide(&state, now));
            let _ = CancelSubscription { when: When::Now, unused: Unused::GiveBack }.decide(&state, now);
        }
    }
}
