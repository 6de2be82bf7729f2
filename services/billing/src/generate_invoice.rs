//! `POST /v1/subscriptions/{id}/invoices`: issues the invoice of one period of a subscription.

use annals_answers::{command_problem, internal, read_problem};
use annals_contract::Route;
use annals_kit::{Money, StreamId, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, LoadError, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::invoice::{InvoiceIssued, InvoiceRefusal, IssueInvoice};
use billing::subscription::Subscription;
use chrono::NaiveDate;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{note_refusal, request};
use crate::deps::{Deps, SERVICE};
use crate::issue::invoice_of;
use crate::routes::WRITERS;

const FUNCTION: &str = "generate-invoice";
const BODY_LIMIT: usize = 16 * 1024;

/// What the caller asks for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The first day of the period. Never taken from the clock: a retry after midnight must name the same invoice.
    period_start: NaiveDate,
}

/// What the caller gets.
#[derive(Serialize, JsonSchema)]
struct Issued {
    id: Uuid,
    stream: StreamId,
    /// For `min_version` of the next read.
    version: Option<Version>,
    amount: Money,
}

/// The route.
pub(crate) fn route() -> Route {
    let id = "018f2c00-0000-7000-8000-000000000002";
    let issued = json!({ "id": id, "stream": format!("INV#{id}"), "version": 1, "amount": { "amount": 4900, "currency": "EUR" } });
    Route::post("/v1/subscriptions/{id}/invoices", FUNCTION, "Issues the invoice of one period of a subscription.")
        .admits(&WRITERS)
        .path::<Uuid>("id", "The subscription.")
        .idempotent()
        .body::<Asked>(json!({ "period_start": "2026-01-31" }))
        .answers::<Issued>(200, "The period's invoice, which was issued before.", issued.clone())
        .with_header(200, "Location", "Its path.")
        .answers::<Issued>(201, "The new invoice, and the same again to a repetition.", issued)
        .with_header(201, "Location", "Its path.")
        .refuses(409, &["cancelled", "invoiced-by-provider"])
        .refuses(422, &["invoice-refused", "not-a-period"])
}

/// Answers 201 with the new invoice, and 200 with the same fields when the period's invoice was issued before.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(generate(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn generate(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &WRITERS)?;
    let subscription: Uuid = http::path(event, "id", "subscription")?;
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let request = request(deps, &caller, event, &asked)?;
    let subscription = load(deps, &caller, subscription).await?;
    let issue = issue(&caller, &subscription, asked.period_start, deps.clock.now().date())?;
    let (invoice, amount) = (issue.invoice_id, issue.amount);
    let stream = StreamId::of("INV", invoice);
    let outcome = deps.invoices.execute(&request, &stream, Expect::New, &IssueInvoice(issue)).await;
    let (status, version) = match outcome {
        Ok(Outcome::Committed { version, repeated, .. }) => {
            if !repeated {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
            }
            tracing::info!(%stream, %version, command = %request.command, repeated, "invoice issued");
            (201, Some(version))
        }
        Ok(Outcome::Unchanged { version }) => (200, version),
        Err(error) => {
            let problem = command_problem(error, "invoice", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            return Err(problem);
        }
    };
    let body = Issued { id: invoice, stream, version, amount };
    Ok(http::with_header(http::json(status, &body), "location", &format!("/v1/invoices/{invoice}")))
}

/// The subscription, from its log: an invoice must not be made from a row that lags.
///
/// Cost: one strong Query of the subscription's stream.
async fn load(deps: &Deps, caller: &Caller, subscription: Uuid) -> Result<Subscription, Problem> {
    let loaded = deps.subscriptions.load(&StreamId::of("SUB", subscription)).await.map_err(|error| match error {
        LoadError::Read(error) => read_problem(error, "subscription"),
        LoadError::Fold(error) => internal(&error),
    })?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == caller.tenant);
    Some(loaded.state).filter(|_| theirs).ok_or_else(|| Problem::not_found("subscription"))
}

/// The invoice of the period that begins on `period_start`: one that the schedule would issue as well, so that no day is paid for twice.
fn issue(caller: &Caller, subscription: &Subscription, period_start: NaiveDate, today: NaiveDate) -> Result<InvoiceIssued, Problem> {
    let Some(agreement) = &subscription.agreement else {
        return Err(Problem::not_found("subscription"));
    };
    let calendar = agreement.calendar();
    if !agreement.began.is_invoiced_here() {
        return Err(Problem::new(409, "invoiced-by-provider", "the payment provider issues this subscription's invoices"));
    }
    if subscription.cancelled || agreement.ends_on.is_some_and(|ends_on| ends_on <= period_start) {
        return Err(Problem::new(409, "cancelled", "the subscription has ended, or will have ended by then"));
    }
    let Some(period) = calendar.period_starting(period_start) else {
        let nearest = calendar.period_covering(period_start).or_else(|| calendar.period_starting(agreement.anchor));
        let nearest = nearest.map_or_else(String::new, |period| format!("; periods begin on {} and {}", period.start, period.end));
        return Err(Problem::new(422, "not-a-period", format!("no period begins on {period_start}{nearest}")));
    };
    // What will be agreed by then is not agreed yet.
    if agreement.next.as_ref().is_some_and(|(day, _)| *day <= period_start) {
        return Err(Problem::new(409, "change-scheduled", "other terms begin with this period; the schedule invoices it on its first day"));
    }
    invoice_of(&caller.tenant, subscription, agreement, period, today)
        .map_err(|error| Problem::new(422, "invoice-refused", error.to_string()))
}

fn refused(refusal: InvoiceRefusal) -> Problem {
    Problem::new(422, "invoice-refused", refusal.to_string())
}
