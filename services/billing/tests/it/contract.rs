//! Law: every event that the domain can decide is one that the contract describes.

use annals_kit::event::schema_of;
use annals_kit::{CustomerId, Event, Money, ProviderId, StoredEvent, Timestamp};
use billing::amount::{Line, Share};
use billing::decimal::{Decimal, Percent};
use billing::dunning::{Afterwards, DunningPolicy};
use billing::invoice::{
    CreditNoteIssued, CreditReason, DunningStarted, DunningStepTaken, DunningStopped, InvoiceCreditVoided, InvoiceCredited, InvoiceEvent,
    InvoiceIssued, InvoiceVoided, MarkedUncollectible, Notice, PaymentFailed, PaymentReceived, PaymentRefunded, StopReason,
};
use billing::plan::Interval;
use billing::price_book::{PlanEvent, PlanRetired, PlanVersion, Price};
use billing::subscription::{
    Adjustment, Arrears, CancelReason, CancellationScheduled, CancellationWithdrawn, ChangeScheduled, SubscriptionCancelled,
    SubscriptionChanged, SubscriptionCreated, SubscriptionEvent, SubscriptionReactivated, Terms, TrialEnded,
};
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
                    plan_version: None,
                    price,
                    interval,
                    quantity: 1,
                    tax_percent: Percent::ZERO,
                    starts_on,
                    trial_ends_on: None,
                    provider_subscription,
                })
            },
        ),
        arrears().prop_map(move |told| SubscriptionEvent::BecamePastDue(of(told))),
        arrears().prop_map(move |told| SubscriptionEvent::ArrearsSettled(of(told))),
        (uuid(), customer(), uuid()).prop_map(|(subscription_id, customer_id, invoice_id)| {
            SubscriptionEvent::Cancelled(SubscriptionCancelled {
                subscription_id,
                customer_id,
                reason: CancelReason::Unpaid,
                invoice_id: Some(invoice_id),
                adjustment: None,
            })
        }),
    ]
}

fn dunning_event() -> impl Strategy<Value = InvoiceEvent> {
    let who = || (uuid(), uuid(), customer(), money());
    let then = || prop::sample::select(vec![Afterwards::CancelSubscription, Afterwards::KeepSubscription]);
    let reason = prop::sample::select(vec![StopReason::Paid, StopReason::Voided, StopReason::Credited]);
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
                    tax: None,
                    lines: vec![],
                    number: None,
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

fn line() -> impl Strategy<Value = Line> {
    let decimal = (-999_999_999_999i64..=999_999_999_999, 0u32..=6).prop_map(|(digits, scale)| Decimal::new(digits, scale).unwrap());
    let share = prop::option::of((any::<u32>(), any::<u32>()).prop_map(|(days, of)| Share { days, of }));
    ("\\PC{0,30}", prop::option::of("[A-Z0-9]{1,8}"), any::<i64>(), decimal, share)
        .prop_map(|(what, item, quantity, unit_price, share)| Line { what, item, quantity, unit_price, share })
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 0..4)
}

fn percent() -> impl Strategy<Value = Percent> {
    (0u32..=100, 0u32..1_000_000, 0usize..=6).prop_map(|(whole, rest, digits)| {
        let rest = format!("{rest:06}")[..digits].to_owned();
        let text = if digits == 0 || whole == 100 { whole.to_string() } else { format!("{whole}.{rest}") };
        text.parse().unwrap()
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let interval = prop::sample::select(vec![Interval::Month, Interval::Year]);
    ("[A-Za-z0-9_-]{1,40}", prop::option::of(any::<u32>()), money(), interval, any::<u32>(), percent()).prop_map(
        |(plan, plan_version, price, interval, quantity, tax_percent)| Terms {
            plan: plan.parse().unwrap(),
            plan_version,
            price,
            interval,
            quantity,
            tax_percent,
        },
    )
}

fn adjustment() -> impl Strategy<Value = Option<Adjustment>> {
    prop::option::of((any::<u32>(), lines(), percent(), [date(), date(), date()]).prop_map(
        |(number, lines, tax_percent, [from, until, period_start])| Adjustment { number, lines, tax_percent, from, until, period_start },
    ))
}

fn event_of_change() -> impl Strategy<Value = SubscriptionEvent> {
    let who = || (uuid(), customer());
    let reason = prop::sample::select(vec![CancelReason::Unpaid, CancelReason::Requested, CancelReason::EndedByProvider]);
    prop_oneof![
        (who(), terms(), terms(), date(), adjustment()).prop_map(|((subscription_id, customer_id), from, to, effective_on, adjustment)| {
            SubscriptionEvent::Changed(SubscriptionChanged { subscription_id, customer_id, from, to, effective_on, adjustment })
        }),
        (who(), terms(), date()).prop_map(|((subscription_id, customer_id), to, effective_on)| {
            SubscriptionEvent::ChangeScheduled(ChangeScheduled { subscription_id, customer_id, to, effective_on })
        }),
        who().prop_map(|(subscription_id, customer_id)| SubscriptionEvent::TrialEnded(TrialEnded { subscription_id, customer_id })),
        (who(), date()).prop_map(|((subscription_id, customer_id), ends_on)| {
            SubscriptionEvent::CancellationScheduled(CancellationScheduled { subscription_id, customer_id, ends_on })
        }),
        who().prop_map(|(subscription_id, customer_id)| {
            SubscriptionEvent::CancellationWithdrawn(CancellationWithdrawn { subscription_id, customer_id })
        }),
        (who(), reason, prop::option::of(uuid()), adjustment()).prop_map(
            |((subscription_id, customer_id), reason, invoice_id, adjustment)| {
                SubscriptionEvent::Cancelled(SubscriptionCancelled { subscription_id, customer_id, reason, invoice_id, adjustment })
            }
        ),
        (who(), terms(), date(), date()).prop_map(|((subscription_id, customer_id), terms, anchor, invoiced_from)| {
            SubscriptionEvent::Reactivated(SubscriptionReactivated { subscription_id, customer_id, terms, anchor, invoiced_from })
        }),
    ]
}

fn event_of_credit() -> impl Strategy<Value = InvoiceEvent> {
    let who = || (uuid(), uuid(), customer(), money());
    let reason = prop::sample::select(vec![CreditReason::Unused, CreditReason::Mistake, CreditReason::Goodwill, CreditReason::Provider]);
    let number = || prop::option::of("[A-Z0-9]{1,20}");
    let tax = || prop::option::of(money());
    prop_oneof![
        (who(), tax(), lines(), number(), [date(), date(), date()]).prop_map(
            |((credit_note_id, subscription_id, customer_id, amount), tax, lines, number, [issued_on, period_start, period_end])| {
                InvoiceEvent::CreditNoteIssued(CreditNoteIssued {
                    credit_note_id,
                    subscription_id,
                    customer_id,
                    amount,
                    tax,
                    lines,
                    number,
                    issued_on,
                    period_start,
                    period_end,
                })
            }
        ),
        (who(), tax(), lines(), number(), [date(), date(), date()]).prop_map(
            |((invoice_id, subscription_id, customer_id, amount), tax, lines, number, [issued_on, period_start, period_end])| {
                InvoiceEvent::Issued(InvoiceIssued {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    amount,
                    tax,
                    lines,
                    number,
                    issued_on,
                    period_start,
                    period_end,
                    provider_invoice: None,
                })
            }
        ),
        (who(), uuid(), tax(), lines(), reason, [date(), date()], prop::option::of(notice())).prop_map(
            |(
                (invoice_id, subscription_id, customer_id, amount),
                credit_note_id,
                tax,
                lines,
                reason,
                [period_start, period_end],
                notice,
            )| {
                InvoiceEvent::Credited(InvoiceCredited {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    credit_note_id,
                    amount,
                    tax,
                    lines,
                    reason,
                    period_start,
                    period_end,
                    notice,
                })
            }
        ),
        (who(), uuid(), tax(), [date(), date()], notice()).prop_map(
            |((invoice_id, subscription_id, customer_id, amount), credit_note_id, tax, [period_start, period_end], notice)| {
                InvoiceEvent::CreditVoided(InvoiceCreditVoided {
                    invoice_id,
                    subscription_id,
                    customer_id,
                    credit_note_id,
                    amount,
                    tax,
                    period_start,
                    period_end,
                    notice,
                })
            }
        ),
        (who(), uuid(), prop::option::of(notice())).prop_map(|((invoice_id, subscription_id, customer_id, amount), refund_id, notice)| {
            InvoiceEvent::Refunded(PaymentRefunded { invoice_id, subscription_id, customer_id, refund_id, amount, notice })
        }),
    ]
}

fn plan_event() -> impl Strategy<Value = PlanEvent> {
    let interval = prop::sample::select(vec![Interval::Month, Interval::Year]);
    let prices = prop::collection::vec((interval, money()).prop_map(|(interval, price)| Price { interval, price }), 0..4);
    prop_oneof![
        (uuid(), "[A-Za-z0-9_-]{1,40}", any::<u32>(), prices, any::<u16>()).prop_map(|(plan_id, plan, version, prices, trial_days)| {
            PlanEvent::Released(PlanVersion { plan_id, plan: plan.parse().unwrap(), version, prices, trial_days })
        }),
        (uuid(), "[A-Za-z0-9_-]{1,40}")
            .prop_map(|(plan_id, plan)| PlanEvent::Retired(PlanRetired { plan_id, plan: plan.parse().unwrap() })),
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

    #[test]
    fn every_event_of_a_change_fits_its_schema(event in event_of_change()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }

    #[test]
    fn every_event_of_a_credit_fits_its_schema(event in event_of_credit()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }

    #[test]
    fn every_event_of_the_price_book_fits_its_schema(event in plan_event()) {
        prop_assert_eq!(faults(&event), Some(vec![]));
    }
}
