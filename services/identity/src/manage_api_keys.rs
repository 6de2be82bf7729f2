//! `POST /v1/api-keys` and `DELETE /v1/api-keys/{id}`: makes a key for a program, and revokes one.

use annals_answers::load_problem;
use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::ids::derived_uuid;
use annals_kit::{Role, StreamId, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::api_key::{ApiKeyCreated, CreateApiKey, RevokeApiKey, Revoker};
use identity::text::Name;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, committed, note_refusal, problem, request_of};
use crate::deps::{Deps, SERVICE};
use crate::examples;
use crate::log_in::role;
use crate::log_out::session;
use crate::revoke::dismiss;
use crate::routes::KEY_HOLDERS;
use crate::safe::{Kind, Pass};
use crate::secret::{Bearer, Secret};

const FUNCTION: &str = "manage-api-keys";

/// What the caller asks for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// What the key is for.
    name: Name,
    /// What it may do: no more than who makes it.
    role: Role,
}

/// A key that was made.
#[derive(Serialize, JsonSchema)]
struct Made {
    /// By which it is revoked.
    id: Uuid,
    name: Name,
    role: Role,
    /// For `min_version` of the next read.
    version: Version,
    /// To be sent as `Authorization: Bearer ...`; shown this once.
    key: String,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let made = json!({ "id": examples::KEY, "name": "nightly export", "role": "finance", "version": 1, "key": examples::api_key_text() });
    [
        Route::post("/v1/api-keys", "create-api-key", "Makes a key for a program. People who have logged in make keys; keys do not.")
            .function(FUNCTION)
            .admits(&KEY_HOLDERS)
            .shown_once()
            .body::<Asked>(json!({ "name": "nightly export", "role": "finance" }))
            .answers::<Made>(201, "The key, shown this once.", made)
            .with_header(201, "Location", "Its path.")
            .with_header(201, "Cache-Control", "It is kept nowhere.")
            .refuses(403, &["no-member"])
            .refuses(409, &["exists", "role-changed"]),
        Route::new(Method::Delete, "/v1/api-keys/{id}", "revoke-api-key", "Revokes a key: it opens nothing from now on.")
            .function(FUNCTION)
            .admits(&KEY_HOLDERS)
            .idempotent()
            .path::<Uuid>("id", "The key.")
            .answers_empty(204, "It is so, now or before."),
    ]
}

/// Answers 201 with the key, shown this once; 204 to a revocation.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(manage(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn manage(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &KEY_HOLDERS)?;
    // A key makes no keys: who has found one must not be able to keep what it opens.
    let (user, _) = session(event)?;
    let managed = match event.route_key.as_deref() {
        Some("POST /v1/api-keys") => create(event, deps, &caller, user).await,
        Some("DELETE /v1/api-keys/{id}") => revoke(event, deps, &caller, user).await,
        _ => Err(Problem::not_found("route")),
    };
    if let Err(refused) = &managed {
        note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, refused).await;
    }
    managed
}

async fn create(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, user: Uuid) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let request = request_of(deps, caller, event, &asked)?;
    let key_id = derived_uuid("api key", &caller.tenant, &request.command.to_string());
    let created = ApiKeyCreated {
        key_id,
        organisation_id: caller.tenant.clone(),
        user_id: user,
        name: asked.name.as_str().to_owned(),
        role: asked.role,
    };
    let command = CreateApiKey { created, by: caller.role };
    let outcome = deps.api_keys.execute(&request, &StreamId::of("KEY", key_id), Expect::New, &command).await;
    let version = match outcome.map_err(|error| problem(error, "API key"))? {
        Outcome::Committed { version, repeated: false, .. } => version,
        Outcome::Committed { .. } | Outcome::Unchanged { .. } => {
            let said = "the key was made, and its secret is shown once; if its answer was lost, revoke it and make another";
            return Err(Problem::new(409, "shown-before", format!("{said}: {key_id}")));
        }
    };
    committed(deps, FUNCTION);
    let secret = Secret::new(&*deps.ids);
    deps.safe.admit(Kind::ApiKey, user, &secret, &Pass { id: key_id, tenant: caller.tenant.clone(), role: asked.role }).await?;
    // Who ends memberships ends keys after that: one of the two sees the other.
    if role(deps, &caller.tenant, user).await.as_ref() != Ok(&caller.role) {
        deps.safe.dismiss(Kind::ApiKey, user, &secret.hash()).await?;
        return Err(Problem::new(409, "role-changed", "your membership has just changed; log in again"));
    }
    let made = Made { id: key_id, name: asked.name, role: asked.role, version, key: Bearer::ApiKey(user, secret).text() };
    let answer = http::with_header(http::json(201, &made), "location", &format!("/v1/api-keys/{key_id}"));
    Ok(http::with_header(answer, "cache-control", "no-store"))
}

async fn revoke(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, user: Uuid) -> Result<Response, Problem> {
    let key: Uuid = http::path(event, "id", "API key")?;
    let stream = StreamId::of("KEY", key);
    let loaded = deps.api_keys.load(&stream).await.map_err(|error| load_problem(error, "API key"))?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == caller.tenant);
    let created = loaded.state.created.filter(|_| theirs).ok_or_else(|| Problem::not_found("API key"))?;
    let request = request_of(deps, caller, event, &key)?;
    let command = RevokeApiKey(Revoker::Member(user, caller.role));
    // The domain says whether they may; what opens ends only then, and again where that was interrupted.
    let outcome = deps.api_keys.execute(&request, &stream, Expect::Existing, &command).await.map_err(|error| problem(error, "API key"))?;
    dismiss(deps, Kind::ApiKey, created.user_id, |pass| pass.id == key).await?;
    if matches!(outcome, Outcome::Committed { repeated: false, .. }) {
        committed(deps, FUNCTION);
    }
    Ok(http::empty(204))
}
