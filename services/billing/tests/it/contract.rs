//! Law: every event that the domain can decide is one that the contract describes.

use annals_kit::event::schema_of;
use annals_kit::{CustomerId, Event, Money, ProviderId, StoredEvent, Timestamp};
use billing::dunning::{Afterwards, DunningPolicy};
use billing::invoice::{
    DunningStarted, DunningStepTaken, DunningStopped, InvoiceEvent, InvoiceIssued, InvoiceVoided, MarkedUncollectible, Notice,
    PaymentFailed, PaymentReceived, StopReason,
};
use billing::plan::Interval;
use billing::subscription::{Arrears, CancelReason, SubscriptionCancelled, SubscriptionCreated, SubscriptionEvent};
use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

/// What the contract finds wrong with the data of an event; `None` where it is not published.
fn faults<E: Event>(event: &E) -> Option<Vec<String>> {
    let stored = StoredEvent::encode(event);
    schema_of::<E>(&stored.event_type).filter(|schema| schema.published)?;
    let contract = billing_service::contract();
    let message = contract.publishes.get(&stored.event_type).expect("a published type is in the contract");
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).should_validate_formats(true).build(&message.data).unwrap();
    Some(validator.iter_errors(&Value::Object(stored.payload)).map(|error| format!("{}: {error}", error.instance_path())).collect())
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn customer() -> impl Strategy<Value = CustomerId> {
    "[A-Za-z0-9_-]{1,40}".prop_map(|text| text.parse().unwrap())
}

fn provider() -> impl Strategy<Value = ProviderId> {
    "[A-Za-z0-9_-]{1,80}".prop_map(|text| text.parse().unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    let currency = prop::sample::select(vec!["EUR", "USD", "JPY", "KWD"]);
    (-Money::MAX..=Money::MAX, currency).prop_map(|(minor, currency)| Money::new(minor, currency.parse().unwrap()).unwrap())
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (0i32..=9999, 1u32..=365).prop_map(|(year, day)| NaiveDate::from_yo_opt(year, day).unwrap())
}

fn notice() -> impl Strategy<Value = Notice> {
    (provider(), "\\PC{0,30}", at()).prop_map(|(event, event_type, at)| Notice { event, event_type, at })
}

fn at() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_000_000i64..253_402_300_800_000_000).prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

fn subscription_event() -> impl Strategy<Value = SubscriptionEvent> {
    let interval = prop::sample::select(vec![Interval::Month, Interval::Year]);
    let plan = "[A-Za-z0-9_-]{1,40}".prop_map(|text| text.parse().unwrap());
    let arrears = || (uuid(), customer(), uuid(), any::<u32>());
    let of = |(subscription_id, customer_id, invoice_id, past_due_invoices)| Arrears {
        subscription_id,
        customer_id,
        invoice_id,
        past_due_invoices,
    };
    prop_oneof![
        ((uuid(), customer()), plan, money(), interval, prop::option::of(date()), prop::option::of(provider())).prop_map(
            |((subscription_id, customer_id), plan, price, interval, starts_on, provider_subscription)| {
                SubscriptionEvent::Created(SubscriptionCreated {
                    subscription_id,
                    customer_id,
                    plan,
                    price,
                    interval,
                    starts_on,
                    provider_subscription,
                })
            },
        ),
        arrears().prop_map(move |told| SubscriptionEvent::BecamePastDue(of(told))),
        arrears().prop_map(move |told| SubscriptionEvent::ArrearsSettled(of(told))),
        (uuid(), customer(), uuid()).prop_map(|(subscription_id, customer_id, invoice_id)| {
            SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, customer_id, reason: CancelReason::Unpaid, invoice_id })
        }),
    ]
}

fn dunning_event() -> impl Strategy<Value = InvoiceEvent> {
    let who = || (uuid(), uuid(), customer(), money());
    let then = || prop::sample::select(vec![Afterwards::CancelSubscription, Afterwards::KeepSubscription]);
    let reason = prop::sample::select(vec![StopReason::Paid, StopReason::Voided]);
    prop_oneof![
        (who(), at(), prop::collection::vec(any::<u16>(), 0..4), any::<u16>(), then(), at()).prop_map(
            |(
                (invoice_id, subscription_id, customer_id, amount),
                failed_at,
                reminders_after_days,
                give_up_after_days,
                then,
                next_step_at,
            )| {
                let policy = DunningPolicy { reminders_after_days, give_up_after_days, then };
                InvoiceEvent::DunningStarted(DunningStarted {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    amount,
                    failed_at,
                    policy,
                    next_step_at,
                })
            }
        ),
        (who(), any::<u32>(), any::<u32>(), at()).prop_map(
            |((invoice_id, subscription_id, customer_id, amount), step, steps, next_step_at)| {
                InvoiceEvent::DunningStepTaken(DunningStepTaken {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    amount,
                    step,
                    steps,
                    next_step_at,
                })
            }
        ),
        (uuid(), uuid(), customer(), reason).prop_map(|(invoice_id, subscription_id, customer_id, reason)| {
            InvoiceEvent::DunningStopped(DunningStopped { invoice_id, subscription_id, customer_id, reason })
        }),
        (who(), then(), prop::option::of(notice())).prop_map(|((invoice_id, subscription_id, customer_id, amount), then, notice)| {
            InvoiceEvent::MarkedUncollectible(MarkedUncollectible { invoice_id, subscription_id, customer_id, amount, then, notice })
        }),
        (uuid(), uuid(), customer(), notice()).prop_map(|(invoice_id, subscription_id, customer_id, notice)| {
            InvoiceEvent::Voided(InvoiceVoided { invoice_id, subscription_id, customer_id, notice })
        }),
    ]
}

fn invoice_event() -> impl Strategy<Value = InvoiceEvent> {
    let who = || (uuid(), uuid(), customer(), money());
    prop_oneof![
        (who(), [date(), date(), date()], prop::option::of(provider())).prop_map(
            |((invoice_id, subscription_id, customer_id, amount), [issued_on, period_start, period_end], provider_invoice)| {
                InvoiceEvent::Issued(InvoiceIssued {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    amount,
                    issued_on,
                    period_start,
                    period_end,
                    provider_invoice,
                })
            }
        ),
        (who(), notice()).prop_map(|((invoice_id, subscription_id, customer_id, amount), notice)| {
            InvoiceEvent::PaymentReceived(PaymentReceived { invoice_id, subscription_id, customer_id, amount, notice })
        }),
        (who(), notice(), any::<u32>()).prop_map(|((invoice_id, subscription_id, customer_id, amount), notice, attempt)| {
            InvoiceEvent::PaymentFailed(PaymentFailed { invoice_id, subscription_id, customer_id, amount, attempt, notice })
        }),
    ]
}

proptest! {
    #[test]
    fn every_subscription_event_fits_its_schema(event in subscription_event()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }

    #[test]
    fn every_event_of_dunning_fits_its_schema(event in dunning_event()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }

    #[test]
    fn every_invoice_event_fits_its_schema(event in invoice_event()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }
}
