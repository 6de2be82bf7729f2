//! `POST /v1/plans/{plan}/drafts`, `/releases` and `/retirement`: drafts the next version of a plan, releases it for good, takes the plan
//! out of the offer.

use annals_answers::command_problem;
use annals_contract::Route;
use annals_kit::{Command, StreamId, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::{Metric, measured};
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use billing::plan::PlanName;
use billing::price_book::{DraftPlan, Plan, PlanEvent, PlanRefusal, Price, ReleasePlan, RetirePlan};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{note_refusal, request};
use crate::deps::{Deps, SERVICE};
use crate::prices::{plan_id, plan_stream};
use crate::routes::WRITERS;

const FUNCTION: &str = "manage-price-book";
const BODY_LIMIT: usize = 16 * 1024;

/// A draft.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// At most one for each interval and currency.
    prices: Vec<Price>,
    /// How many days are free before the first period.
    #[serde(default)]
    trial_days: u16,
}

/// Which draft is to be released: a retry must not release the next one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Release {
    /// The draft's version.
    version: u32,
}

/// What the caller gets.
#[derive(Serialize, JsonSchema)]
struct PlanChanged {
    plan: PlanName,
    stream: StreamId,
    /// For `min_version` of the next read.
    version: Option<Version>,
    /// The version of the plan that was drafted or released; null where nothing changed.
    plan_version: Option<u32>,
    recorded_at: Option<Timestamp>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 3] {
    let price = json!({ "amount": 4900, "currency": "EUR" });
    let changed = json!({
        "plan": "pro", "stream": "PLAN#018f2c00-0000-7000-8000-000000000006", "version": 1, "plan_version": 1,
        "recorded_at": "2026-01-31T09:30:00.000000Z",
    });
    let post = |path, name, summary| {
        let route = Route::post(path, name, summary).function(FUNCTION).admits(&WRITERS).path::<PlanName>("plan", "The plan's name.");
        route.idempotent().answers::<PlanChanged>(200, "What has changed, and the same again to a repetition.", changed.clone())
    };
    [
        post("/v1/plans/{plan}/drafts", "draft-plan", "Drafts the next version of a plan, in place of an earlier draft.")
            .body::<Draft>(json!({ "prices": [{ "interval": "month", "price": price }], "trial_days": 14 }))
            .refuses(422, &["prices", "long-trial"]),
        post("/v1/plans/{plan}/releases", "release-plan", "Releases a draft: from now on it is sold, and it never changes.")
            .body::<Release>(json!({ "version": 1 }))
            .refuses(409, &["no-draft"]),
        post("/v1/plans/{plan}/retirement", "retire-plan", "Sells a plan to nobody any more; whoever has it keeps it."),
    ]
}

/// Answers 200 with the plan's newest version of each kind; the same again to a repetition.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(manage(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn manage(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &WRITERS)?;
    let plan: PlanName = http::path(event, "plan", "plan")?;
    match event.route_key.as_deref().unwrap_or_default() {
        "POST /v1/plans/{plan}/drafts" => {
            let asked: Draft = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            let Draft { prices, trial_days } = asked;
            let command = DraftPlan { plan_id: plan_id(&caller.tenant, &plan), plan: plan.clone(), prices, trial_days };
            carry_out(deps, &caller, &plan, (request, Expect::New), &command).await
        }
        "POST /v1/plans/{plan}/releases" => {
            let asked: Release = http::json_body(event, BODY_LIMIT)?;
            let request = request(deps, &caller, event, &asked)?;
            carry_out(deps, &caller, &plan, (request, Expect::Existing), &ReleasePlan { version: asked.version }).await
        }
        "POST /v1/plans/{plan}/retirement" => {
            let request = request(deps, &caller, event, &())?;
            carry_out(deps, &caller, &plan, (request, Expect::Existing), &RetirePlan).await
        }
        _ => Err(Problem::not_found("route")),
    }
}

async fn carry_out(
    deps: &Deps,
    caller: &Caller,
    plan: &PlanName,
    (request, expect): (Request, Expect),
    command: &(impl Command<Aggregate = Plan, Refusal = PlanRefusal> + Sync),
) -> Result<Response, Problem> {
    let stream = plan_stream(&caller.tenant, plan);
    let (version, plan_version, recorded_at) = match deps.plans.execute(&request, &stream, expect, command).await {
        Ok(Outcome::Committed { version, recorded_at, events, repeated }) => {
            if !repeated {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, FUNCTION);
            }
            tracing::info!(%stream, %version, command = %request.command, repeated, "price book changed");
            let of_plan = events.iter().find_map(|event| match event {
                PlanEvent::Drafted(of) | PlanEvent::Released(of) => Some(of.version),
                PlanEvent::Retired(_) => None,
            });
            (Some(version), of_plan, Some(recorded_at))
        }
        Ok(Outcome::Unchanged { version }) => (version, None, None),
        Err(error) => {
            let problem = command_problem(error, "plan", refused);
            note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, &problem).await;
            return Err(problem);
        }
    };
    Ok(http::json(200, &PlanChanged { plan: plan.clone(), stream, version, plan_version, recorded_at }))
}

fn refused(refusal: PlanRefusal) -> Problem {
    match refusal {
        PlanRefusal::Unknown => Problem::not_found("plan"),
        PlanRefusal::Prices => Problem::new(422, "prices", refusal.to_string()),
        PlanRefusal::LongTrial => Problem::new(422, "long-trial", refusal.to_string()),
        PlanRefusal::NoDraft { .. } => Problem::new(409, "no-draft", refusal.to_string()),
    }
}
