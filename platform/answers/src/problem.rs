//! Statuses and codes of what went wrong in the log and in reads (RFC 9457). What the domain refuses is each service's to say.

use annals_lambda::causes;
use annals_lambda::http::Problem;
use annals_log::{ExecuteError, LoadError};
use annals_reads::ReadError;

/// What a failed command is answered with; `refusal` answers for the domain.
pub fn command_problem<R>(error: ExecuteError<R>, what: &str, refusal: impl FnOnce(R) -> Problem) -> Problem {
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
pub fn read_problem(error: ReadError, what: &str) -> Problem {
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
pub fn load_problem(error: LoadError, what: &str) -> Problem {
    match error {
        LoadError::Read(error) => read_problem(error, what),
        LoadError::Fold(error) => internal(&error),
    }
}

/// What nobody but an operator can do anything about: logged with its causes, answered without.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = causes(error), "internal");
    Problem::internal()
}
