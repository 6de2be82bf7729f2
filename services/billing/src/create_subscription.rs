//! `POST /v1/subscriptions`: begins a subscription.

use annals_contract::Route;
use annals_kit::ids::derived_uuid;
use annals_kit::{CustomerId, Money, ProviderId, StreamId, Tenant, Timestamp, Version};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::plan::{Interval, PlanName};
use billing::subscription::{CreateRefusal, CreateSubscription, SubscriptionCreated};
use chrono::NaiveDate;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{note_refusal, problem, request};
use crate::deps::{Deps, SERVICE};
use crate::routes::WRITERS;

const FUNCTION: &str = "create-subscription";
const BODY_LIMIT: usize = 16 * 1024;

/// What the caller asks for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Who pays, by your own id.
    customer_id: CustomerId,
    /// For what.
    plan: PlanName,
    /// The price per interval; zero is none.
    price: Money,
    interval: Interval,
    /// The first day of the first period; today where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_on: Option<NaiveDate>,
    /// Its id at the payment provider, where that issues its invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_subscription: Option<ProviderId>,
}

/// What the caller gets.
#[derive(Serialize, JsonSchema)]
struct Created {
    id: Uuid,
    stream: StreamId,
    /// For `min_version` of the next read.
    version: Version,
    recorded_at: Timestamp,
}

/// The route.
pub(crate) fn route() -> Route {
    let price = json!({ "amount": 4900, "currency": "EUR" });
    let created = json!({
        "id": "018f2c00-0000-7000-8000-000000000001", "stream": "SUB#018f2c00-0000-7000-8000-000000000001",
        "version": 1, "recorded_at": "2026-01-31T09:30:00.000000Z",
    });
    Route::post("/v1/subscriptions", FUNCTION, "Begins a subscription.")
        .admits(&WRITERS)
        .idempotent()
        .body::<Asked>(json!({ "customer_id": "ada", "plan": "pro", "price": price, "interval": "month" }))
        .answers::<Created>(201, "The new subscription, and the same again to a repetition.", created)
        .with_header(201, "Location", "Its path.")
        .refuses(409, &["exists"])
        .refuses(422, &["negative-price", "start-too-far"])
}

/// Answers 201 with the new subscription, and the same again to a repetition.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(create(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn create(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &WRITERS)?;
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let request = request(deps, &caller, event, &asked)?;
    let id = id(&asked, http::idempotency_key(event)?, &caller.tenant, deps);
    let stream = StreamId::of("SUB", id);
    let command = CreateSubscription(SubscriptionCreated {
        subscription_id: id,
        customer_id: asked.customer_id,
        plan: asked.plan,
        price: asked.price,
        interval: asked.interval,
        starts_on: asked.starts_on,
        provider_subscription: asked.provider_subscription,
    });
    match deps.subscriptions.execute(&request, &stream, Expect::New, &command).await {
        Ok(Outcome::Committed { version, recorded_at, repeated, .. }) => {
            if !repeated {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
            }
            tracing::info!(%stream, %version, command = %request.command, repeated, "subscription created");
            let body = Created { id, stream, version, recorded_at };
            Ok(http::with_header(http::json(201, &body), "location", &format!("/v1/subscriptions/{id}")))
        }
        Ok(Outcome::Unchanged { .. }) => Err(Problem::internal()),
        Err(error) => {
            let problem = problem(error, "subscription", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            Err(problem)
        }
    }
}

/// The id that this request always gives: made of the provider's id, so that its webhooks find the stream, or of the Idempotency-Key.
fn id(asked: &Asked, key: Option<&str>, tenant: &Tenant, deps: &Deps) -> Uuid {
    match (&asked.provider_subscription, key) {
        (Some(provider), _) => provider_subscription(tenant, provider),
        (None, Some(key)) => derived_uuid("subscription", tenant, key),
        (None, None) => deps.ids.uuid(),
    }
}

/// The id of the subscription that a payment provider knows by this id.
pub(crate) fn provider_subscription(tenant: &Tenant, provider: &ProviderId) -> Uuid {
    derived_uuid("subscription of provider", tenant, provider.as_str())
}

fn refused(refusal: CreateRefusal) -> Problem {
    match refusal {
        CreateRefusal::NegativePrice => Problem::new(422, "negative-price", refusal.to_string()),
        CreateRefusal::StartTooFar => Problem::new(422, "start-too-far", refusal.to_string()),
        CreateRefusal::Exists => Problem::new(409, "exists", refusal.to_string()),
    }
}
