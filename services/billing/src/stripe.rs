//! What billing reads of a Stripe event: its id, type and time, and the invoice, charge, credit note or subscription that it carries.
//!
//! Source: Stripe API reference, "The Event object", "The Invoice object", "The Charge object", "The Credit Note object" and "The
//! Subscription object".

use annals_kit::{Currency, Money, ProviderId, Timestamp};
use billing::invoice::Happened;
use billing::plan::Interval;
use billing::subscription::{AtProvider, CancelReason};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// An event of any type.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct StripeEvent {
    /// Its id at the provider.
    pub(crate) id: ProviderId,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// When, in seconds since 1970.
    created: i64,
    data: Data,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
struct Data {
    /// What it is about, as its type says.
    object: Value,
}

/// An event that tells what happened to an invoice.
#[derive(Clone, Debug)]
pub(crate) struct InvoiceNotice {
    pub(crate) invoice: ProviderInvoice,
    pub(crate) happened: Happened,
}

/// What an event tells that billing uses.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Invoice(InvoiceNotice),
    Refund(ProviderRefund),
    CreditNote(ProviderCreditNote),
    Subscription(ProviderSubscription),
}

/// Which invoice something is about.
#[derive(Clone, Debug)]
pub(crate) struct OfInvoice {
    /// The provider's.
    pub(crate) invoice: Option<ProviderId>,
    /// Ours, where we put its id into the provider's metadata.
    pub(crate) ours: Option<Uuid>,
    pub(crate) customer: Option<ProviderId>,
}

/// A charge of which something was paid back.
#[derive(Clone, Debug)]
pub(crate) struct ProviderRefund {
    pub(crate) invoice: OfInvoice,
    /// In all.
    pub(crate) refunded: Money,
}

/// A credit note.
#[derive(Clone, Debug)]
pub(crate) struct ProviderCreditNote {
    pub(crate) id: ProviderId,
    pub(crate) invoice: OfInvoice,
    pub(crate) total: Money,
    pub(crate) tax: Option<Money>,
    pub(crate) is_void: bool,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(crate) struct ProviderSubscription {
    pub(crate) id: ProviderId,
    pub(crate) stands: AtProvider,
}

/// The provider's invoice, as far as it goes into ours.
#[derive(Clone, Debug)]
pub(crate) struct ProviderInvoice {
    pub(crate) id: ProviderId,
    pub(crate) subscription: Option<ProviderId>,
    pub(crate) customer: Option<ProviderId>,
    /// Our invoice, where we put its id into the provider's metadata.
    pub(crate) ours: Option<Uuid>,
    pub(crate) due: Money,
    pub(crate) tax: Option<Money>,
    pub(crate) issued_on: NaiveDate,
    pub(crate) period_start: NaiveDate,
    pub(crate) period_end: NaiveDate,
}

impl StripeEvent {
    /// When the provider says it happened.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        Timestamp::from_seconds(self.created)
    }

    /// The id of the object it is about, where it has one.
    pub(crate) fn object_id(&self) -> &str {
        self.data.object.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The customer it is about, where it names one: by id, or as a whole object.
    pub(crate) fn customer(&self) -> Option<ProviderId> {
        id_of(self.data.object.get("customer")?)
    }

    /// What it tells; `None` where billing does not use its type.
    pub(crate) fn told(&self) -> Option<Result<Told, String>> {
        match self.event_type.as_str() {
            "charge.refunded" => Some(self.refund().map(Told::Refund)),
            "credit_note.created" | "credit_note.updated" | "credit_note.voided" => Some(self.credit_note().map(Told::CreditNote)),
            "customer.subscription.created"
            | "customer.subscription.updated"
            | "customer.subscription.deleted"
            | "customer.subscription.paused"
            | "customer.subscription.resumed"
            | "customer.subscription.trial_will_end" => Some(self.subscription().map(Told::Subscription)),
            _ => Some(self.invoice_notice()?.map(Told::Invoice)),
        }
    }

    fn of_invoice(&self) -> Result<OfInvoice, String> {
        let object = &self.data.object;
        let of = OfInvoice { invoice: object.get("invoice").and_then(id_of), ours: self.ours(), customer: self.customer() };
        if of.invoice.is_some() || of.ours.is_some() { Ok(of) } else { Err("it is about no invoice".into()) }
    }

    fn ours(&self) -> Option<Uuid> {
        self.data.object.pointer("/metadata/annals_invoice").and_then(Value::as_str).and_then(|id| id.parse().ok())
    }

    fn refund(&self) -> Result<ProviderRefund, String> {
        Ok(ProviderRefund { invoice: self.of_invoice()?, refunded: Fields(&self.data.object).money("amount_refunded")? })
    }

    fn credit_note(&self) -> Result<ProviderCreditNote, String> {
        let fields = Fields(&self.data.object);
        let total = fields.money("total").or_else(|_| fields.money("amount"))?;
        let without_tax = fields.money("total_excluding_tax").ok();
        let tax = without_tax.and_then(|without| Money::new(total.minor() - without.minor(), total.currency()).ok());
        Ok(ProviderCreditNote {
            id: id_of(&self.data.object["id"]).ok_or("`id` is missing or no id")?,
            invoice: self.of_invoice()?,
            total,
            tax: tax.filter(|tax| tax.minor() > 0),
            is_void: fields.text("status") == "void" || self.event_type == "credit_note.voided",
        })
    }

    /// The state of the subscription that the event carries, whatever the type of the event says: it may be older.
    fn subscription(&self) -> Result<ProviderSubscription, String> {
        let object = &self.data.object;
        let fields = Fields(object);
        let unpaid = object.pointer("/cancellation_details/reason").and_then(Value::as_str) == Some("payment_failed");
        let reason = if unpaid { CancelReason::Unpaid } else { CancelReason::EndedByProvider };
        let is_over = matches!(fields.text("status"), "canceled" | "incomplete_expired");
        let will_end = object.get("cancel_at_period_end").and_then(Value::as_bool).unwrap_or_default();
        let period_end = || {
            fields.day("current_period_end").or_else(|_| {
                // Where API versions from 2025-03-31 on have it.
                object.pointer("/items/data/0").map_or_else(|| Err(String::new()), |item| Fields(item).day("current_period_end"))
            })
        };
        Ok(ProviderSubscription {
            id: id_of(&object["id"]).ok_or("`id` is missing or no id")?,
            stands: AtProvider {
                ended: is_over.then_some(reason),
                in_trial: fields.text("status") == "trialing",
                ends_on: fields.day("cancel_at").ok().or_else(|| period_end().ok().filter(|_| will_end)),
                plan: object.pointer("/metadata/annals_plan").and_then(Value::as_str).and_then(|plan| plan.parse().ok()),
                price: self.price(),
            },
        })
    }

    /// What one costs, how often, and how many: where it has one item, of one price, by the month or the year.
    fn price(&self) -> Option<(Money, Interval, u32)> {
        let items = self.data.object.pointer("/items/data")?.as_array()?;
        let [item] = items.as_slice() else { return None };
        let price = item.get("price").or_else(|| item.get("plan"))?;
        let recurring = price.get("recurring").unwrap_or(price);
        let interval = match (Fields(recurring).text("interval"), recurring.get("interval_count").and_then(Value::as_u64).unwrap_or(1)) {
            ("month", 1) => Interval::Month,
            ("year", 1) | ("month", 12) => Interval::Year,
            _ => return None,
        };
        let money = Fields(price).money("unit_amount").or_else(|_| Fields(price).money("amount")).ok()?;
        let quantity = u32::try_from(item.get("quantity")?.as_u64()?).ok()?;
        (money.minor() >= 0 && quantity > 0).then_some((money, interval, quantity))
    }

    /// What happened to an invoice; `None` where the type is about something else.
    fn invoice_notice(&self) -> Option<Result<InvoiceNotice, String>> {
        match self.event_type.as_str() {
            "invoice.paid" | "invoice.payment_succeeded" => Some(self.notice(|fields| Ok(Happened::Paid(fields.money("amount_paid")?)))),
            // Notices come late and out of order: where the invoice they carry has moved on already, its state counts.
            "invoice.payment_failed" => Some(self.notice(|fields| match fields.text("status") {
                "paid" => Ok(Happened::Paid(fields.money("amount_paid")?)),
                "void" => Ok(Happened::Voided),
                "uncollectible" => Ok(Happened::Uncollectible),
                _ => {
                    let attempt = fields.integer("attempt_count")?;
                    let attempt = u32::try_from(attempt).map_err(|_| "`attempt_count` is out of range".to_owned())?;
                    Ok(Happened::Failed { due: fields.money("amount_remaining")?, attempt: attempt.max(1) })
                }
            })),
            "invoice.marked_uncollectible" => Some(self.notice(|_| Ok(Happened::Uncollectible))),
            "invoice.voided" => Some(self.notice(|_| Ok(Happened::Voided))),
            _ => None,
        }
    }

    fn notice(&self, happened: impl Fn(&Fields<'_>) -> Result<Happened, String>) -> Result<InvoiceNotice, String> {
        let fields = Fields(&self.data.object);
        let issued_on = fields.day("created")?;
        let period = self.data.object.pointer("/lines/data/0/period").map(Fields);
        let (period_start, period_end) = match &period {
            Some(period) => (period.day("start")?, period.day("end")?),
            None => (issued_on, issued_on),
        };
        let invoice = ProviderInvoice {
            id: id_of(&self.data.object["id"]).ok_or("`id` is missing or no id")?,
            subscription: self.data.object.get("subscription").and_then(id_of).or_else(|| {
                // Where API versions from 2025-03-31 on have it.
                self.data.object.pointer("/parent/subscription_details/subscription").and_then(id_of)
            }),
            customer: self.customer(),
            ours: self.ours(),
            due: fields.money("amount_due")?,
            tax: fields.money("tax").ok().filter(|tax| tax.minor() > 0),
            issued_on,
            period_start,
            period_end,
        };
        Ok(InvoiceNotice { invoice, happened: happened(&fields)? })
    }
}

/// An id, given as text or as the object that has it.
fn id_of(value: &Value) -> Option<ProviderId> {
    value.as_str().or_else(|| value.get("id")?.as_str())?.parse().ok()
}

struct Fields<'a>(&'a Value);

impl Fields<'_> {
    fn integer(&self, name: &str) -> Result<i64, String> {
        self.0.get(name).and_then(Value::as_i64).ok_or_else(|| format!("`{name}` is missing or not a whole number"))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn day(&self, name: &str) -> Result<NaiveDate, String> {
        let time = Timestamp::from_seconds(self.integer(name)?).ok_or_else(|| format!("`{name}` is not a time"))?;
        Ok(time.date())
    }

    fn money(&self, name: &str) -> Result<Money, String> {
        let code = self.0.get("currency").and_then(Value::as_str).unwrap_or_default().to_ascii_uppercase();
        let currency: Currency = code.parse().map_err(|_| "`currency` is missing or unknown".to_owned())?;
        let amount = self.integer(name)?;
        money_of(amount, currency).map_err(|reason| format!("`{name}` {reason}"))
    }
}

/// Our amount of an amount in the provider's units.
fn money_of(amount: i64, currency: Currency) -> Result<Money, String> {
    let minor = match currency.code() {
        code if HUNDREDTHS_AT_STRIPE.contains(&code) => (amount % 100 == 0).then_some(amount / 100),
        code if WHOLE_AT_STRIPE.contains(&code) => amount.checked_mul(100),
        _ => Some(amount),
    };
    let minor = minor.ok_or_else(|| format!("is no amount of {currency}"))?;
    Money::new(minor, currency).map_err(|error| format!("is out of bounds: {error}"))
}

/// An amount of ours in the provider's units: for playing the provider.
pub fn provider_amount(minor: i64, currency: &str) -> i64 {
    match currency {
        code if HUNDREDTHS_AT_STRIPE.contains(&code) => minor.saturating_mul(100),
        code if WHOLE_AT_STRIPE.contains(&code) => minor / 100,
        _ => minor,
    }
}

/// Currencies without a minor unit whose amounts Stripe still gives in hundredths.
/// Source: Stripe documentation, "Supported currencies", special cases.
const HUNDREDTHS_AT_STRIPE: [&str; 2] = ["ISK", "UGX"];

/// Currencies with a minor unit whose amounts Stripe gives in whole units. Source: the same page, zero-decimal currencies.
const WHOLE_AT_STRIPE: [&str; 1] = ["MGA"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_as_they_were_in_every_currency() {
        for code in ["EUR", "JPY", "KWD", "ISK", "UGX", "MGA"] {
            let currency: Currency = code.parse().unwrap();
            let sent = provider_amount(12_300, code);
            assert_eq!(money_of(sent, currency), Ok(Money::new(12_300, currency).unwrap()), "{code}");
        }
        assert!(money_of(150, "ISK".parse().unwrap()).is_err());
    }
}
