//! `POST /v1/invoices/{id}/credit-notes` and `/refunds`: credits some or all of an invoice, and pays back what is owed back.

use annals_answers::command_problem;
use annals_contract::Route;
use annals_kit::ids::derived_uuid;
use annals_kit::{Command, CommandId, Money, StreamId, Tenant, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::invoice::{CreditInvoice, CreditReason, Invoice, InvoiceRefusal, Most, RefundInvoice};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{note_refusal, request};
use crate::deps::{Deps, SERVICE};
use crate::routes::WRITERS;

const FUNCTION: &str = "adjust-invoice";
const BODY_LIMIT: usize = 16 * 1024;

/// A credit note.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credit {
    /// How much, with tax.
    amount: Money,
    /// Why.
    reason: Reason,
}

/// Why a person credits something.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Reason {
    /// It should not have been charged.
    Mistake,
    /// It need not be paid all the same.
    Goodwill,
}

/// A refund.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refund {
    /// How much.
    amount: Money,
}

/// What the caller gets.
#[derive(Serialize, JsonSchema)]
struct Adjusted {
    /// The credit note's or the refund's.
    id: Uuid,
    invoice_id: Uuid,
    stream: StreamId,
    /// For `min_version` of the next read.
    version: Option<Version>,
    recorded_at: Option<Timestamp>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let (id, invoice) = ("018f2c00-0000-7000-8000-000000000005", "018f2c00-0000-7000-8000-000000000002");
    let adjusted = json!({
        "id": id, "invoice_id": invoice, "stream": format!("INV#{invoice}"), "version": 3, "recorded_at": "2026-02-02T09:30:00.000000Z",
    });
    let amount = json!({ "amount": 900, "currency": "EUR" });
    let post = |path, name, summary| {
        let route = Route::post(path, name, summary).function(FUNCTION).admits(&WRITERS).path::<Uuid>("id", "The invoice.").idempotent();
        route.refuses(409, &["voided"]).refuses(422, &["no-amount", "other-currency", "invoice-refused"])
    };
    [
        post("/v1/invoices/{id}/credit-notes", "credit-invoice", "Credits some or all of an invoice.")
            .body::<Credit>(json!({ "amount": amount, "reason": "goodwill" }))
            .answers::<Adjusted>(201, "The credit note, and the same again to a repetition.", adjusted.clone())
            .refuses(409, &["more-than-charged"]),
        post("/v1/invoices/{id}/refunds", "refund-invoice", "Pays back what is owed back.")
            .body::<Refund>(json!({ "amount": amount }))
            .answers::<Adjusted>(201, "The refund, and the same again to a repetition.", adjusted)
            .refuses(409, &["not-owed"]),
    ]
}

/// Answers 201 with the credit note's or the refund's id, and the same again to a repetition.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(adjust(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn adjust(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &WRITERS)?;
    let invoice: Uuid = http::path(event, "id", "invoice")?;
    match event.route_key.as_deref().unwrap_or_default() {
        "POST /v1/invoices/{id}/credit-notes" => {
            let asked: Credit = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            let id = id(&caller.tenant, "credit note", request.command);
            let reason = match asked.reason {
                Reason::Mistake => CreditReason::Mistake,
                Reason::Goodwill => CreditReason::Goodwill,
            };
            let (amount, most) = (asked.amount, Most::All);
            let command = CreditInvoice { credit_note_id: id, amount, tax: None, lines: vec![], days: None, reason, most, notice: None };
            carry_out(deps, &caller, (invoice, id), &request, &command).await
        }
        "POST /v1/invoices/{id}/refunds" => {
            let asked: Refund = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            let id = id(&caller.tenant, "refund", request.command);
            carry_out(deps, &caller, (invoice, id), &request, &RefundInvoice { refund_id: id, amount: asked.amount }).await
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// The id that this request always gives.
fn id(tenant: &Tenant, what: &str, command: CommandId) -> Uuid {
    derived_uuid(what, tenant, &command.to_string())
}

async fn carry_out(
    deps: &Deps,
    caller: &Caller,
    (invoice, id): (Uuid, Uuid),
    request: &Request,
    command: &(impl Command<Aggregate = Invoice, Refusal = InvoiceRefusal> + Sync),
) -> Result<Response, Problem> {
    let stream = StreamId::of("INV", invoice);
    let (version, recorded_at) = match deps.invoices.execute(request, &stream, Expect::Existing, command).await {
        Ok(Outcome::Committed { version, recorded_at, repeated, .. }) => {
            if !repeated {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
            }
            tracing::info!(%stream, %version, command = %request.command, repeated, "invoice adjusted");
            (Some(version), Some(recorded_at))
        }
        Ok(Outcome::Unchanged { version }) => (version, None),
        Err(error) => {
            let problem = command_problem(error, "invoice", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            return Err(problem);
        }
    };
    Ok(http::json(201, &Adjusted { id, invoice_id: invoice, stream, version, recorded_at }))
}

fn refused(refusal: InvoiceRefusal) -> Problem {
    let (status, code) = match refusal {
        InvoiceRefusal::Unknown => return Problem::not_found("invoice"),
        InvoiceRefusal::AlreadyVoided => (409, "voided"),
        InvoiceRefusal::MoreThanCharged { .. } => (409, "more-than-charged"),
        InvoiceRefusal::NotOwed { .. } => (409, "not-owed"),
        InvoiceRefusal::OtherCurrency => (422, "other-currency"),
        InvoiceRefusal::NoAmount => (422, "no-amount"),
        InvoiceRefusal::NegativeAmount
        | InvoiceRefusal::EmptyPeriod
        | InvoiceRefusal::AlreadyPaid
        | InvoiceRefusal::NoMoney
        | InvoiceRefusal::OldAttempt
        | InvoiceRefusal::OldCredit
        | InvoiceRefusal::AlreadyUncollectible
        | InvoiceRefusal::NotDue { .. } => (422, "invoice-refused"),
    };
    Problem::new(status, code, refusal.to_string())
}
