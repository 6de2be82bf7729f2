//! From what became of a command to what the caller is told: the one place where HTTP statuses are chosen.

use annals_kit::{Actor, CommandId, Tenant};
use annals_lambda::http::{Caller, Problem};
use annals_lambda::{Metric, causes, http};
use annals_log::{ExecuteError, Request};
use annals_reads::ReadError;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::Serialize;

use crate::deps::{Deps, SERVICE};

/// A request as the log takes it. The command id is made of the Idempotency-Key, or new where there is none.
pub(crate) fn request(deps: &Deps, caller: &Caller, event: &ApiGatewayV2httpRequest, asked: &impl Serialize) -> Result<Request, Problem> {
    let command = match http::idempotency_key(event)? {
        Some(key) => CommandId::derived(&caller.tenant, key),
        None => CommandId(deps.ids.uuid()),
    };
    let route = event.route_key.as_deref().unwrap_or_default();
    // Serialized from the parsed form, so that white space and the order of fields make no other request.
    let asked = [route.as_bytes(), b"\n", event.raw_path.as_deref().unwrap_or_default().as_bytes(), b"\n", &json(asked)].concat();
    Ok(Request::new(&caller.tenant, caller.actor.clone(), command, &asked))
}

fn json(asked: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(asked).unwrap_or_default()
}

/// What a failed command is answered with; `refusal` answers for the domain.
pub(crate) fn problem<R>(error: ExecuteError<R>, what: &str, refusal: impl FnOnce(R) -> Problem) -> Problem {
    match error {
        ExecuteError::Refused(reason) => refusal(reason),
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

pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = causes(error), "internal");
    Problem::internal()
}

/// Notes a refusal by the domain as a fact of the actor's, and counts it.
pub(crate) async fn note_refusal(deps: &Deps, (tenant, actor): (&Tenant, &Actor), function: &'static str, problem: &Problem) {
    if matches!(problem.status, 409 | 422) {
        deps.metrics.count(SERVICE, Metric::CommandRefused, 1, function);
        deps.access.refused(tenant, actor, function, problem.code).await;
    }
}
