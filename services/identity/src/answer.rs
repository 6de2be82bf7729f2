//! A request as the log takes it, and what a caller is told of what the domain refuses: the one place where its statuses are chosen.

use annals_answers::{command_problem, internal, request_bytes};
use annals_kit::{Actor, CommandId, Tenant};
use annals_lambda::http::{Caller, Problem};
use annals_lambda::{Metric, http};
use annals_log::{ExecuteError, Request};
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
    // Under the installation's key: the hash of a request stands in the log for ever, and must not tell an address to who guesses it.
    Request::new(tenant, actor, command, &deps.digest(&request_bytes(event, asked)))
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
    command_problem(error, what, |reason| reason.into().into())
}

/// What is answered where a person's key cannot be had.
pub(crate) fn key_problem(error: &KeyError) -> Problem {
    match error {
        KeyError::Erased => Problem::new(409, "erased", "the person was erased"),
        KeyError::Busy { .. } => Problem::busy(),
        KeyError::Failed { .. } => internal(error),
    }
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
