//! `POST /v1/webhooks/stripe`: takes in what the payment provider tells, in its signature scheme.
//!
//! Each body leaves exactly one commit: on the invoice or the subscription that it is about or, where none takes it in, a kept webhook with
//! type and digest, its body sealed. They come twice, late and in any order: the state of the object that they carry counts, not when it
//! arrives. All are answered 200, or the provider would send them for days; but a refund or a credit note of a known customer's invoice that
//! has not been told of yet is kept and answered 409, for the provider to send it again, after the invoice.

use annals_contract::{Access, Route};
use annals_kit::Actor;
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::webhook::Disposition;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::delivery::Delivery;
use crate::deps::{SERVICE, WebhookDeps};
use crate::signature;
use crate::stripe::{StripeEvent, Told};

pub(crate) const FUNCTION: &str = "process-webhook";
const BODY_LIMIT: usize = 256 * 1024;

/// What became of an event.
#[derive(Serialize, JsonSchema)]
struct TakenIn {
    /// `recorded` or `known` on its invoice or subscription; otherwise why it was kept: `unmatched`, `not-understood` or `superseded`.
    outcome: &'static str,
    /// Where it is recorded.
    stream: String,
    version: Option<u64>,
}

/// The route.
pub(crate) fn route() -> Route {
    let event = json!({ "id": "evt_1", "type": "customer.created", "created": 1_769_851_800, "data": { "object": { "id": "cus_1" } } });
    let kept = json!({ "outcome": "not-understood", "stream": "HOOK#evt_1-0123456789ab", "version": 1 });
    Route::post("/v1/webhooks/stripe", FUNCTION, "Takes in what the payment provider tells.")
        .open_to(Access::ProviderSigned)
        .needs_header("Stripe-Signature", "`t=<seconds>,v1=<HMAC-SHA256 of time and body in hex>`, at most five minutes old.")
        .body::<StripeEvent>(event)
        .answers::<TakenIn>(200, "The event was taken in, now or before.", kept)
        .refuses(400, &["bad-signature"])
        .refuses(409, &["invoice-not-known-yet"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 200 to every validly signed event.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &WebhookDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(process(&event.payload, deps));
    Ok(measured(&*deps.billing.metrics, &*deps.billing.clock, SERVICE, FUNCTION, work).await)
}

async fn process(event: &ApiGatewayV2httpRequest, deps: &WebhookDeps) -> Result<Response, Problem> {
    let body = http::body(event, BODY_LIMIT)?;
    check_signature(event, &body, deps).await?;
    let delivery = Delivery::parse(&body, &deps.settings.tenant)?;
    let (outcome, stream, version) = match delivery.event.told() {
        None => delivery.keep(deps, Disposition::NotUnderstood, "billing does not use this type").await?,
        Some(Err(reason)) => delivery.keep(deps, Disposition::NotUnderstood, &reason).await?,
        Some(Ok(Told::Invoice(notice))) => delivery.record(deps, notice).await?,
        Some(Ok(Told::Refund(refund))) => delivery.refund(deps, refund).await?,
        Some(Ok(Told::CreditNote(note))) => delivery.credit(deps, note).await?,
        Some(Ok(Told::Subscription(stands))) => delivery.follow(deps, stands).await?,
    };
    tracing::info!(outcome, stream, provider_event = %delivery.event.id, "webhook");
    Ok(http::json(200, &TakenIn { outcome, stream, version }))
}

async fn check_signature(event: &ApiGatewayV2httpRequest, body: &[u8], deps: &WebhookDeps) -> Result<(), Problem> {
    let header = http::header(event, "stripe-signature");
    let Err(error) = signature::check(header, body, &deps.settings.secret, deps.billing.clock.now()) else { return Ok(()) };
    deps.billing.access.refused(&deps.settings.tenant, &actor("stripe-unverified"), FUNCTION, "bad-signature").await;
    Err(Problem::new(400, "bad-signature", error.to_string()))
}

pub(crate) fn actor(name: &str) -> Actor {
    name.parse().expect("the names of our own actors are tokens")
}
