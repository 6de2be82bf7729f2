//! `PATCH /v1/me` and `PUT /v1/me/password`: a person changes their name or their password.

use annals_answers::load_problem;
use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::{CommandId, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::text::Name;
use identity::user::{ChangeUser, SEALED};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, committed, note_refusal, problem, request_as, request_of};
use crate::attempts::FROM_ONE_PLACE;
use crate::deps::{Deps, SERVICE};
use crate::examples;
use crate::log_in::open;
use crate::log_out::session;
use crate::password::Password;
use crate::personal::{Key, user_stream};
use crate::revoke::dismiss;
use crate::routes::READERS;
use crate::safe::{Kind, Pass, SESSION};

const FUNCTION: &str = "change-profile";

/// What a person wants to be called.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Profile {
    name: Name,
}

/// A new password, and proof that it is its owner who asks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Passwords {
    current_password: Password,
    /// None that many people use, nor their own name or address.
    new_password: Password,
}

/// A changed profile.
#[derive(Serialize, JsonSchema)]
struct Renamed {
    id: Uuid,
    /// For `min_version` of the next read.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

/// A changed password, and the session that goes on.
#[derive(Serialize, JsonSchema)]
struct Rotated {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    /// To be sent as `Authorization: Bearer ...` from now on; shown this once.
    token: String,
    session_id: Uuid,
    /// When the session ends, whatever is done with it.
    expires_at: Timestamp,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let rotated = json!({
        "version": 4, "token": examples::session_token(), "session_id": examples::SESSION, "expires_at": "2026-01-31T21:30:00.000000Z",
    });
    [
        Route::new(Method::Patch, "/v1/me", "change-profile", "Changes what the caller is called.")
            .for_oneself()
            .idempotent()
            .body::<Profile>(json!({ "name": "Ada Lovelace" }))
            .answers::<Renamed>(200, "It is so.", json!({ "id": examples::ADA, "version": 3 }))
            .refuses(404, &["not-found"])
            .refuses(409, &["erased"]),
        Route::new(
            Method::Put,
            "/v1/me/password",
            "change-password",
            "Changes the caller's password: every session ends, and a new one begins.",
        )
        .function(FUNCTION)
        .for_oneself()
        .body::<Passwords>(json!({ "current_password": "correct horse battery", "new_password": "battery staple horse" }))
        .answers::<Rotated>(200, "It is so; the new session's token is shown this once.", rotated)
        .with_header(200, "Cache-Control", "It is kept nowhere.")
        .refuses(403, &["wrong-credentials"])
        .refuses(404, &["not-found"])
        .refuses(409, &["changed-meanwhile", "role-changed"])
        .refuses(422, &["weak-password"])
        .refuses(429, &["too-many-attempts"])
        .refuses(503, &["unknown-outcome"]),
    ]
}

/// Answers 200; a new password comes with a new session, and every other one ends.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(change(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn change(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    // One's name and password are one's own, whatever one may do in the organisation.
    let caller = http::caller(event, &READERS)?;
    let (user, _) = session(event)?;
    let changed = match event.route_key.as_deref() {
        Some("PATCH /v1/me") => rename(event, deps, &caller, user).await,
        Some("PUT /v1/me/password") => change_password(event, deps, &caller, user).await,
        _ => Err(Problem::not_found("route")),
    };
    if let Err(refused) = &changed {
        note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, refused).await;
    }
    changed
}

async fn rename(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, user: Uuid) -> Result<Response, Problem> {
    let asked: Profile = http::json_body(event, BODY_LIMIT)?;
    let request = request_of(deps, caller, event, &asked)?;
    let seal = Key::of(deps, user).await?.seal(SEALED)?;
    let version = execute(deps, Request { seal: Some(seal), ..request }, user, ChangeUser::Rename(asked.name.as_str().to_owned())).await?;
    Ok(http::json(200, &Renamed { id: user, version }))
}

async fn change_password(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, user: Uuid) -> Result<Response, Problem> {
    let asked: Passwords = http::json_body(event, BODY_LIMIT)?;
    deps.attempts.count(&deps.keyed("password", user.as_bytes()), FROM_ONE_PLACE).await?;
    let kept = deps.safe.password(user).await?.ok_or_else(|| Problem::not_found("password"))?;
    if !asked.current_password.is(&kept) {
        return Err(Problem::new(403, "wrong-credentials", "the current password is another"));
    }
    let loaded = deps.users.load(&user_stream(user)).await.map_err(|error| load_problem(error, "user"))?;
    let key = Key::of(deps, user).await?;
    let known = [
        key.open_some(&user_stream(user), loaded.state.name.as_ref(), "name")?,
        key.open_some(&user_stream(user), loaded.state.email.as_ref(), "email")?,
    ];
    let known: Vec<&str> = known.iter().flatten().map(String::as_str).collect();
    asked.new_password.check(&known).map_err(|weak| Problem::new(422, "weak-password", weak.to_string()))?;
    if !deps.safe.next_password(user, &asked.new_password.hash(&*deps.ids), &kept).await? {
        return Err(Problem::new(409, "changed-meanwhile", "the password was changed at the same time; log in with the newer one"));
    }
    dismiss(deps, Kind::Session, user, |_| true).await?;
    let request = request_as(deps, CommandId(deps.ids.uuid()), (&caller.tenant, caller.actor.clone()), event, &user);
    let version = execute(deps, request, user, ChangeUser::ChangePassword).await?;
    let pass = Pass { id: deps.ids.uuid(), tenant: caller.tenant.clone(), role: caller.role };
    let bearer = open(deps, user, &pass).await?;
    let rotated = Rotated { version, token: bearer.text(), session_id: pass.id, expires_at: deps.clock.now().plus(SESSION) };
    Ok(http::with_header(http::json(200, &rotated), "cache-control", "no-store"))
}

async fn execute(deps: &Deps, request: Request, user: Uuid, change: ChangeUser) -> Result<Option<Version>, Problem> {
    match deps.users.execute(&request, &user_stream(user), Expect::Existing, &change).await.map_err(|error| problem(error, "user"))? {
        Outcome::Committed { version, repeated, .. } => {
            if !repeated {
                committed(deps, FUNCTION);
            }
            Ok(Some(version))
        }
        Outcome::Unchanged { version } => Ok(version),
    }
}
