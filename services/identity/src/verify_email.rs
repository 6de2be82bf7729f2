//! `POST /v1/email-verifications`: shows by the token of a link that an address is one's own.

use annals_contract::{Access, Route};
use annals_kit::CommandId;
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::user::ChangeUser;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, committed, person, problem, request_as};
use crate::deps::{Deps, SERVICE};
use crate::examples;
use crate::personal::user_stream;
use crate::safe::{Purpose, Redeemed};
use crate::secret::Secret;

const FUNCTION: &str = "verify-email";

/// What the caller shows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// What stands behind the # of the link.
    token: String,
}

/// Whose address it is.
#[derive(Serialize, JsonSchema)]
struct Verified {
    user_id: Uuid,
}

/// The route.
pub(crate) fn route() -> Route {
    Route::post("/v1/email-verifications", FUNCTION, "Shows by the token of a link, which is good once, that an address is one's own.")
        .open_to(Access::Public)
        .body::<Asked>(json!({ "token": examples::SECRET }))
        .answers::<Verified>(200, "The address is theirs.", json!({ "user_id": examples::ADA }))
        .refuses(404, &["not-found"])
        .refuses(410, &["token-not-valid"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 200 with the person's id; once for each token.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(verify(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn verify(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let Redeemed { about: user, tenant } = redeem(deps, &asked.token, Purpose::VerifyEmail).await?;
    let request = request_as(deps, CommandId(deps.ids.uuid()), (&tenant, person(user)), event, &user);
    let outcome = deps.users.execute(&request, &user_stream(user), Expect::Existing, &ChangeUser::Verify).await;
    if let Outcome::Committed { version, .. } = outcome.map_err(|error| problem(error, "user"))? {
        committed(deps, FUNCTION);
        tracing::info!(stream = %user_stream(user), %version, "email verified");
    }
    Ok(http::json(200, &Verified { user_id: user }))
}

/// What the token was about; it is used up now.
pub(crate) async fn redeem(deps: &Deps, token: &str, purpose: Purpose) -> Result<Redeemed, Problem> {
    let redeemed = match token.parse::<Secret>() {
        Ok(secret) => deps.safe.redeem(&secret, purpose).await?,
        Err(_) => None,
    };
    redeemed.ok_or_else(not_valid)
}

pub(crate) fn not_valid() -> Problem {
    Problem::new(410, "token-not-valid", "the token was used, has expired, or never was: ask for a new link")
}
