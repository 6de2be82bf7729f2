//! Who asks about themselves, and what is answered where something fails.

use annals_lambda::causes;
use annals_lambda::http::{self, Problem};
use annals_log::{ExecuteError, LoadError};
use annals_reads::ReadError;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use uuid::Uuid;

/// The person who has logged in; refused where a key asks, which is told nothing.
pub(crate) fn person(event: &ApiGatewayV2httpRequest) -> Result<Uuid, Problem> {
    let id = |name: &str| -> Option<Uuid> { http::verified(event, name)?.parse().ok() };
    let person = id("session").and_then(|_| id("user"));
    person.ok_or_else(|| Problem::new(403, "forbidden", "only a person who has logged in may do this, not an API key"))
}

/// What a failed command is answered with; what was refused, as the route says.
pub(crate) fn problem<R: std::error::Error + 'static>(error: ExecuteError<R>, what: &str, refused: impl FnOnce(R) -> Problem) -> Problem {
    match error {
        ExecuteError::Refused(refusal) => refused(refusal),
        ExecuteError::NotFound => Problem::not_found(what),
        ExecuteError::Busy { source } => {
            tracing::warn!(error = causes(&*source), "busy");
            Problem::busy()
        }
        ExecuteError::Unknown { command, source } => {
            tracing::error!(%command, error = causes(&*source), "outcome unknown");
            Problem::new(503, "unknown-outcome", "it may or may not have been carried out; ask again")
        }
        ExecuteError::Failed { source } => internal(&*source),
        error @ (ExecuteError::IdReused { .. } | ExecuteError::TooLarge { .. } | ExecuteError::Encode(_) | ExecuteError::Broken(_)) => {
            internal(&error)
        }
    }
}

pub(crate) fn load_problem(error: LoadError) -> Problem {
    match error {
        LoadError::Read(ReadError::Busy { .. }) => Problem::new(503, "busy", "try again in a moment"),
        error @ (LoadError::Read(_) | LoadError::Fold(_)) => internal(&error),
    }
}

/// What a failed read is answered with.
pub(crate) fn read_problem(error: ReadError) -> Problem {
    match error {
        ReadError::BadParameter { name, reason } => Problem::new(400, "invalid", format!("{name} {reason}")),
        ReadError::BadToken => Problem::new(400, "invalid", "`page` is not a token of this list; start again without it"),
        ReadError::Busy { .. } => Problem::new(503, "busy", "try again in a moment"),
        ReadError::Failed { source } => {
            tracing::error!(error = causes(&*source), "read failed");
            Problem::internal()
        }
    }
}

pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = causes(error), "internal");
    Problem::internal()
}
