//! `POST /v1/subscriptions/{id}/changes`, `/cancellation` and `/reactivation`: changes plan, quantity or interval, ends a subscription now
//! or at the end of what is paid for, and lets it go on.

use annals_answers::{command_problem, internal, read_problem};
use annals_contract::Route;
use annals_kit::{Command, Money, StreamId, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, LoadError, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::plan::{Interval, PlanName};
use billing::subscription::{
    CancelSubscription, ChangeRefusal, ChangeSubscription, Offer, ReactivateSubscription, Subscription, SubscriptionEvent, Terms, Unused,
    When,
};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{note_refusal, request};
use crate::deps::{Deps, SERVICE};
use crate::prices::price_of;
use crate::routes::WRITERS;

const FUNCTION: &str = "change-subscription";
const BODY_LIMIT: usize = 16 * 1024;

/// What is to change; what is left out stays. Another plan, version or interval takes its price from the price book, unless one is named.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Another plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<PlanName>,
    /// Another version of the price book; the newest where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan_version: Option<u32>,
    /// What was agreed with the customer instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    /// Another interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<Interval>,
    /// Another quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    /// Now, which is prorated to the day, or when what is paid for is over.
    when: When,
}

/// How it is to end.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    /// Now, or when what is paid for is over.
    when: When,
    /// What becomes of days that were invoiced and are not used, where it ends now: they are given back, unless it is said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unused: Option<Unused>,
}

/// What the caller gets.
#[derive(Serialize, JsonSchema)]
struct Changed {
    id: Uuid,
    stream: StreamId,
    /// For `min_version` of the next read.
    version: Option<Version>,
    recorded_at: Option<Timestamp>,
    /// The events that it came to, as the log has them; none where it was so already.
    #[schemars(with = "Vec<Value>")]
    happened: Vec<SubscriptionEvent>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 3] {
    let id = "018f2c00-0000-7000-8000-000000000001";
    let changed = json!({
        "id": id, "stream": format!("SUB#{id}"), "version": 4, "recorded_at": "2026-02-02T09:30:00.000000Z", "happened": [{
            "type": "SUBSCRIPTION_CANCELLATION_SCHEDULED",
            "payload": { "subscription_id": id, "customer_id": "ada", "ends_on": "2026-02-28" },
        }],
    });
    let post = |path, name, summary| {
        let route = Route::post(path, name, summary).function(FUNCTION).admits(&WRITERS).path::<Uuid>("id", "The subscription.");
        let route = route.idempotent().answers::<Changed>(200, "What happened, and the same again to a repetition.", changed.clone());
        route.refuses(409, &["invoiced-by-provider"])
    };
    [
        post("/v1/subscriptions/{id}/changes", "change-subscription", "Changes plan, price, interval or quantity.")
            .body::<Change>(json!({ "plan": "team", "when": "now" }))
            .refuses(409, &["cancelled", "ends-before", "not-invoiced-yet"])
            .refuses(422, &["interval-in-mid-period", "negative-price", "no-quantity", "other-currency", "too-much"])
            .refuses(422, &["price-twice", "not-offered", "no-such-price"]),
        post("/v1/subscriptions/{id}/cancellation", "cancel-subscription", "Ends a subscription, now or when what is paid for is over.")
            .body::<Cancellation>(json!({ "when": "period-end" }))
            .refuses(409, &["not-invoiced-yet"])
            .refuses(422, &["too-much"]),
        post("/v1/subscriptions/{id}/reactivation", "reactivate-subscription", "Lets a subscription go on that will end, or has ended."),
    ]
}

/// Answers 200 with what happened, and the same again to a repetition.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(change(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn change(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &WRITERS)?;
    let subscription: Uuid = http::path(event, "id", "subscription")?;
    match event.route_key.as_deref().unwrap_or_default() {
        "POST /v1/subscriptions/{id}/changes" => {
            let asked: Change = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            let offer = offer(deps, &caller, subscription, &asked).await?;
            let command = ChangeSubscription { offer, quantity: asked.quantity, when: asked.when };
            carry_out(deps, &caller, subscription, &request, &command).await
        }
        "POST /v1/subscriptions/{id}/cancellation" => {
            let asked: Cancellation = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            let command = CancelSubscription { when: asked.when, unused: asked.unused.unwrap_or(Unused::GiveBack) };
            carry_out(deps, &caller, subscription, &request, &command).await
        }
        "POST /v1/subscriptions/{id}/reactivation" => {
            let request = request(deps, &caller, event, &())?;
            carry_out(deps, &caller, subscription, &request, &ReactivateSubscription).await
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// What is to be bought instead; `None` where only the quantity changes, which keeps the price.
///
/// Cost: one strong Query of the subscription's stream and, where no price was agreed, one of the plan's.
async fn offer(deps: &Deps, caller: &Caller, id: Uuid, asked: &Change) -> Result<Option<Offer>, Problem> {
    if asked.plan.is_none() && asked.plan_version.is_none() && asked.price.is_none() && asked.interval.is_none() {
        return Ok(None);
    }
    let current = terms(deps, caller, id).await?;
    let (plan, interval) = (asked.plan.clone().unwrap_or(current.plan), asked.interval.unwrap_or(current.interval));
    if let Some(price) = asked.price {
        return match asked.plan_version {
            Some(_) => Err(Problem::new(422, "price-twice", "a price that was agreed is of no version of the price book")),
            None => Ok(Some(Offer { plan, plan_version: None, price, interval })),
        };
    }
    let offered = price_of(deps, &caller.tenant, &plan, asked.plan_version, (interval, current.price.currency())).await?;
    Ok(Some(Offer { plan, plan_version: Some(offered.version), price: offered.price, interval }))
}

async fn terms(deps: &Deps, caller: &Caller, id: Uuid) -> Result<Terms, Problem> {
    let loaded = deps.subscriptions.load(&StreamId::of("SUB", id)).await.map_err(|error| match error {
        LoadError::Read(error) => read_problem(error, "subscription"),
        LoadError::Fold(error) => internal(&error),
    })?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == caller.tenant);
    let state: Subscription = loaded.state;
    state.terms().filter(|_| theirs).cloned().ok_or_else(|| Problem::not_found("subscription"))
}

async fn carry_out(
    deps: &Deps,
    caller: &Caller,
    subscription: Uuid,
    request: &Request,
    command: &(impl Command<Aggregate = Subscription, Refusal = ChangeRefusal> + Sync),
) -> Result<Response, Problem> {
    let stream = StreamId::of("SUB", subscription);
    let (version, recorded_at, happened) = match deps.subscriptions.execute(request, &stream, Expect::Existing, command).await {
        Ok(Outcome::Committed { version, recorded_at, events, repeated }) => {
            if !repeated {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
            }
            tracing::info!(%stream, %version, command = %request.command, repeated, "subscription changed");
            (Some(version), Some(recorded_at), events)
        }
        Ok(Outcome::Unchanged { version }) => (version, None, vec![]),
        Err(error) => {
            let problem = command_problem(error, "subscription", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            return Err(problem);
        }
    };
    Ok(http::json(200, &Changed { id: subscription, stream, version, recorded_at, happened }))
}

fn refused(refusal: ChangeRefusal) -> Problem {
    let (status, code) = match refusal {
        ChangeRefusal::Unknown => return Problem::not_found("subscription"),
        ChangeRefusal::Ended => (409, "cancelled"),
        ChangeRefusal::AtProvider => (409, "invoiced-by-provider"),
        ChangeRefusal::NegativePrice => (422, "negative-price"),
        ChangeRefusal::NoQuantity => (422, "no-quantity"),
        ChangeRefusal::OtherCurrency => (422, "other-currency"),
        ChangeRefusal::TooMuch => (422, "too-much"),
        ChangeRefusal::IntervalInMidPeriod => (422, "interval-in-mid-period"),
        ChangeRefusal::NotInvoicedYet { .. } => (409, "not-invoiced-yet"),
        ChangeRefusal::EndsBefore { .. } => (409, "ends-before"),
    };
    Problem::new(status, code, refusal.to_string())
}
