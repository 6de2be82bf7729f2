//! `POST /v1/subscriptions`: begins a subscription.

use annals_answers::command_problem;
use annals_contract::Route;
use annals_kit::ids::derived_uuid;
use annals_kit::{Currency, CustomerId, Money, ProviderId, StreamId, Tenant, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::decimal::Percent;
use billing::plan::{Interval, PlanName};
use billing::subscription::{CreateRefusal, CreateSubscription, SubscriptionCreated};
use chrono::{Days, NaiveDate};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{note_refusal, request};
use crate::deps::{Deps, SERVICE};
use crate::prices::price_of;
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
    /// The price per interval that was agreed with the customer, zero for none; where it is left out, what the price book says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    /// Which version of the price book; the newest where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan_version: Option<u32>,
    /// In which currency the price book is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    interval: Interval,
    /// How many; one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    /// The rate of tax on top; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// The first day of the first period; today where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_on: Option<NaiveDate>,
    /// The first day that is not free; where it is left out, what the price book says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trial_ends_on: Option<NaiveDate>,
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
        .refuses(422, &["negative-price", "no-quantity", "too-much", "start-too-far", "trial-over"])
        .refuses(422, &["no-price", "price-twice", "not-offered", "no-such-price"])
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
    let (price, plan_version, trial_ends_on) = price(deps, &caller, &asked).await?;
    let command = CreateSubscription(SubscriptionCreated {
        subscription_id: id,
        customer_id: asked.customer_id,
        plan: asked.plan,
        plan_version,
        price,
        interval: asked.interval,
        quantity: asked.quantity.unwrap_or(1),
        tax_percent: asked.tax_percent.unwrap_or_default(),
        starts_on: asked.starts_on,
        trial_ends_on,
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
            let problem = command_problem(error, "subscription", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            Err(problem)
        }
    }
}

/// The price, the version of the price book it is from, and the end of the trial: as agreed, or as the price book says.
async fn price(deps: &Deps, caller: &Caller, asked: &Asked) -> Result<(Money, Option<u32>, Option<NaiveDate>), Problem> {
    if let Some(price) = asked.price {
        if asked.plan_version.is_some() || asked.currency.is_some_and(|currency| currency != price.currency()) {
            let detail = "a price that was agreed has its own currency and is of no version of the price book";
            return Err(Problem::new(422, "price-twice", detail));
        }
        return Ok((price, None, asked.trial_ends_on));
    }
    let currency = asked
        .currency
        .ok_or_else(|| Problem::new(422, "no-price", "name a `price`, or a `currency` in which the price book has the plan"))?;
    let offered = price_of(deps, &caller.tenant, &asked.plan, asked.plan_version, (asked.interval, currency)).await?;
    // Whoever names the first day leaves the trial out.
    let has_trial = offered.trial_days > 0 && asked.starts_on.is_none();
    let trial = deps.clock.now().date().checked_add_days(Days::new(offered.trial_days.into())).filter(|_| has_trial);
    Ok((offered.price, Some(offered.version), asked.trial_ends_on.or(trial)))
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
        CreateRefusal::NoQuantity => Problem::new(422, "no-quantity", refusal.to_string()),
        CreateRefusal::TooMuch => Problem::new(422, "too-much", refusal.to_string()),
        CreateRefusal::TrialOver => Problem::new(422, "trial-over", refusal.to_string()),
        CreateRefusal::StartTooFar => Problem::new(422, "start-too-far", refusal.to_string()),
        CreateRefusal::Exists => Problem::new(409, "exists", refusal.to_string()),
    }
}
