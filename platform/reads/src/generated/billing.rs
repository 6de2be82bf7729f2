//! The reads of billing, one function each. Derived from `access-patterns/billing.toml`; do not edit.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::{Item, ItemPage, Key, Page, PageRequest, Params, ReadError, Reads};

/// Query of `subscriptions-log`: `PK = {stream_type}#{stream_id}`.
///
/// Cost: 2 read units a call, 376 B to the next; 6.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_newest_first(reads: &Reads, stream_type: &str, stream_id: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id);
    reads.query_page("load_stream_newest_first", &params, limit, after).await
}

/// Query of `subscriptions-log`: `PK = {stream_type}#{stream_id} and SK >= {version}`.
///
/// Cost: 1 read unit a call, 2142 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_from_version(reads: &Reads, stream_type: &str, stream_id: &str, version: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.query_page("load_stream_from_version", &params, limit, after).await
}

/// Query of `subscriptions-log`: `PK = {stream_type}#{stream_id} and SK between {version}`.
///
/// Cost: 1 read unit a call, 1165 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn load_stream_between(reads: &Reads, stream_type: &str, stream_id: &str, version: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).between("version", version.0, version.1);
    reads.query_page("load_stream_between", &params, limit, after).await
}

/// GetItem of `subscriptions-log`: `PK = {stream_type}#{stream_id} and SK = {version}`.
///
/// Cost: 1 read unit a call, 3119 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_commit(reads: &Reads, stream_type: &str, stream_id: &str, version: u64) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("version", version);
    reads.get_item("get_commit", &params).await
}

/// A Subscription, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Subscription {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `plan`.
    pub plan: String,
    /// `plan_version`.
    pub plan_version: Option<i64>,
    /// `status`.
    pub status: String,
    /// `mrr`.
    pub mrr: i64,
    /// `currency`.
    pub currency: String,
    /// `interval`.
    pub interval: String,
    /// `price`.
    pub price: i64,
    /// `quantity`.
    pub quantity: i64,
    /// `tax_percent`.
    pub tax_percent: Option<String>,
    /// `provider_subscription`.
    pub provider_subscription: Option<String>,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `trial_ends_on`.
    pub trial_ends_on: Option<NaiveDate>,
    /// `ends_on`.
    pub ends_on: Option<NaiveDate>,
    /// `next_terms`.
    pub next_terms: Option<serde_json::Value>,
    /// `adjustments`.
    pub adjustments: Option<i64>,
    /// `next_period_start`.
    pub next_period_start: Option<NaiveDate>,
    /// `due_on`.
    pub due_on: Option<NaiveDate>,
    /// `due_shard`.
    pub due_shard: Option<u64>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = SUB#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3435 B to the next; 2.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_subscription(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Subscription>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_subscription", tenant, &params).await
}

/// GetItem of `subscriptions`: `PK = SUB#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3435 B to the next; 1.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_subscription_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Subscription>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_subscription_strong", tenant, &params).await
}

/// What `list_subscriptions_by_customer` reads of a subscription.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListSubscriptionsByCustomerRow {
    /// `id`.
    pub id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `plan`.
    pub plan: String,
    /// `plan_version`.
    pub plan_version: Option<i64>,
    /// `status`.
    pub status: String,
    /// `mrr`.
    pub mrr: i64,
    /// `currency`.
    pub currency: String,
    /// `interval`.
    pub interval: String,
    /// `price`.
    pub price: i64,
    /// `quantity`.
    pub quantity: i64,
    /// `created_at`.
    pub created_at: DateTime<Utc>,
    /// `ends_on`.
    pub ends_on: Option<NaiveDate>,
}

/// Query of `subscriptions by GSI1`: `GSI1PK = CUST#{customer_id} and GSI1SK begins with SUB#`.
///
/// Cost: 0.5 read units a call, 3046 B to the next; 1.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_subscriptions_by_customer(reads: &Reads, tenant: &str, customer_id: &str, page: PageRequest) -> Result<Page<ListSubscriptionsByCustomerRow>, ReadError> {
    let params = Params::new().value("customer_id", customer_id);
    reads.page("list_subscriptions_by_customer", tenant, &params, page).await
}

/// What `due_subscriptions` reads of a subscription.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DueSubscriptionsRow {
    /// `id`.
    pub id: String,
    /// `due_on`.
    pub due_on: Option<NaiveDate>,
}

/// Query of `subscriptions by GSI2`: `GSI2PK = DUE#{due_shard} and GSI2SK <= {due_on}#{id}`.
///
/// Cost: 1.5 read units a call, 3188 B to the next; 0.3 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn due_subscriptions(reads: &Reads, tenant: &str, due_shard: u64, due_on: NaiveDate, page: PageRequest) -> Result<Page<DueSubscriptionsRow>, ReadError> {
    let params = Params::new().value("due_shard", due_shard).value("due_on", due_on);
    reads.page("due_subscriptions", tenant, &params, page).await
}

/// An Invoice, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Invoice {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `subscription_id`.
    pub subscription_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `tax`.
    pub tax: Option<i64>,
    /// `received`.
    pub received: i64,
    /// `credited`.
    pub credited: Option<i64>,
    /// `refunded`.
    pub refunded: Option<i64>,
    /// `currency`.
    pub currency: String,
    /// `status`.
    pub status: String,
    /// `number`.
    pub number: Option<String>,
    /// `issued_on`.
    pub issued_on: NaiveDate,
    /// `period_start`.
    pub period_start: NaiveDate,
    /// `period_end`.
    pub period_end: NaiveDate,
    /// `paidAt`.
    #[serde(rename = "paidAt")]
    pub paid_at: Option<String>,
    /// `provider_invoice`.
    pub provider_invoice: Option<String>,
    /// `arrears`.
    pub arrears: Option<String>,
    /// `arrears_since`.
    pub arrears_since: Option<DateTime<Utc>>,
    /// `next_step`.
    pub next_step: Option<i64>,
    /// `next_step_at`.
    pub next_step_at: Option<DateTime<Utc>>,
    /// `dunning_shard`.
    pub dunning_shard: Option<u64>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = INV#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3302 B to the next; 1.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_invoice(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Invoice>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_invoice", tenant, &params).await
}

/// GetItem of `subscriptions`: `PK = INV#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3302 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_invoice_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Invoice>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_invoice_strong", tenant, &params).await
}

/// What `list_invoices_by_subscription` reads of an invoice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListInvoicesBySubscriptionRow {
    /// `id`.
    pub id: String,
    /// `subscription_id`.
    pub subscription_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `tax`.
    pub tax: Option<i64>,
    /// `received`.
    pub received: i64,
    /// `credited`.
    pub credited: Option<i64>,
    /// `refunded`.
    pub refunded: Option<i64>,
    /// `currency`.
    pub currency: String,
    /// `status`.
    pub status: String,
    /// `number`.
    pub number: Option<String>,
    /// `issued_on`.
    pub issued_on: NaiveDate,
    /// `period_start`.
    pub period_start: NaiveDate,
    /// `period_end`.
    pub period_end: NaiveDate,
    /// `paidAt`.
    #[serde(rename = "paidAt")]
    pub paid_at: Option<String>,
}

/// Query of `subscriptions by GSI1`: `GSI1PK = SUB#{subscription_id} and GSI1SK, where given, between INV#{issued_on}`.
///
/// Cost: 1 read unit a call, 3296 B to the next; 1.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_invoices_by_subscription(reads: &Reads, tenant: &str, subscription_id: &str, issued_on: Option<(NaiveDate, NaiveDate)>, page: PageRequest) -> Result<Page<ListInvoicesBySubscriptionRow>, ReadError> {
    let mut params = Params::new().value("subscription_id", subscription_id);
    if let Some(given) = issued_on {
        params = params.between("issued_on", given.0, given.1);
    }
    reads.page("list_invoices_by_subscription", tenant, &params, page).await
}

/// What `invoices_due_for_dunning` reads of an invoice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct InvoicesDueForDunningRow {
    /// `id`.
    pub id: String,
    /// `next_step`.
    pub next_step: Option<i64>,
    /// `next_step_at`.
    pub next_step_at: Option<DateTime<Utc>>,
}

/// Query of `subscriptions by GSI2`: `GSI2PK = DUNNING#{dunning_shard} and GSI2SK <= {next_step_at}#{id}`.
///
/// Cost: 0.5 read units a call, 3001 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn invoices_due_for_dunning(reads: &Reads, tenant: &str, dunning_shard: u64, next_step_at: DateTime<Utc>, page: PageRequest) -> Result<Page<InvoicesDueForDunningRow>, ReadError> {
    let params = Params::new().value("dunning_shard", dunning_shard).value("next_step_at", next_step_at);
    reads.page("invoices_due_for_dunning", tenant, &params, page).await
}

/// What `list_invoices_in_arrears` reads of an invoice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListInvoicesInArrearsRow {
    /// `id`.
    pub id: String,
    /// `subscription_id`.
    pub subscription_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `tax`.
    pub tax: Option<i64>,
    /// `received`.
    pub received: i64,
    /// `credited`.
    pub credited: Option<i64>,
    /// `refunded`.
    pub refunded: Option<i64>,
    /// `currency`.
    pub currency: String,
    /// `status`.
    pub status: String,
    /// `number`.
    pub number: Option<String>,
    /// `issued_on`.
    pub issued_on: NaiveDate,
    /// `period_start`.
    pub period_start: NaiveDate,
    /// `period_end`.
    pub period_end: NaiveDate,
    /// `arrears`.
    pub arrears: Option<String>,
    /// `arrears_since`.
    pub arrears_since: Option<DateTime<Utc>>,
    /// `next_step`.
    pub next_step: Option<i64>,
    /// `next_step_at`.
    pub next_step_at: Option<DateTime<Utc>>,
}

/// Query of `subscriptions by GSI3`: `GSI3PK = ARREARS#{tenant} and GSI3SK begins with {arrears}#`.
///
/// Cost: 1.5 read units a call, 2488 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_invoices_in_arrears(reads: &Reads, tenant: &str, arrears: &str, page: PageRequest) -> Result<Page<ListInvoicesInArrearsRow>, ReadError> {
    let params = Params::new().value("arrears", arrears);
    reads.page("list_invoices_in_arrears", tenant, &params, page).await
}

/// A Plan, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Plan {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `plan`.
    pub plan: String,
    /// `status`.
    pub status: String,
    /// `newest`.
    pub newest: i64,
    /// `versions`.
    pub versions: serde_json::Value,
    /// `draft`.
    pub draft: Option<serde_json::Value>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = PLAN#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3120 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_plan(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Plan>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_plan", tenant, &params).await
}

/// GetItem of `subscriptions`: `PK = PLAN#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3120 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_plan_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Plan>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_plan_strong", tenant, &params).await
}

/// What `glance_plan` reads of a plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlancePlanRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = PLAN#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3120 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_plan(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlancePlanRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_plan", tenant, &params).await
}

/// What `list_plans` reads of a plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListPlansRow {
    /// `id`.
    pub id: String,
    /// `plan`.
    pub plan: String,
    /// `status`.
    pub status: String,
    /// `newest`.
    pub newest: i64,
}

/// Query of `subscriptions by GSI1`: `GSI1PK = PLANS#{tenant}`.
///
/// Cost: 0.5 read units a call, 2266 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_plans(reads: &Reads, tenant: &str, page: PageRequest) -> Result<Page<ListPlansRow>, ReadError> {
    let params = Params::new();
    reads.page("list_plans", tenant, &params, page).await
}

/// A Webhook, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Webhook {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `disposition`.
    pub disposition: String,
    /// `type`.
    pub r#type: String,
    /// `received_at`.
    pub received_at: DateTime<Utc>,
    /// `digest`.
    pub digest: String,
    /// `reason`.
    pub reason: String,
    /// `bodies`.
    pub bodies: i64,
    /// `provider_event`.
    pub provider_event: String,
    /// `customer`.
    pub customer: Option<String>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = HOOK#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 3505 B to the next; 0.3 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_webhook_strong(reads: &Reads, tenant: &str, id: &str) -> Result<Option<Webhook>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("get_webhook_strong", tenant, &params).await
}

/// What `list_webhooks_by_disposition` reads of a webhook.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListWebhooksByDispositionRow {
    /// `id`.
    pub id: String,
    /// `disposition`.
    pub disposition: String,
    /// `type`.
    pub r#type: String,
    /// `received_at`.
    pub received_at: DateTime<Utc>,
    /// `digest`.
    pub digest: String,
    /// `reason`.
    pub reason: String,
    /// `bodies`.
    pub bodies: i64,
    /// `provider_event`.
    pub provider_event: String,
    /// `customer`.
    pub customer: Option<String>,
}

/// Query of `subscriptions by GSI1`: `GSI1PK = HOOKS#{tenant} and GSI1SK begins with {disposition}#{type}#`.
///
/// Cost: 1.5 read units a call, 2628 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_webhooks_by_disposition(reads: &Reads, tenant: &str, disposition: &str, r#type: Option<&str>, page: PageRequest) -> Result<Page<ListWebhooksByDispositionRow>, ReadError> {
    let mut params = Params::new().value("disposition", disposition);
    if let Some(given) = r#type {
        params = params.value("type", given);
    }
    reads.page("list_webhooks_by_disposition", tenant, &params, page).await
}

/// GetItem of `billing-vault`: `PK = KEY#{subject} and SK = KEY`.
///
/// Cost: 1 read unit a call, 3907 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_person_key(reads: &Reads, subject: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("subject", subject);
    reads.get_item("get_person_key", &params).await
}

/// What `glance_subscription` reads of a subscription.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceSubscriptionRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = SUB#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3435 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_subscription(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceSubscriptionRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_subscription", tenant, &params).await
}

/// What `glance_invoice` reads of an invoice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceInvoiceRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = INV#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3302 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_invoice(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceInvoiceRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_invoice", tenant, &params).await
}

/// What `glance_webhook` reads of a webhook.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct GlanceWebhookRow {
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `parked`.
    pub parked: Option<serde_json::Value>,
}

/// GetItem of `subscriptions`: `PK = HOOK#{id} and SK = META`.
///
/// Cost: 0.5 read units a call, 3505 B to the next; 2.5 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_webhook(reads: &Reads, tenant: &str, id: &str) -> Result<Option<GlanceWebhookRow>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get("glance_webhook", tenant, &params).await
}

/// What `list_payments_of_invoice` reads of a payment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListPaymentsOfInvoiceRow {
    /// `id`.
    pub id: String,
    /// `invoice_id`.
    pub invoice_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `currency`.
    pub currency: String,
    /// `received_at`.
    pub received_at: DateTime<Utc>,
}

/// Query of `subscriptions`: `PK = INV#{invoice_id} and SK, where given, between PAY#{received_at}#{id}`.
///
/// Cost: 0.5 read units a call, 3741 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_payments_of_invoice(reads: &Reads, tenant: &str, invoice_id: &str, received_at: Option<(DateTime<Utc>, DateTime<Utc>)>, page: PageRequest) -> Result<Page<ListPaymentsOfInvoiceRow>, ReadError> {
    let mut params = Params::new().value("invoice_id", invoice_id);
    if let Some(given) = received_at {
        params = params.between("received_at", given.0, given.1);
    }
    reads.page("list_payments_of_invoice", tenant, &params, page).await
}

/// What `list_open_invoices_of_customer` reads of an openinvoice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListOpenInvoicesOfCustomerRow {
    /// `id`.
    pub id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `open`.
    pub open: i64,
    /// `currency`.
    pub currency: String,
    /// `issued_on`.
    pub issued_on: NaiveDate,
}

/// Query of `subscriptions`: `PK = OPEN#{customer_id} and SK, where given, between {issued_on}#{id}`.
///
/// Cost: 0.5 read units a call, 3560 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_open_invoices_of_customer(reads: &Reads, tenant: &str, customer_id: &str, issued_on: Option<(NaiveDate, NaiveDate)>, page: PageRequest) -> Result<Page<ListOpenInvoicesOfCustomerRow>, ReadError> {
    let mut params = Params::new().value("customer_id", customer_id);
    if let Some(given) = issued_on {
        params = params.between("issued_on", given.0, given.1);
    }
    reads.page("list_open_invoices_of_customer", tenant, &params, page).await
}

/// What `list_credit_notes_of_invoice` reads of a creditnote.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ListCreditNotesOfInvoiceRow {
    /// `id`.
    pub id: String,
    /// `invoice_id`.
    pub invoice_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `tax`.
    pub tax: i64,
    /// `currency`.
    pub currency: String,
    /// `reason`.
    pub reason: String,
    /// `status`.
    pub status: String,
    /// `issued_at`.
    pub issued_at: DateTime<Utc>,
}

/// Query of `subscriptions`: `PK = INV#{invoice_id} and SK, where given, between NOTE#{issued_at}#{id}`.
///
/// Cost: 0.5 read units a call, 3693 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn list_credit_notes_of_invoice(reads: &Reads, tenant: &str, invoice_id: &str, issued_at: Option<(DateTime<Utc>, DateTime<Utc>)>, page: PageRequest) -> Result<Page<ListCreditNotesOfInvoiceRow>, ReadError> {
    let mut params = Params::new().value("invoice_id", invoice_id);
    if let Some(given) = issued_at {
        params = params.between("issued_at", given.0, given.1);
    }
    reads.page("list_credit_notes_of_invoice", tenant, &params, page).await
}

/// A Payment, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Payment {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `invoice_id`.
    pub invoice_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `currency`.
    pub currency: String,
    /// `received_at`.
    pub received_at: DateTime<Utc>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `owner`.
    pub owner: String,
}

/// GetItem of `subscriptions`: `PK = INV#{invoice_id} and SK = PAY#{received_at}#{id}`.
///
/// Cost: 1 read unit a call, 3741 B to the next; 2.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_payment(reads: &Reads, tenant: &str, invoice_id: &str, received_at: DateTime<Utc>, id: &str) -> Result<Option<Payment>, ReadError> {
    let params = Params::new().value("invoice_id", invoice_id).value("received_at", received_at).value("id", id);
    reads.get("get_payment", tenant, &params).await
}

/// A CreditNote, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CreditNote {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `invoice_id`.
    pub invoice_id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `amount`.
    pub amount: i64,
    /// `tax`.
    pub tax: i64,
    /// `currency`.
    pub currency: String,
    /// `reason`.
    pub reason: String,
    /// `status`.
    pub status: String,
    /// `issued_at`.
    pub issued_at: DateTime<Utc>,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `owner`.
    pub owner: String,
}

/// GetItem of `subscriptions`: `PK = INV#{invoice_id} and SK = NOTE#{issued_at}#{id}`.
///
/// Cost: 1 read unit a call, 3693 B to the next; 2.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_credit_note(reads: &Reads, tenant: &str, invoice_id: &str, issued_at: DateTime<Utc>, id: &str) -> Result<Option<CreditNote>, ReadError> {
    let params = Params::new().value("invoice_id", invoice_id).value("issued_at", issued_at).value("id", id);
    reads.get("get_credit_note", tenant, &params).await
}

/// An OpenInvoice, whole.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct OpenInvoice {
    /// `tenant`.
    pub tenant: String,
    /// `id`.
    pub id: String,
    /// `customer_id`.
    pub customer_id: String,
    /// `open`.
    pub open: i64,
    /// `currency`.
    pub currency: String,
    /// `issued_on`.
    pub issued_on: NaiveDate,
    /// `rev`.
    pub rev: i64,
    /// `ver`.
    pub ver: i64,
    /// `owner`.
    pub owner: String,
}

/// GetItem of `subscriptions`: `PK = OPEN#{customer_id} and SK = {issued_on}#{id}`.
///
/// Cost: 1 read unit a call, 3828 B to the next; 2.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_open_invoice(reads: &Reads, tenant: &str, customer_id: &str, issued_on: NaiveDate, id: &str) -> Result<Option<OpenInvoice>, ReadError> {
    let params = Params::new().value("customer_id", customer_id).value("issued_on", issued_on).value("id", id);
    reads.get("get_open_invoice", tenant, &params).await
}

/// GetItem of `subscriptions`: `PK = STAMP#{stream_type}#{stream_id} and SK = {slot}`.
///
/// Cost: 1 read unit a call, 3687 B to the next; 9.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_stamp(reads: &Reads, stream_type: &str, stream_id: &str, slot: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("slot", slot);
    reads.get_item("get_stamp", &params).await
}

/// GetItem of `subscriptions`: `PK = STAMP#{stream_type}#{stream_id} and SK = {slot}`.
///
/// Cost: 0.5 read units a call, 3687 B to the next; 10.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn glance_stamp(reads: &Reads, stream_type: &str, stream_id: &str, slot: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("stream_type", stream_type).value("stream_id", stream_id).value("slot", slot);
    reads.get_item("glance_stamp", &params).await
}

/// Query of `subscriptions`: `PK = CONTRIB#{tenant}#{slot}#{total}`.
///
/// Cost: 12 read units a call, 852 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn contributions_of_total(reads: &Reads, tenant: &str, slot: &str, total: &str, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("tenant", tenant).value("slot", slot).value("total", total);
    reads.query_page("contributions_of_total", &params, limit, after).await
}

/// GetItem of `subscriptions`: `PK = POINTER#{projection} and SK = META`.
///
/// Cost: 1 read unit a call, 3995 B to the next; 0.2 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_pointer(reads: &Reads, projection: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("projection", projection);
    reads.get_item("get_pointer", &params).await
}

/// Query of `subscriptions`: `PK = TOTAL#{tenant}#{slot}#{total_shard}`.
///
/// Cost: 4 read units a call, 784 B to the next; 0.8 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn totals_of_shard(reads: &Reads, tenant: &str, slot: &str, total_shard: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("tenant", tenant).value("slot", slot).value("total_shard", total_shard);
    reads.query_page("totals_of_shard", &params, limit, after).await
}

/// GetItem of `subscriptions`: `PK = WALK#{id} and SK = META`.
///
/// Cost: 1 read unit a call, 68 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn get_walk(reads: &Reads, id: &str) -> Result<Option<Item>, ReadError> {
    let params = Params::new().value("id", id);
    reads.get_item("get_walk", &params).await
}

/// Query of `subscriptions-ledger`: `PK = EPOCHS and SK, where given, <= {epoch}`.
///
/// Cost: 1 read unit a call, 4039 B to the next; 0.1 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs_newest_first(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs_newest_first", &params, limit, after).await
}

/// Query of `subscriptions-ledger`: `PK = EPOCHS and SK, where given, >= {epoch}`.
///
/// Cost: 1 read unit a call, 2386 B to the next; 0.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_epochs(reads: &Reads, epoch: Option<NaiveDate>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new();
    if let Some(given) = epoch {
        params = params.value("epoch", given);
    }
    reads.query_page("ledger_epochs", &params, limit, after).await
}

/// Query of `subscriptions-ledger`: `PK = {epoch} and SK, where given, <= {position}`.
///
/// Cost: 6 read units a call, 2216 B to the next; 0.6 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_newest_first(reads: &Reads, epoch: NaiveDate, position: Option<u64>, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let mut params = Params::new().value("epoch", epoch);
    if let Some(given) = position {
        params = params.value("position", given);
    }
    reads.query_page("ledger_newest_first", &params, limit, after).await
}

/// Query of `subscriptions-ledger`: `PK = {epoch} and SK >= {position}`.
///
/// Cost: 10 read units a call, 712 B to the next; 6.0 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_from_position(reads: &Reads, epoch: NaiveDate, position: u64, limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).value("position", position);
    reads.query_page("ledger_from_position", &params, limit, after).await
}

/// Query of `subscriptions-ledger`: `PK = {epoch} and SK between {position}`.
///
/// Cost: 22 read units a call, 672 B to the next; 8.8 units a second on the busiest key at peak, of 3000 that a partition serves.
pub async fn ledger_between(reads: &Reads, epoch: NaiveDate, position: (u64, u64), limit: Option<i32>, after: Option<Key>) -> Result<ItemPage, ReadError> {
    let params = Params::new().value("epoch", epoch).between("position", position.0, position.1);
    reads.query_page("ledger_between", &params, limit, after).await
}

/// Scan of `subscriptions-log`: annals verify checks every hash chain, and annals rebuild folds every stream from what it reads on its way.
///
/// Cost: the whole table, a page a call.
pub async fn verify_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_log", limit, after, segment).await
}

/// Scan of `subscriptions-log`: the reconciler finds what rows, bus and ledger lack: a lost last record shows no gap.
///
/// Cost: the whole table, a page a call.
pub async fn walk_log(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("walk_log", limit, after, segment).await
}

/// Scan of `subscriptions`: annals verify finds rows that have seen commits which their log no longer has.
///
/// Cost: the whole table, a page a call.
pub async fn verify_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("verify_rows", limit, after, segment).await
}

/// Scan of `subscriptions`: annals projections counts rows and says which streams are parked, and why.
///
/// Cost: the whole table, a page a call.
pub async fn list_rows(reads: &Reads, limit: Option<i32>, after: Option<Key>, segment: Option<(i32, i32)>) -> Result<ItemPage, ReadError> {
    reads.scan_page("list_rows", limit, after, segment).await
}
