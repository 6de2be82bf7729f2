//! Changing, ending and taking up again a subscription, with proration worked by hand; one sentence a test.

use annals_kit::story::{Given, given, given_nothing};
use annals_kit::{Aggregate, Recorded, Timestamp, Version};
use billing::amount::{Line, Share};
use billing::decimal::Percent;
use billing::plan::Interval;
use billing::subscription::{
    Adjustment, AdvanceSubscription, Agreement, CancelReason, CancelSubscription, CancellationScheduled, CancellationWithdrawn,
    ChangeRefusal, ChangeScheduled, ChangeSubscription, CreateRefusal, CreateSubscription, Due, Offer, ReactivateSubscription,
    SettleAdjustment, Subscription, SubscriptionCancelled, SubscriptionChanged, SubscriptionCreated, SubscriptionEvent,
    SubscriptionReactivated, Terms, TrialEnded, Unused, When,
};
use uuid::Uuid;

use crate::invoice_stories::{at, eur};
use crate::subscription_stories::{begun, day, invoiced, pro};

const ID: Uuid = Uuid::from_u128(1);

fn customer() -> annals_kit::CustomerId {
    "cust-1".parse().unwrap()
}

/// A plan at so many cents a month, so many of it.
pub(crate) fn terms(plan: &str, minor: i64, quantity: u32) -> Terms {
    Terms {
        plan: plan.parse().unwrap(),
        plan_version: None,
        price: eur(minor),
        interval: Interval::Month,
        quantity,
        tax_percent: Percent::ZERO,
    }
}

fn yearly(minor: i64) -> Terms {
    Terms { interval: Interval::Year, ..terms("pro", minor, 1) }
}

fn offer(terms: &Terms) -> Option<Offer> {
    let Terms { plan, plan_version, price, interval, .. } = terms.clone();
    Some(Offer { plan, plan_version, price, interval })
}

fn change_to(terms: &Terms, when: When) -> ChangeSubscription {
    ChangeSubscription { offer: offer(terms), quantity: Some(terms.quantity), when }
}

/// 49.00 a month from January 1st, and January invoiced.
fn in_january() -> Vec<(Timestamp, SubscriptionEvent)> {
    vec![(at(0), begun()), (at(0), invoiced("2026-01-01", "2026-02-01"))]
}

fn january() -> Given<Subscription> {
    given(in_january())
}

fn january_and(events: impl IntoIterator<Item = (Timestamp, SubscriptionEvent)>) -> Given<Subscription> {
    given(in_january().into_iter().chain(events))
}

fn line(terms: &Terms, sign: i64, days: u32, of: u32) -> Line {
    terms.line(sign, Some(Share { days, of })).unwrap()
}

/// What changing on this day of January comes to.
fn adjusted(number: u32, from: &str, lines: Vec<Line>) -> Option<Adjustment> {
    let (from, until, period_start) = (day(from), day("2026-02-01"), day("2026-01-01"));
    Some(Adjustment { number, lines, tax_percent: Percent::ZERO, from, until, period_start })
}

fn changed(from: &Terms, to: &Terms, on: &str, adjustment: Option<Adjustment>) -> SubscriptionEvent {
    SubscriptionEvent::Changed(SubscriptionChanged {
        subscription_id: ID,
        customer_id: customer(),
        from: from.clone(),
        to: to.clone(),
        effective_on: day(on),
        adjustment,
    })
}

fn will_change(to: &Terms, on: &str) -> SubscriptionEvent {
    let (subscription_id, customer_id, effective_on) = (ID, customer(), day(on));
    SubscriptionEvent::ChangeScheduled(ChangeScheduled { subscription_id, customer_id, to: to.clone(), effective_on })
}

fn will_end(on: &str) -> SubscriptionEvent {
    SubscriptionEvent::CancellationScheduled(CancellationScheduled { subscription_id: ID, customer_id: customer(), ends_on: day(on) })
}

fn ended(adjustment: Option<Adjustment>) -> SubscriptionEvent {
    SubscriptionEvent::Cancelled(SubscriptionCancelled {
        subscription_id: ID,
        customer_id: customer(),
        reason: CancelReason::Requested,
        invoice_id: None,
        adjustment,
    })
}

fn again(terms: &Terms, anchor: &str, invoiced_from: &str) -> SubscriptionEvent {
    SubscriptionEvent::Reactivated(SubscriptionReactivated {
        subscription_id: ID,
        customer_id: customer(),
        terms: terms.clone(),
        anchor: day(anchor),
        invoiced_from: day(invoiced_from),
    })
}

fn cancel(when: When, unused: Unused) -> CancelSubscription {
    CancelSubscription { when, unused }
}

fn comes_to(adjustment: Option<Adjustment>) -> i64 {
    adjustment.unwrap().amounts(&terms("pro", 49_00, 1)).unwrap().total.minor()
}

#[test]
fn an_upgrade_is_charged_for_the_days_that_are_left() {
    let (pro, team) = (terms("pro", 49_00, 1), terms("team", 80_00, 1));
    // January has 31 days; on the 11th 21 are left. 80 x 21/31 = 54.1935.. less 49 x 21/31 = 33.1935..: 21.00.
    let due = adjusted(1, "2026-01-11", vec![line(&pro, -1, 21, 31), line(&team, 1, 21, 31)]);
    assert_eq!(comes_to(due.clone()), 21_00);
    january().when(at(10), change_to(&team, When::Now)).then([changed(&pro, &team, "2026-01-11", due)]);
}

#[test]
fn more_of_a_plan_is_charged_at_its_price_rounded_once() {
    let (one, three) = (terms("pro", 49_00, 1), terms("pro", 49_00, 3));
    // 98 x 11/31 = 34.7741..; rounded each by itself, 147 x 11/31 - 49 x 11/31 would be 52.16 - 17.39 = 34.77 as well.
    let due = adjusted(1, "2026-01-21", vec![line(&one, -1, 11, 31), line(&three, 1, 11, 31)]);
    assert_eq!(comes_to(due.clone()), 34_77);
    let more = ChangeSubscription { offer: None, quantity: Some(3), when: When::Now };
    january().when(at(20), more).then([changed(&one, &three, "2026-01-21", due)]);
}

#[test]
fn a_downgrade_gives_back_the_days_that_are_left() {
    let (pro, small) = (terms("pro", 49_00, 1), terms("small", 18_00, 1));
    // (18 - 49) x 1/31 = -1.00 on the last day.
    let back = adjusted(1, "2026-01-31", vec![line(&pro, -1, 1, 31), line(&small, 1, 1, 31)]);
    assert_eq!(comes_to(back.clone()), -1_00);
    january().when(at(30), change_to(&small, When::Now)).then([changed(&pro, &small, "2026-01-31", back)]);
}

#[test]
fn a_change_on_the_first_day_comes_to_the_whole_difference_and_back_to_nothing() {
    let (pro, team) = (terms("pro", 49_00, 1), terms("team", 80_00, 1));
    let there = adjusted(1, "2026-01-01", vec![line(&pro, -1, 31, 31), line(&team, 1, 31, 31)]);
    let back = adjusted(2, "2026-01-01", vec![line(&team, -1, 31, 31), line(&pro, 1, 31, 31)]);
    assert_eq!((comes_to(there.clone()), comes_to(back.clone())), (31_00, -31_00));
    january_and([(at(0), changed(&pro, &team, "2026-01-01", there))]).when(at(0), change_to(&pro, When::Now)).then([changed(
        &team,
        &pro,
        "2026-01-01",
        back,
    )]);
}

#[test]
fn what_is_agreed_already_changes_nothing() {
    january().when(at(10), change_to(&terms("pro", 49_00, 1), When::Now)).then_nothing();
    january().when(at(10), change_to(&terms("pro", 49_00, 1), When::PeriodEnd)).then_nothing();
}

#[test]
fn a_period_that_is_not_invoiced_yet_is_not_prorated() {
    let team = terms("team", 80_00, 1);
    let start = day("2026-02-01");
    january().when(at(31), change_to(&team, When::Now)).then_refused(ChangeRefusal::NotInvoicedYet { start });
    january().when(at(31), cancel(When::Now, Unused::GiveBack)).then_refused(ChangeRefusal::NotInvoicedYet { start });
    january().when(at(31), cancel(When::Now, Unused::Keep)).then([ended(None)]);
}

#[test]
fn another_interval_begins_with_the_next_period_and_is_counted_from_there() {
    let (pro, year) = (terms("pro", 49_00, 1), yearly(490_00));
    january().when(at(10), change_to(&year, When::Now)).then_refused(ChangeRefusal::IntervalInMidPeriod);
    january().when(at(10), change_to(&year, When::PeriodEnd)).then([will_change(&year, "2026-02-01")]);
    let scheduled = || [(at(10), will_change(&year, "2026-02-01"))];
    january_and(scheduled()).when(at(30), AdvanceSubscription { today: day("2026-01-31") }).then_nothing();
    let begins = changed(&pro, &year, "2026-02-01", None);
    january_and(scheduled()).when(at(31), AdvanceSubscription { today: day("2026-02-01") }).then([begins.clone()]);
    let state = folded(in_january().into_iter().chain(scheduled()).chain([(at(31), begins)]));
    let Some(Due::Invoice(period)) = state.next_due() else { panic!("{:?}", state.next_due()) };
    assert_eq!((period.start, period.end), (day("2026-02-01"), day("2027-02-01")));
}

#[test]
fn an_end_waits_until_the_terms_that_were_set_for_today_have_begun() {
    let scheduled = [(at(10), will_change(&yearly(490_00), "2026-02-01"))];
    let refusal = ChangeRefusal::NotInvoicedYet { start: day("2026-02-01") };
    january_and(scheduled.clone()).when(at(31), cancel(When::PeriodEnd, Unused::Keep)).then_refused(refusal);
    january_and(scheduled).when(at(30), cancel(When::PeriodEnd, Unused::Keep)).then([will_end("2026-02-01")]);
}

#[test]
fn a_change_today_takes_the_place_of_one_that_was_scheduled() {
    let (pro, team) = (terms("pro", 49_00, 1), terms("team", 80_00, 1));
    january_and([(at(10), will_change(&team, "2026-02-01"))]).when(at(11), change_to(&pro, When::Now)).then([changed(
        &pro,
        &pro,
        "2026-01-12",
        None,
    )]);
}

#[test]
fn a_subscription_keeps_its_currency_and_has_a_price_and_a_quantity() {
    let dollars = Offer { price: annals_kit::Money::new(1, "USD".parse().unwrap()).unwrap(), ..offer(&terms("pro", 1, 1)).unwrap() };
    let refused = |offer, quantity| {
        let refusals = [When::Now, When::PeriodEnd].map(|when| ChangeSubscription { offer: Clone::clone(&offer), quantity, when });
        refusals.map(|command| annals_kit::Command::decide(&command, &folded(in_january()), at(3)).unwrap_err())
    };
    assert_eq!(refused(Some(dollars), None), [ChangeRefusal::OtherCurrency; 2]);
    assert_eq!(refused(offer(&terms("pro", -1, 1)), None), [ChangeRefusal::NegativePrice; 2]);
    assert_eq!(refused(None, Some(0)), [ChangeRefusal::NoQuantity; 2]);
    assert_eq!(refused(offer(&terms("pro", annals_kit::Money::MAX / 1000, 1)), Some(2000)), [ChangeRefusal::TooMuch; 2]);
}

#[test]
fn a_subscription_ends_at_the_end_of_what_is_paid_for_unless_it_is_taken_up_again() {
    january().when(at(10), cancel(When::PeriodEnd, Unused::Keep)).then([will_end("2026-02-01")]);
    let ending = || january_and([(at(10), will_end("2026-02-01"))]);
    ending().when(at(11), cancel(When::PeriodEnd, Unused::Keep)).then_nothing();
    ending().when(at(30), AdvanceSubscription { today: day("2026-01-31") }).then_nothing();
    ending().when(at(31), AdvanceSubscription { today: day("2026-02-01") }).then([ended(None)]);
    ending()
        .when(at(12), ReactivateSubscription)
        .then([SubscriptionEvent::CancellationWithdrawn(CancellationWithdrawn { subscription_id: ID, customer_id: customer() })]);
    let state = folded(in_january().into_iter().chain([(at(10), will_end("2026-02-01"))]));
    assert_eq!((state.next_period(), state.next_due()), (None, Some(Due::Advance(day("2026-02-01")))));
    let team = terms("team", 80_00, 1);
    ending().when(at(12), change_to(&team, When::PeriodEnd)).then_refused(ChangeRefusal::EndsBefore { ends_on: day("2026-02-01") });
}

#[test]
fn ending_today_gives_back_what_is_not_used_or_keeps_it() {
    let pro = terms("pro", 49_00, 1);
    // 49 x 16/31 = 25.2903.. on the 16th.
    let back = adjusted(1, "2026-01-16", vec![line(&pro, -1, 16, 31)]);
    assert_eq!(comes_to(back.clone()), -25_29);
    january().when(at(15), cancel(When::Now, Unused::GiveBack)).then([ended(back.clone())]);
    january().when(at(15), cancel(When::Now, Unused::Keep)).then([ended(None)]);
    let state = folded(in_january().into_iter().chain([(at(15), ended(back.clone()))]));
    assert_eq!(state.next_due(), Some(Due::Settle(back.unwrap())));
    january_and([(at(15), ended(None))]).when(at(16), cancel(When::Now, Unused::Keep)).then_nothing();
    january_and([(at(15), ended(None))]).when(at(16), change_to(&pro, When::Now)).then_refused(ChangeRefusal::Ended);
}

#[test]
fn what_ended_goes_on_with_new_periods_or_where_it_was_paid_up_to() {
    let pro = terms("pro", 49_00, 1);
    let back = adjusted(1, "2026-01-16", vec![line(&pro, -1, 16, 31)]);
    january_and([(at(15), ended(back))]).when(at(20), ReactivateSubscription).then([again(&pro, "2026-01-21", "2026-01-21")]);
    january_and([(at(15), ended(None))]).when(at(20), ReactivateSubscription).then([again(&pro, "2026-01-01", "2026-02-01")]);
    january_and([(at(15), ended(None))]).when(at(40), ReactivateSubscription).then([again(&pro, "2026-02-10", "2026-02-10")]);
    january().when(at(20), ReactivateSubscription).then_nothing();
}

#[test]
fn a_trial_ends_on_its_day_and_costs_nothing_before() {
    let trial = || SubscriptionCreated { starts_on: None, trial_ends_on: Some(day("2026-01-15")), ..pro(49_00) };
    let created = || SubscriptionEvent::Created(SubscriptionCreated { starts_on: Some(day("2026-01-15")), ..trial() });
    given_nothing().when(at(0), CreateSubscription(trial())).then([created()]);
    given_nothing().when(at(14), CreateSubscription(trial())).then_refused(CreateRefusal::TrialOver);
    let over = SubscriptionEvent::TrialEnded(TrialEnded { subscription_id: ID, customer_id: customer() });
    given([(at(0), created())]).when(at(13), AdvanceSubscription { today: day("2026-01-14") }).then_nothing();
    given([(at(0), created())]).when(at(14), AdvanceSubscription { today: day("2026-01-15") }).then([over]);
    let team = terms("team", 80_00, 1);
    given([(at(0), created())]).when(at(5), change_to(&team, When::Now)).then([changed(
        &terms("pro", 49_00, 1),
        &team,
        "2026-01-06",
        None,
    )]);
    given([(at(0), created())]).when(at(5), cancel(When::PeriodEnd, Unused::Keep)).then([will_end("2026-01-15")]);
    given([(at(0), created()), (at(5), will_end("2026-01-15"))])
        .when(at(14), AdvanceSubscription { today: day("2026-01-15") })
        .then([ended(None)]);
}

#[test]
fn an_adjustment_is_settled_once() {
    let (pro, team) = (terms("pro", 49_00, 1), terms("team", 80_00, 1));
    let due = adjusted(1, "2026-01-11", vec![line(&pro, -1, 21, 31), line(&team, 1, 21, 31)]);
    let with = || january_and([(at(10), changed(&pro, &team, "2026-01-11", due.clone()))]);
    let settle = || SettleAdjustment { number: 1, documents: vec![Uuid::from_u128(8)] };
    let settled = billing::subscription::AdjustmentSettled { subscription_id: ID, number: 1, documents: vec![Uuid::from_u128(8)] };
    with().when(at(10), settle()).then([SubscriptionEvent::AdjustmentSettled(settled.clone())]);
    january_and([(at(10), changed(&pro, &team, "2026-01-11", due.clone())), (at(10), SubscriptionEvent::AdjustmentSettled(settled))])
        .when(at(11), settle())
        .then_nothing();
}

#[test]
fn what_the_provider_has_is_changed_there() {
    let at_provider = SubscriptionCreated { provider_subscription: Some("sub_1".parse().unwrap()), ..pro(49_00) };
    let theirs = || -> Given<Subscription> { given([(at(0), SubscriptionEvent::Created(at_provider.clone()))]) };
    theirs().when(at(1), change_to(&terms("team", 1, 1), When::Now)).then_refused(ChangeRefusal::AtProvider);
    theirs().when(at(1), cancel(When::Now, Unused::Keep)).then_refused(ChangeRefusal::AtProvider);
    theirs().when(at(1), ReactivateSubscription).then_refused(ChangeRefusal::AtProvider);
}

pub(crate) fn folded(events: impl IntoIterator<Item = (Timestamp, SubscriptionEvent)>) -> Subscription {
    let mut state = Subscription::default();
    for (at, event) in events {
        state.evolve(&event, Recorded { version: Version::FIRST, at });
    }
    assert!(state.agreement.as_ref().is_none_or(|agreement: &Agreement| agreement.terms.quantity > 0));
    state
}
