//! Law: every event that the domain can decide is one that the contract describes.

use annals_kit::event::schema_of;
use annals_kit::{CustomerId, Event, Money, ProviderId, StoredEvent, Timestamp};
use billing::invoice::{InvoiceEvent, InvoiceIssued, Notice, PaymentFailed, PaymentReceived};
use billing::plan::Interval;
use billing::subscription::{SubscriptionCreated, SubscriptionEvent};
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
    let at = (-62_167_219_200_000_000i64..253_402_300_800_000_000).prop_map(|micros| Timestamp::from_micros(micros).unwrap());
    (provider(), "\\PC{0,30}", at).prop_map(|(event, event_type, at)| Notice { event, event_type, at })
}

fn subscription_event() -> impl Strategy<Value = SubscriptionEvent> {
    let interval = prop::sample::select(vec![Interval::Month, Interval::Year]);
    let plan = "[A-Za-z0-9_-]{1,40}".prop_map(|text| text.parse().unwrap());
    (uuid(), customer(), plan, money(), interval, prop::option::of(provider())).prop_map(
        |(subscription_id, customer_id, plan, price, interval, provider_subscription)| {
            SubscriptionEvent::Created(SubscriptionCreated { subscription_id, customer_id, plan, price, interval, provider_subscription })
        },
    )
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
    fn every_invoice_event_fits_its_schema(event in invoice_event()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }
}
