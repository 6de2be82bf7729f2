//! `POST /v1/sessions`: a session for a person who knows their password.
//!
//! What is done and answered is the same for an address without an account and for a wrong password.

use annals_answers::load_problem;
use annals_contract::{Access, Route};
use annals_kit::ids::derived_uuid;
use annals_kit::{CommandId, Role, Tenant, Timestamp};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::Expect;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::email::EmailAddress;
use identity::user::{ChangeUser, UserRefusal};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, Refusal, committed, note_refusal, person, problem, request_as, visitor};
use crate::attempts::{FROM_EVERYWHERE, FROM_ONE_PLACE};
use crate::deps::{Deps, SERVICE, everyone};
use crate::examples;
use crate::password::{Password, is_outdated};
use crate::personal::{claim_stream, organisation_stream, user_stream};
use crate::safe::{Kind, Pass, SESSION};
use crate::secret::{Bearer, Secret};

const FUNCTION: &str = "log-in";

/// What the caller shows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    email: EmailAddress,
    password: Password,
    /// The mark that an earlier log-in gave this device.
    #[serde(default)]
    device: Option<String>,
}

/// A session.
#[derive(Serialize, JsonSchema)]
struct Opened {
    /// To be sent as `Authorization: Bearer ...`; shown this once.
    token: String,
    /// When the session ends, whatever is done with it.
    expires_at: Timestamp,
    session_id: Uuid,
    user_id: Uuid,
    organisation_id: Tenant,
    role: Role,
    /// Marks this device for the next log-in. It opens nothing.
    device: String,
}

/// The route.
pub(crate) fn route() -> Route {
    let opened = json!({
        "token": examples::session_token(), "expires_at": "2026-01-31T21:30:00.000000Z", "session_id": examples::SESSION,
        "user_id": examples::ADA, "organisation_id": examples::ACME, "role": "owner", "device": examples::DEVICE,
    });
    Route::post("/v1/sessions", FUNCTION, "Opens a session for a person who knows their password.")
        .open_to(Access::Public)
        .body::<Asked>(json!({ "email": "ada@example.com", "password": "correct horse battery" }))
        .answers::<Opened>(200, "The session, whose token is shown this once.", opened)
        .with_header(200, "Cache-Control", "It is kept nowhere.")
        .refuses(401, &["wrong-credentials"])
        .refuses(403, &["email-not-verified", "no-member"])
        .refuses(404, &["not-found"])
        .refuses(409, &["role-changed"])
        .refuses(429, &["too-many-attempts"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 200 with the session's token, shown this once.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(log_in(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn log_in(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let source = event.request_context.http.source_ip.as_deref().unwrap_or_default();
    let known = match admit(deps, &asked, source).await {
        Ok(()) => who(deps, &asked).await,
        Err(refused) => Err(refused),
    };
    let user = match known {
        Ok(user) => user,
        Err(refused) => {
            note_refusal(deps, (&everyone(), &visitor()), FUNCTION, &refused).await;
            return Err(refused);
        }
    };
    let (bearer, pass) = start(event, deps, user).await?;
    committed(deps, FUNCTION);
    let opened = Opened {
        token: bearer.text(),
        expires_at: deps.clock.now().plus(SESSION),
        session_id: pass.id,
        user_id: user,
        organisation_id: pass.tenant,
        role: pass.role,
        device: device(deps, &asked.email),
    };
    Ok(http::with_header(http::json(200, &opened), "cache-control", "no-store"))
}

/// Counts the try before it is made. A device that logged in before counts by itself: nobody else's tries keep its owner out.
async fn admit(deps: &Deps, asked: &Asked, source: &str) -> Result<(), Problem> {
    let email = asked.email.as_str();
    let subject = |purpose: &str, more: &str| deps.keyed(purpose, format!("{email}\n{more}").as_bytes());
    let mark = asked.device.as_deref().unwrap_or_default();
    if is_mark(deps, &asked.email, mark) {
        return deps.attempts.count(&subject("log-in by device", mark), FROM_ONE_PLACE).await;
    }
    deps.attempts.count(&subject("log-in by place", source), FROM_ONE_PLACE).await?;
    deps.attempts.count(&subject("log-in", ""), FROM_EVERYWHERE).await
}

/// The mark of a device that has logged in as this person: it opens nothing.
fn device(deps: &Deps, email: &EmailAddress) -> String {
    let (high, low) = (deps.ids.random(), deps.ids.random());
    let nonce = format!("{high:016x}{low:016x}");
    format!("{nonce}{}", proof(deps, email, &nonce))
}

fn is_mark(deps: &Deps, email: &EmailAddress, mark: &str) -> bool {
    let Some((nonce, shown)) = mark.split_at_checked(32) else { return false };
    subtle::ConstantTimeEq::ct_eq(proof(deps, email, nonce).as_bytes(), shown.as_bytes()).into()
}

fn proof(deps: &Deps, email: &EmailAddress, nonce: &str) -> String {
    deps.keyed("device", format!("{nonce}{}", email.as_str()).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The person whose address and password these are.
///
/// Cost, whether or not there is one: a strong Query of the claim, a strong GetItem of the hash, and one Argon2.
async fn who(deps: &Deps, asked: &Asked) -> Result<Uuid, Problem> {
    let hash = deps.email_hash(&asked.email);
    let claim = deps.claims.load(&claim_stream(&hash)).await.map_err(|error| load_problem(error, "address"))?;
    // Nobody's id, but one that is looked up all the same.
    let user = claim.state.owner.unwrap_or_else(|| derived_uuid("nobody", &everyone(), hash.as_str()));
    let kept = deps.safe.password(user).await?;
    let is = match &kept {
        Some(kept) => asked.password.is(kept),
        None => {
            asked.password.is_nobodys();
            false
        }
    };
    let Some(kept) = kept.filter(|_| is && claim.state.owner.is_some()) else {
        return Err(Problem::new(401, "wrong-credentials", "the address or the password is wrong"));
    };
    if is_outdated(&kept) {
        // Another log-in may have been first: then its hash stays.
        deps.safe.next_password(user, &asked.password.hash(&*deps.ids), &kept).await?;
    }
    Ok(user)
}

/// A new session, as what the person is now in their organisation.
async fn start(event: &ApiGatewayV2httpRequest, deps: &Deps, user: Uuid) -> Result<(Bearer, Pass), Problem> {
    let stream = user_stream(user);
    let loaded = deps.users.load(&stream).await.map_err(|error| load_problem(error, "user"))?;
    let tenant = loaded.state.living().map_err(|refusal| Problem::from(Refusal::User(refusal)))?.organisation_id.clone();
    if !loaded.state.verified {
        return Err(Refusal::User(UserRefusal::Unverified).into());
    }
    let role = role(deps, &tenant, user).await?;
    let pass = Pass { id: deps.ids.uuid(), tenant, role };
    // No Idempotency-Key: who has lost the token logs in again, and gets another.
    let request = request_as(deps, CommandId(pass.id), (&pass.tenant, person(user)), event, &pass.id);
    let outcome = deps.users.execute(&request, &stream, Expect::Existing, &ChangeUser::StartSession(pass.id)).await;
    outcome.map_err(|error| problem(error, "user"))?;
    let bearer = open(deps, user, &pass).await?;
    Ok((bearer, pass))
}

/// Opens a session, and closes it again where the person has ceased to be what it says meanwhile: who ends memberships ends sessions after
/// that, so one of the two sees the other.
pub(crate) async fn open(deps: &Deps, user: Uuid, pass: &Pass) -> Result<Bearer, Problem> {
    let secret = Secret::new(&*deps.ids);
    deps.safe.admit(Kind::Session, user, &secret, pass).await?;
    if role(deps, &pass.tenant, user).await.as_ref() != Ok(&pass.role) {
        deps.safe.dismiss(Kind::Session, user, &secret.hash()).await?;
        return Err(Problem::new(409, "role-changed", "your membership has just changed; log in again"));
    }
    Ok(Bearer::Session(user, secret))
}

/// What a person is in an organisation, by its log.
///
/// Cost: one strong Query of the organisation's stream.
pub(crate) async fn role(deps: &Deps, tenant: &Tenant, user: Uuid) -> Result<Role, Problem> {
    let loaded = deps.organisations.load(&organisation_stream(tenant)).await.map_err(|error| load_problem(error, "organisation"))?;
    let role = loaded.state.members.get(&user).copied();
    role.ok_or_else(|| Problem::new(403, "no-member", "you are no longer a member of the organisation"))
}
