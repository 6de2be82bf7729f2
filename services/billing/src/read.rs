//! Billing's reads over HTTP: one function, one arm per route, each one listed pattern.

use annals_answers::{PAGE_DEFAULT, PAGE_MOST, Page, RowRead, Shown, View};
use annals_contract::Route;
use annals_kit::{Aggregate, CustomerId, Recorded, Role, StreamId};
use annals_lambda::http::{self, Problem, Response};
use annals_reads::Params;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::invoice::{Invoice, InvoiceEvent};
use billing::plan::PlanName;
use billing::price_book::{Plan, PlanEvent};
use billing::rows::{Arrears, CreditNoteRow, InvoiceRow, PaymentRow, PlanRow, SubscriptionRow, WebhookRow};
use billing::subscription::{Subscription, SubscriptionEvent};
use billing::webhook::Disposition;
use chrono::NaiveDate;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deps::Deps;
use crate::examples;
use crate::prices::plan_id;
use crate::routes::{MONEY_READERS, READERS};

/// A plan as the list shows it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct PlanShown {
    id: Uuid,
    plan: PlanName,
    /// `draft` (nothing was released yet), `released` or `retired`.
    status: String,
    /// The newest version that was released; 0 where none was.
    newest: u32,
}

const FUNCTION: &str = "read-billing";

/// The routes.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, name, summary, readers| Route::get(path, name, summary).function(FUNCTION).admits(readers);
    let page = |item: Value| json!({ "items": [item], "next": null });
    vec![
        get("/v1/subscriptions/{id}", "get-subscription", "Shows a subscription.", &READERS)
            .path::<Uuid>("id", "The subscription.")
            .min_version()
            .answers::<Shown<SubscriptionRow>>(200, "The subscription.", shown(examples::subscription_row())),
        get("/v1/customers/{id}/subscriptions", "list-subscriptions", "Lists a customer's subscriptions, the newest first.", &READERS)
            .path::<CustomerId>("id", "The customer.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<SubscriptionRow>>(200, "A page of subscriptions.", page(examples::subscription_row())),
        get("/v1/invoices/{id}", "get-invoice", "Shows an invoice.", &MONEY_READERS)
            .path::<Uuid>("id", "The invoice.")
            .min_version()
            .answers::<Shown<InvoiceRow>>(200, "The invoice.", shown(examples::invoice_row())),
        get("/v1/invoices/{id}/payments", "list-payments", "Lists an invoice's payments and, below zero, refunds.", &MONEY_READERS)
            .path::<Uuid>("id", "The invoice.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<PaymentRow>>(200, "A page of payments.", page(examples::payment_row())),
        get("/v1/invoices/{id}/credit-notes", "list-credit-notes", "Lists an invoice's credit notes.", &MONEY_READERS)
            .path::<Uuid>("id", "The invoice.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<CreditNoteRow>>(200, "A page of credit notes.", page(examples::credit_note_row())),
        get("/v1/plans/{plan}", "get-plan", "Shows a plan: every version that was released, and the draft.", &READERS)
            .path::<PlanName>("plan", "The plan's name.")
            .min_version()
            .answers::<Shown<PlanRow>>(200, "The plan.", shown(examples::plan_row())),
        get("/v1/plans", "list-plans", "Lists the plans of the price book.", &READERS)
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<PlanShown>>(200, "A page of plans.", page(examples::plan_shown())),
        get("/v1/subscriptions/{id}/invoices", "list-invoices", "Lists a subscription's invoices, the newest first.", &MONEY_READERS)
            .path::<Uuid>("id", "The subscription.")
            .query::<NaiveDate>("issued_from", "Only those issued on this day or later.")
            .query::<NaiveDate>("issued_to", "Only those issued on this day or before.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<InvoiceRow>>(200, "A page of invoices.", page(examples::invoice_row())),
        get(
            "/v1/invoices",
            "list-invoices-in-arrears",
            "Lists invoices whose money should have come in, the oldest first.",
            &MONEY_READERS,
        )
        .needs_query::<Arrears>("status", "In dunning, or given up.")
        .paged(PAGE_DEFAULT, PAGE_MOST)
        .answers::<Page<InvoiceRow>>(200, "A page of invoices.", page(examples::invoice_row())),
        get("/v1/webhooks", "list-webhooks", "Lists webhooks that no invoice took in, the newest first.", &MONEY_READERS)
            .query::<Disposition>("disposition", "Why they were kept; unmatched where it is left out.")
            .query::<String>("type", "Only those of this type of the provider's.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<WebhookRow>>(200, "A page of webhooks.", page(examples::webhook_row())),
    ]
}

/// A row as a read of one shows it.
fn shown(mut row: Value) -> Value {
    row["version"] = 1.into();
    row
}

/// Answers 200 with the row or the page, 404 where there is none of the tenant's.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    Ok(Box::pin(read(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response()))
}

/// Who may ask: as the route says.
fn readers_of(route: &str) -> &'static [Role] {
    match route {
        "GET /v1/subscriptions/{id}" | "GET /v1/customers/{id}/subscriptions" | "GET /v1/plans/{plan}" | "GET /v1/plans" => &READERS,
        _ => &MONEY_READERS,
    }
}

async fn read(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let route = event.route_key.as_deref().unwrap_or_default();
    let caller = http::caller(event, readers_of(route))?;
    let view = View { event, caller: &caller, reads: &deps.reads, log: deps.invoices.log() };
    match route {
        "GET /v1/subscriptions/{id}" => {
            let fold = |row, event: &SubscriptionEvent, recorded| SubscriptionRow::fold(row, event, recorded);
            one::<Subscription, _>(
                view,
                RowRead { what: "subscription", eventual: "get_subscription", strong: "get_subscription_strong" },
                fold,
            )
            .await
        }
        "GET /v1/invoices/{id}" => {
            let fold = |row, event: &InvoiceEvent, recorded| InvoiceRow::fold(row, event, recorded);
            one::<Invoice, _>(view, RowRead { what: "invoice", eventual: "get_invoice", strong: "get_invoice_strong" }, fold).await
        }
        "GET /v1/invoices/{id}/payments" => {
            let invoice: Uuid = http::path(event, "id", "invoice")?;
            list::<PaymentRow>(view, "list_payments_of_invoice", Params::new().text("invoice_id", invoice.to_string())).await
        }
        "GET /v1/invoices/{id}/credit-notes" => {
            let invoice: Uuid = http::path(event, "id", "invoice")?;
            let params = Params::new().text("invoice_id", invoice.to_string());
            list::<CreditNoteRow>(view, "list_credit_notes_of_invoice", params).await
        }
        "GET /v1/plans/{plan}" => {
            let plan: PlanName = http::path(event, "plan", "plan")?;
            let fold = |row, event: &PlanEvent, recorded| PlanRow::fold(row, event, recorded);
            let stream = StreamId::of(Plan::STREAM_TYPE, plan_id(&caller.tenant, &plan));
            let read = RowRead { what: "plan", eventual: "get_plan", strong: "get_plan_strong" };
            Ok(http::json(200, &view.row::<Plan, _>(&stream, read, fold).await?))
        }
        "GET /v1/plans" => list::<PlanShown>(view, "list_plans", Params::new()).await,
        "GET /v1/customers/{id}/subscriptions" => {
            let customer: CustomerId = http::path(event, "id", "customer")?;
            let params = Params::new().text("customer_id", customer.as_str());
            list::<SubscriptionRow>(view, "list_subscriptions_by_customer", params).await
        }
        "GET /v1/subscriptions/{id}/invoices" => {
            let subscription: Uuid = http::path(event, "id", "subscription")?;
            let params = Params::new().text("subscription_id", subscription.to_string());
            list::<InvoiceRow>(view, "list_invoices_by_subscription", issued_between(event, params)?).await
        }
        "GET /v1/invoices" => {
            let status: String = http::query(event, "status")?.ok_or_else(|| {
                Problem::new(400, "invalid", "`status` is past-due or uncollectible: other invoices are listed by subscription")
            })?;
            list::<InvoiceRow>(view, "list_invoices_in_arrears", Params::new().text("arrears", status)).await
        }
        "GET /v1/webhooks" => {
            let disposition: String = http::query(event, "disposition")?.unwrap_or_else(|| "unmatched".into());
            let params = Params::new().text("disposition", disposition);
            let params = match http::query::<String>(event, "type")? {
                Some(provider_type) => params.text("type", provider_type),
                None => params,
            };
            list::<WebhookRow>(view, "list_webhooks_by_disposition", params).await
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// One row, of the id in the path.
async fn one<A, R>(view: View<'_>, read: RowRead, fold: impl Fn(Option<R>, &A::Event, Recorded) -> Option<R>) -> Result<Response, Problem>
where
    A: Aggregate,
    R: Serialize + DeserializeOwned,
{
    let id: Uuid = http::path(view.event, "id", read.what)?;
    Ok(http::json(200, &view.row::<A, R>(&StreamId::of(A::STREAM_TYPE, id), read, fold).await?))
}

/// One page of a list: `{"items": [..], "next": ".."}`.
async fn list<R: Serialize + DeserializeOwned>(view: View<'_>, pattern: &'static str, params: Params) -> Result<Response, Problem> {
    Ok(http::json(200, &view.page::<R>(pattern, params).await?))
}

/// Adds `issued_from` and `issued_to`, where either is given.
fn issued_between(event: &ApiGatewayV2httpRequest, params: Params) -> Result<Params, Problem> {
    let from = http::query::<NaiveDate>(event, "issued_from")?;
    let to = http::query::<NaiveDate>(event, "issued_to")?;
    Ok(match (from, to) {
        (None, None) => params,
        (from, to) => params.between("issued_on", from.unwrap_or(FIRST_DAY), to.unwrap_or(LAST_DAY)),
    })
}

const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();
