//! `GET` and `PUT /v1/me/notification-preferences`: what a person wants to be told, and by which way.
//!
//! From the log, not from a row that may lag: what somebody has just turned off is off.

use std::collections::BTreeSet;

use annals_answers::load_problem;
use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::{StreamId, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use notifications::preferences::{Choose, Off, PreferencesChanged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::caller::{Change, person};
use crate::deps::{PreferenceDeps, SERVICE};

const FUNCTION: &str = "keep-preferences";
const PATH: &str = "/v1/me/notification-preferences";
/// The largest body.
const BODY_LIMIT: usize = 4 * 1024;

/// What is to be off. Emails that keep an account safe, such as the one that confirms an address, come whatever is chosen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// What is off; everything else is on.
    off: BTreeSet<Off>,
}

/// What is off.
#[derive(Serialize, JsonSchema)]
struct Chosen {
    /// What is off; everything else is on. There are more kinds and channels as there is more to tell.
    off: Vec<Told>,
    /// Of the preferences; none where nothing was ever chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

/// Something that is off.
#[derive(Serialize, JsonSchema)]
struct Told {
    /// What.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    kind: Value,
    /// In which way.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    channel: Value,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let off = json!([{ "kind": "receipt", "channel": "email" }]);
    let of = |method, name, summary| Route::new(method, PATH, name, summary).function(FUNCTION).for_oneself();
    [
        of(Method::Get, "get-notification-preferences", "Shows what the caller wants to be told, and by which way.").answers::<Chosen>(
            200,
            "What is off.",
            json!({ "off": off, "version": 1 }),
        ),
        of(Method::Put, "set-notification-preferences", "Says what the caller does not want to be told, and by which way.")
            .body::<Asked>(json!({ "off": off }))
            .answers::<Chosen>(200, "It is so.", json!({ "off": off, "version": 1 }))
            .refuses(503, &["unknown-outcome"]),
    ]
}

/// Answers 200 with what is off.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &PreferenceDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(keep(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn keep(event: &ApiGatewayV2httpRequest, deps: &PreferenceDeps) -> Result<Response, Problem> {
    let (caller, user) = person(event)?;
    match event.route_key.as_deref() {
        Some("GET /v1/me/notification-preferences") => shown(deps, user).await,
        Some("PUT /v1/me/notification-preferences") => choose(event, deps, &caller, user).await,
        _ => Err(Problem::not_found("route")),
    }
}

/// Cost: one strong Query, 1 RCU.
async fn shown(deps: &PreferenceDeps, user: Uuid) -> Result<Response, Problem> {
    let loaded = deps.streams.load(&stream(user)).await.map_err(|error| load_problem(error, "preferences"))?;
    Ok(answer(&loaded.state.off, loaded.head.map(|head| head.version)))
}

/// Cost: one strong Query, and 1 WCU where something changes.
async fn choose(event: &ApiGatewayV2httpRequest, deps: &PreferenceDeps, caller: &Caller, user: Uuid) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let (stream, bytes) = (stream(user), serde_json::to_vec(&asked).unwrap_or_default());
    let command = Choose(PreferencesChanged { user_id: user, off: asked.off.clone() });
    let change = Change { function: FUNCTION, what: "person", stream: &stream, asked: &bytes, command };
    let version = change.make(deps, caller, |never| match never {}).await?;
    Ok(answer(&asked.off, version))
}

fn answer(off: &BTreeSet<Off>, version: Option<Version>) -> Response {
    let told = |off: &Off| Told { kind: json!(off.kind), channel: json!(off.channel) };
    http::json(200, &Chosen { off: off.iter().map(told).collect(), version })
}

/// The stream of a person's preferences.
pub(crate) fn stream(user: Uuid) -> StreamId {
    StreamId::of("PREFS", user)
}
