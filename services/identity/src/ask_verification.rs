//! `POST /v1/email-verification-requests`: another link for somebody whose link has lapsed, by which they show that an address is theirs.
//!
//! What is answered, and when, is the same whether or not there is an account, and whether or not it waits for a link: only who reads the
//! address's mail learns it.

use std::time::Duration;

use annals_answers::load_problem;
use annals_contract::{Access, Route};
use annals_kit::CommandId;
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::email::EmailAddress;
use identity::user::ChangeUser;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, committed, note_refusal, person, problem, request_as, visitor};
use crate::attempts::{LINKS, NEW_ACCOUNTS};
use crate::deps::{Deps, SERVICE, everyone};
use crate::personal::{claim_stream, user_stream};

const FUNCTION: &str = "ask-verification";
/// When a request is answered, whatever it took.
const ANSWERED_AFTER: Duration = Duration::from_millis(1000);

/// Whose link has lapsed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    email: EmailAddress,
}

/// What everybody is told.
#[derive(Serialize, JsonSchema)]
struct Told {
    status: &'static str,
}

const TOLD: Told = Told { status: "a link was sent to the address, if its account waits for one" };

/// The route.
pub(crate) fn route() -> Route {
    Route::post("/v1/email-verification-requests", FUNCTION, "Asks for another link by which to show that an address is one's own.")
        .open_to(Access::Public)
        .body::<Asked>(json!({ "email": "ada@example.com" }))
        .answers::<Told>(202, "The same whether or not the address has an account.", json!(TOLD))
        .refuses(429, &["too-many-attempts"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 202, and the address gets a link where its account waits for one.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(ask(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn ask(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let source = event.request_context.http.source_ip.as_deref().unwrap_or_default();
    if let Err(refused) = deps.attempts.count(&deps.keyed("ask-verification by place", source.as_bytes()), NEW_ACCOUNTS).await {
        note_refusal(deps, (&everyone(), &visitor()), FUNCTION, &refused).await;
        return Err(refused);
    }
    let answered = tokio::time::Instant::now() + ANSWERED_AFTER;
    let done = request(event, deps, &asked.email).await;
    tokio::time::sleep_until(answered).await;
    done?;
    Ok(http::json(202, &TOLD))
}

/// Records the request of an account that waits for a link. Whoever asks for the links of others fills their mail and nothing else: of more
/// than [`LINKS`] in a while there is no more, and the last of them are in the mail of whose address it is.
async fn request(event: &ApiGatewayV2httpRequest, deps: &Deps, email: &EmailAddress) -> Result<(), Problem> {
    match deps.attempts.count(&deps.keyed("ask-verification", email.as_str().as_bytes()), LINKS).await {
        Ok(()) => {}
        Err(refused) if refused.status == 429 => return Ok(()),
        Err(failed) => return Err(failed),
    }
    let claim = deps.claims.load(&claim_stream(&deps.email_hash(email))).await.map_err(|error| load_problem(error, "address"))?;
    let Some(user) = claim.state.owner else { return Ok(()) };
    record(event, deps, user).await
}

async fn record(event: &ApiGatewayV2httpRequest, deps: &Deps, user: Uuid) -> Result<(), Problem> {
    let stream = user_stream(user);
    let loaded = deps.users.load(&stream).await.map_err(|error| load_problem(error, "user"))?;
    // Between an erasure and the release of the address there is nobody to write to.
    let Ok(created) = loaded.state.living() else { return Ok(()) };
    let request = request_as(deps, CommandId(deps.ids.uuid()), (&created.organisation_id, person(user)), event, &user);
    let outcome = deps.users.execute(&request, &stream, Expect::Existing, &ChangeUser::AskVerification).await;
    if let Outcome::Committed { version, .. } = outcome.map_err(|error| problem(error, "user"))? {
        committed(deps, FUNCTION);
        tracing::info!(%stream, %version, "another link was asked for");
    }
    Ok(())
}
