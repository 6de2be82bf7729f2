//! From what became of a command to what the caller is told: the one place where HTTP statuses are chosen.

use annals_kit::{Actor, CommandId, Tenant};
use annals_lambda::http::{Caller, Problem};
use annals_lambda::{Metric, causes, http};
use annals_log::{ExecuteError, LoadError, Request};
use annals_reads::ReadError;
use annals_vault::KeyError;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::api_key::ApiKeyRefusal;
use identity::claim::Taken;
use identity::contact::Erased;
use identity::invitation::InvitationRefusal;
use identity::organisation::OrganisationRefusal;
use identity::user::UserRefusal;
use serde::Serialize;

use crate::deps::{Deps, SERVICE};

/// The largest body.
pub(crate) const BODY_LIMIT: usize = 16 * 1024;

/// A request as the log takes it. The command id is made of the Idempotency-Key, or new where there is none. `asked` holds no password.
pub(crate) fn request(
    deps: &Deps,
    (tenant, actor): (&Tenant, Actor),
    event: &ApiGatewayV2httpRequest,
    asked: &impl Serialize,
) -> Result<Request, Problem> {
    let command = match http::idempotency_key(event)? {
        Some(key) => CommandId::derived(tenant, &format!("{actor}/{key}")),
        None => CommandId(deps.ids.uuid()),
    };
    Ok(request_as(deps, command, (tenant, actor), event, asked))
}

/// The same under a command id of its own: where what is shown can be used once, or what is done is the same again.
pub(crate) fn request_as(
    deps: &Deps,
    command: CommandId,
    (tenant, actor): (&Tenant, Actor),
    event: &ApiGatewayV2httpRequest,
    asked: &impl Serialize,
) -> Request {
    let route = event.route_key.as_deref().unwrap_or_default();
    let asked = [
        route.as_bytes(),
        b"\n",
        event.raw_path.as_deref().unwrap_or_default().as_bytes(),
        b"\n",
        &serde_json::to_vec(asked).unwrap_or_default(),
    ];
    // Under the installation's key: the hash of a request stands in the log for ever, and must not tell an address to who guesses it.
    Request::new(tenant, actor, command, &deps.digest(&asked.concat()))
}

/// The same for someone who has logged in or uses a key.
pub(crate) fn request_of(
    deps: &Deps,
    caller: &Caller,
    event: &ApiGatewayV2httpRequest,
    asked: &impl Serialize,
) -> Result<Request, Problem> {
    request(deps, (&caller.tenant, caller.actor.clone()), event, asked)
}

/// Why the domain says no, whichever part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    User(UserRefusal),
    Organisation(OrganisationRefusal),
    Invitation(InvitationRefusal),
    ApiKey(ApiKeyRefusal),
    Taken,
    ContactErased,
}

macro_rules! refusals {
    ($($from:ty => $to:expr),* $(,)?) => {
        $(impl From<$from> for Refusal {
            fn from(refusal: $from) -> Self {
                $to(refusal)
            }
        })*
    };
}

refusals! {
    UserRefusal => Refusal::User,
    OrganisationRefusal => Refusal::Organisation,
    InvitationRefusal => Refusal::Invitation,
    ApiKeyRefusal => Refusal::ApiKey,
    Taken => |_| Refusal::Taken,
    Erased => |_| Refusal::ContactErased,
}

impl From<std::convert::Infallible> for Refusal {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::User(UserRefusal::Unknown | UserRefusal::Erased) => Self::not_found("user"),
            Refusal::User(why @ UserRefusal::Exists) => Self::new(409, "exists", why.to_string()),
            Refusal::User(why @ UserRefusal::Unverified) => Self::new(403, "email-not-verified", why.to_string()),
            Refusal::Organisation(OrganisationRefusal::Unknown) => Self::not_found("organisation"),
            Refusal::Organisation(OrganisationRefusal::NoMember) => Self::not_found("member"),
            Refusal::Organisation(why @ OrganisationRefusal::Exists) => Self::new(409, "exists", why.to_string()),
            Refusal::Organisation(why @ OrganisationRefusal::LastOwner) => Self::new(409, "last-owner", why.to_string()),
            Refusal::Organisation(why @ OrganisationRefusal::NotCovered(_)) => Self::new(403, "forbidden", why.to_string()),
            Refusal::Invitation(InvitationRefusal::Unknown) => Self::not_found("invitation"),
            Refusal::Invitation(why @ InvitationRefusal::Exists) => Self::new(409, "exists", why.to_string()),
            Refusal::Invitation(why @ InvitationRefusal::Closed) => Self::new(409, "invitation-closed", why.to_string()),
            Refusal::Invitation(why @ InvitationRefusal::NotCovered(_)) => Self::new(403, "forbidden", why.to_string()),
            Refusal::ApiKey(ApiKeyRefusal::Unknown) => Self::not_found("API key"),
            Refusal::ApiKey(why @ ApiKeyRefusal::Exists) => Self::new(409, "exists", why.to_string()),
            Refusal::ApiKey(why @ (ApiKeyRefusal::NotCovered(_) | ApiKeyRefusal::NotYours)) => Self::new(403, "forbidden", why.to_string()),
            Refusal::Taken => Self::new(409, "email-taken", "the address belongs to another account"),
            Refusal::ContactErased => Self::new(409, "erased", "the customer was erased, and is not reached any more"),
        }
    }
}

/// What a failed command is answered with.
pub(crate) fn problem<R: Into<Refusal>>(error: ExecuteError<R>, what: &str) -> Problem {
    match error {
        ExecuteError::Refused(reason) => reason.into().into(),
        ExecuteError::NotFound => Problem::not_found(what),
        ExecuteError::IdReused { .. } => Problem::new(
            409,
            "idempotency-key-reused",
            "this Idempotency-Key was used for another request in the last 24 hours; use a new one",
        ),
        ExecuteError::TooLarge { size } => {
            Problem::new(413, "too-large", format!("the request would take {size} bytes in the log, which is too many"))
        }
        ExecuteError::Busy { source } => {
            tracing::warn!(error = causes(&*source), "busy");
            Problem::busy()
        }
        ExecuteError::Unknown { command, source } => {
            tracing::error!(%command, error = causes(&*source), "outcome unknown");
            Problem::new(
                503,
                "unknown-outcome",
                "it may or may not have been carried out; ask again with the same Idempotency-Key to find out",
            )
        }
        ExecuteError::Broken(error) => internal(&error),
        ExecuteError::Encode(error) => internal(&error),
        ExecuteError::Failed { source } => internal(&*source),
    }
}

/// What a failed read is answered with.
pub(crate) fn read_problem(error: ReadError, what: &str) -> Problem {
    match error {
        ReadError::BadParameter { name, reason } => Problem::new(400, "invalid", format!("{name} {reason}")),
        ReadError::BadToken => Problem::new(400, "invalid", "`page` is not a token of this list; start again without it"),
        ReadError::Busy { .. } => Problem::new(503, "busy", "try again in a moment"),
        ReadError::Failed { source } => {
            tracing::error!(error = causes(&*source), what, "read failed");
            Problem::internal()
        }
    }
}

/// What a stream that does not load is answered with.
pub(crate) fn load_problem(error: LoadError, what: &str) -> Problem {
    match error {
        LoadError::Read(error) => read_problem(error, what),
        LoadError::Fold(error) => internal(&error),
    }
}

/// What is answered where a person's key cannot be had.
pub(crate) fn key_problem(error: &KeyError) -> Problem {
    match error {
        KeyError::Erased => Problem::new(409, "erased", "the person was erased"),
        KeyError::Busy { .. } => Problem::busy(),
        KeyError::Failed { .. } => internal(error),
    }
}

pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = causes(error), "internal");
    Problem::internal()
}

/// Counts a command that was carried out now.
pub(crate) fn committed(deps: &Deps, function: &'static str) {
    deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, function);
}

/// Notes a refusal as a fact of the actor's, and counts it.
pub(crate) async fn note_refusal(deps: &Deps, (tenant, actor): (&Tenant, &Actor), function: &'static str, problem: &Problem) {
    if matches!(problem.status, 401 | 403 | 409 | 422 | 429) {
        deps.metrics.count(SERVICE, Metric::CommandRefused, 1, function);
        deps.access.refused(tenant, actor, function, problem.code).await;
    }
}

/// The actor of a person.
pub(crate) fn person(user: uuid::Uuid) -> Actor {
    user.to_string().parse().expect("a UUID is an actor")
}

/// Whoever has not said yet who they are.
pub(crate) fn visitor() -> Actor {
    "visitor".parse().expect("visitor is an actor")
}
