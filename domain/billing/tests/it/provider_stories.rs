//! Following the payment provider, whose notices come twice, late and in any order; and the price book. One sentence a test.

use annals_kit::Money;
use annals_kit::story::{Given, given, given_nothing};
use billing::invoice::Notice;
use billing::plan::Interval;
use billing::price_book::{DraftPlan, Plan, PlanEvent, PlanRefusal, PlanRetired, PlanVersion, Price, ReleasePlan, RetirePlan};
use billing::subscription::{
    AtProvider, CancelReason, CancellationScheduled, CancellationWithdrawn, FollowProvider, FollowRefusal, ProviderStateTaken,
    Subscription, SubscriptionCancelled, SubscriptionChanged, SubscriptionCreated, SubscriptionEvent,
};
use uuid::Uuid;

use crate::change_stories::terms;
use crate::invoice_stories::{at, eur};
use crate::subscription_stories::{day, pro};

const ID: Uuid = Uuid::from_u128(1);

fn at_provider() -> SubscriptionEvent {
    SubscriptionEvent::Created(SubscriptionCreated { provider_subscription: Some("sub_1".parse().unwrap()), ..pro(49_00) })
}

fn theirs() -> Given<Subscription> {
    given([(at(0), at_provider())])
}

fn notice(number: u32, day: i64) -> Notice {
    Notice { event: format!("evt_{number}").parse().unwrap(), event_type: "customer.subscription.updated".into(), at: at(day) }
}

fn active() -> AtProvider {
    AtProvider { ended: None, in_trial: false, ends_on: None, plan: None, price: Some((eur(49_00), Interval::Month, 1)) }
}

fn told(stands: AtProvider, number: u32, day: i64) -> FollowProvider {
    FollowProvider { stands, notice: notice(number, day) }
}

fn taken(number: u32, day: i64) -> SubscriptionEvent {
    SubscriptionEvent::ProviderStateTaken(ProviderStateTaken { subscription_id: ID, notice: notice(number, day) })
}

fn ended(reason: CancelReason) -> SubscriptionEvent {
    let customer_id = "cust-1".parse().unwrap();
    SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id: ID, customer_id, reason, invoice_id: None, adjustment: None })
}

#[test]
fn what_differs_at_the_provider_changes_here_and_the_notice_is_noted_either_way() {
    theirs().when(at(1), told(active(), 1, 1)).then([taken(1, 1)]);
    let more = AtProvider { price: Some((eur(49_00), Interval::Month, 4)), ends_on: Some(day("2026-02-01")), ..active() };
    let changed = SubscriptionEvent::Changed(SubscriptionChanged {
        subscription_id: ID,
        customer_id: "cust-1".parse().unwrap(),
        from: terms("pro", 49_00, 1),
        to: terms("pro", 49_00, 4),
        effective_on: day("2026-01-02"),
        adjustment: None,
    });
    let ending = CancellationScheduled { subscription_id: ID, customer_id: "cust-1".parse().unwrap(), ends_on: day("2026-02-01") };
    theirs().when(at(1), told(more, 1, 1)).then([taken(1, 1), changed, SubscriptionEvent::CancellationScheduled(ending.clone())]);
    let withdrawn = CancellationWithdrawn { subscription_id: ID, customer_id: "cust-1".parse().unwrap() };
    given([(at(0), at_provider()), (at(1), taken(1, 1)), (at(1), SubscriptionEvent::CancellationScheduled(ending))])
        .when(at(2), told(active(), 2, 2))
        .then([taken(2, 2), SubscriptionEvent::CancellationWithdrawn(withdrawn)]);
}

#[test]
fn an_older_notice_that_comes_late_says_nothing_any_more() {
    given([(at(0), at_provider()), (at(5), taken(2, 5))]).when(at(6), told(active(), 1, 4)).then_refused(FollowRefusal::Older);
}

#[test]
fn the_end_is_the_end_whatever_comes_after_it() {
    let over = AtProvider { ended: Some(CancelReason::Unpaid), ..active() };
    theirs().when(at(5), told(over, 2, 5)).then([taken(2, 5), ended(CancelReason::Unpaid)]);
    given([(at(0), at_provider()), (at(5), taken(2, 5)), (at(5), ended(CancelReason::EndedByProvider))])
        .when(at(6), told(active(), 3, 6))
        .then_refused(FollowRefusal::Ended);
}

#[test]
fn another_currency_at_the_provider_is_not_taken_over() {
    let dollars = Money::new(49_00, "USD".parse().unwrap()).unwrap();
    let stands = AtProvider { price: Some((dollars, Interval::Month, 1)), ..active() };
    theirs().when(at(1), told(stands, 1, 1)).then([taken(1, 1)]);
}

fn price(minor: i64) -> Price {
    Price { interval: Interval::Month, price: eur(minor) }
}

fn draft(minor: i64) -> DraftPlan {
    DraftPlan { plan_id: ID, plan: "pro".parse().unwrap(), prices: vec![price(minor)], trial_days: 14 }
}

fn version(version: u32, minor: i64) -> PlanVersion {
    PlanVersion { plan_id: ID, plan: "pro".parse().unwrap(), version, prices: vec![price(minor)], trial_days: 14 }
}

#[test]
fn a_draft_may_change_until_it_is_released_and_the_next_draft_is_another_version() {
    given_nothing().when(at(0), draft(49_00)).then([PlanEvent::Drafted(version(1, 49_00))]);
    let drafted = || -> Given<Plan> { given([(at(0), PlanEvent::Drafted(version(1, 49_00)))]) };
    drafted().when(at(0), draft(49_00)).then_nothing();
    drafted().when(at(0), draft(59_00)).then([PlanEvent::Drafted(version(1, 59_00))]);
    drafted().when(at(0), ReleasePlan { version: 1 }).then([PlanEvent::Released(version(1, 49_00))]);
    given([(at(0), PlanEvent::Drafted(version(1, 49_00))), (at(1), PlanEvent::Released(version(1, 49_00)))])
        .when(at(2), draft(59_00))
        .then([PlanEvent::Drafted(version(2, 59_00))]);
}

#[test]
fn what_is_released_is_final() {
    let released =
        || -> Given<Plan> { given([(at(0), PlanEvent::Released(version(1, 49_00))), (at(1), PlanEvent::Drafted(version(2, 59_00)))]) };
    released().when(at(2), ReleasePlan { version: 1 }).then_nothing();
    released().when(at(2), ReleasePlan { version: 3 }).then_refused(PlanRefusal::NoDraft { next: 2 });
    given([(at(0), PlanEvent::Released(version(1, 49_00)))])
        .when(at(2), ReleasePlan { version: 2 })
        .then_refused(PlanRefusal::NoDraft { next: 2 });
}

#[test]
fn a_retired_plan_is_sold_to_nobody_and_kept_by_whoever_has_it() {
    let retired = PlanRetired { plan_id: ID, plan: "pro".parse().unwrap() };
    given_nothing::<Plan>().when(at(0), RetirePlan).then_refused(PlanRefusal::Unknown);
    given([(at(0), PlanEvent::Released(version(1, 49_00)))]).when(at(1), RetirePlan).then([PlanEvent::Retired(retired.clone())]);
    let mut plan = Plan::default();
    for event in [PlanEvent::Released(version(1, 49_00)), PlanEvent::Retired(retired)] {
        annals_kit::Aggregate::evolve(&mut plan, &event, annals_kit::Recorded { version: annals_kit::Version::FIRST, at: at(0) });
    }
    assert_eq!((plan.offered(None), plan.offered(Some(1)), plan.offered(Some(2))), (None, Some(&version(1, 49_00)), None));
}

#[test]
fn prices_are_sound() {
    let with = |prices| DraftPlan { prices, ..draft(0) };
    given_nothing().when(at(0), with(vec![])).then_refused(PlanRefusal::Prices);
    given_nothing().when(at(0), with(vec![price(-1)])).then_refused(PlanRefusal::Prices);
    given_nothing().when(at(0), with(vec![price(1), price(2)])).then_refused(PlanRefusal::Prices);
    given_nothing().when(at(0), DraftPlan { trial_days: 367, ..draft(0) }).then_refused(PlanRefusal::LongTrial);
}
