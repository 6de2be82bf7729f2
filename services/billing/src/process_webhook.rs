//! `POST /v1/webhooks/stripe`: takes in what the payment provider tells, in its signature scheme.
//!
//! Each body leaves exactly one commit: on the invoice or the subscription that it is about or, where none takes it in, a kept webhook with
//! type and digest, its body sealed. They come twice, late and in any order: the state of the object that they carry counts, not when it
//! arrives. All are answered 200, or the provider would send them for days; but a refund or a credit note of a known customer's invoice that
//! has not been told of yet is kept and answered 409, for the provider to send it again, after the invoice.

use annals_kit::Actor;
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::webhook::Disposition;
use lambda_runtime::{Error, LambdaEvent};

use crate::delivery::Delivery;
use crate::deps::{SERVICE, WebhookDeps};
use crate::signature;
use crate::stripe::Told;

pub(crate) const FUNCTION: &str = "process-webhook";
const BODY_LIMIT: usize = 256 * 1024;

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
    Ok(http::json(200, &serde_json::json!({ "outcome": outcome, "stream": stream, "version": version })))
}

async fn check_signature(event: &ApiGatewayV2httpRequest, body: &[u8], deps: &WebhookDeps) -> Result<(), Problem> {
    let header = http::header(event, "stripe-signature");
    let Err(error) = signature::check(header, body, &deps.settings.secret, deps.billing.clock.now()) else { return Ok(()) };
    let caller = Caller { tenant: deps.settings.tenant.clone(), actor: actor("stripe-unverified") };
    deps.billing.access.refused(&caller.tenant, &caller.actor, FUNCTION, "bad-signature").await;
    Err(Problem::new(400, "bad-signature", error.to_string()))
}

pub(crate) fn actor(name: &str) -> Actor {
    name.parse().expect("the names of our own actors are tokens")
}
