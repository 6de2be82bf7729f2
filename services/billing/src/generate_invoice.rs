//! `POST /v1/subscriptions/{id}/invoices`: issues the invoice of one period of a subscription.

use annals_kit::StreamId;
use annals_kit::ids::derived_uuid;
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, LoadError, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::invoice::{InvoiceIssued, InvoiceRefusal, IssueInvoice};
use billing::plan::Interval;
use billing::subscription::SubscriptionCreated;
use chrono::{Months, NaiveDate};
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::{internal, note_refusal, problem, read_problem, request};
use crate::deps::{Deps, SERVICE};

const FUNCTION: &str = "generate-invoice";
const BODY_LIMIT: usize = 16 * 1024;

/// What the caller asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The first day of the period. Never taken from the clock: a retry after midnight must name the same invoice.
    period_start: NaiveDate,
}

/// Answers 201 with the new invoice, and 200 with the same fields when the period's invoice was issued before.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(generate(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn generate(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event)?;
    let subscription: Uuid = http::path(event, "id", "subscription")?;
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let request = request(deps, &caller, event, &asked)?;
    let terms = terms(deps, &caller, subscription).await?;
    let issue = issue(&caller, &terms, asked.period_start, deps.clock.now().date())?;
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
            let problem = problem(error, "invoice", refused);
            note_refusal(deps, &caller, FUNCTION, &problem).await;
            return Err(problem);
        }
    };
    let body = serde_json::json!({ "id": invoice, "stream": stream.to_string(), "version": version, "amount": amount });
    Ok(http::with_header(http::json(status, &body), "location", &format!("/v1/invoices/{invoice}")))
}

/// The subscription's terms, from its log: an invoice must not be made from a row that lags.
///
/// Cost: one strong Query of the subscription's stream.
async fn terms(deps: &Deps, caller: &Caller, subscription: Uuid) -> Result<SubscriptionCreated, Problem> {
    let loaded = deps.subscriptions.load(&StreamId::of("SUB", subscription)).await.map_err(|error| match error {
        LoadError::Read(error) => read_problem(error, "subscription"),
        LoadError::Fold(error) => internal(&error),
    })?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == caller.tenant);
    loaded.state.terms.filter(|_| theirs).ok_or_else(|| Problem::not_found("subscription"))
}

/// The invoice of the period that begins on `period_start`. Its id is made of subscription and period, so a period is invoiced once.
fn issue(caller: &Caller, terms: &SubscriptionCreated, period_start: NaiveDate, today: NaiveDate) -> Result<InvoiceIssued, Problem> {
    let months = match terms.interval {
        Interval::Month => Months::new(1),
        Interval::Year => Months::new(12),
    };
    let period_end = period_start.checked_add_months(months).filter(|end| *end <= LAST_DAY && period_start >= FIRST_DAY);
    let period_end =
        period_end.ok_or_else(|| Problem::new(422, "period-out-of-range", "`period_start` is not within the years 1970 to 9998"))?;
    Ok(InvoiceIssued {
        invoice_id: derived_uuid("invoice", &caller.tenant, &format!("{}/{period_start}", terms.subscription_id)),
        subscription_id: terms.subscription_id,
        customer_id: terms.customer_id.clone(),
        amount: terms.price,
        issued_on: today,
        period_start,
        period_end,
        provider_invoice: None,
    })
}

const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

fn refused(refusal: InvoiceRefusal) -> Problem {
    Problem::new(422, "invoice-refused", refusal.to_string())
}
