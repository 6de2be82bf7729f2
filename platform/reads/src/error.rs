//! Why a read gives no answer, and what the caller does next.

use access_patterns::ParameterError;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A read gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A parameter is missing or is no value of its kind, such as an id with `#`: nothing was read. Answer 400, or 404 for an id.
    #[error("{name} {reason}")]
    BadParameter {
        /// The parameter, by its name in the matrix.
        name: String,
        /// What is wrong with it; never carries the value.
        reason: String,
    },
    /// The page token is garbled, or of another pattern, other parameters or another tenant: nothing was read. Answer 400.
    #[error("the page token is not one of this list")]
    BadToken,
    /// Every attempt was throttled: wait and ask again. Answer 503.
    #[error("the database is busy")]
    Busy {
        /// What the last attempt said.
        source: BoxError,
    },
    /// Anything else: a lost connection, a missing table, an item that does not decode. Asking again is safe.
    #[error("the read failed")]
    Failed {
        /// What happened.
        source: BoxError,
    },
}

impl ReadError {
    pub(crate) fn failed(source: impl Into<BoxError>) -> Self {
        Self::Failed { source: source.into() }
    }
}

impl From<ParameterError> for ReadError {
    fn from(error: ParameterError) -> Self {
        Self::BadParameter { name: error.name, reason: error.reason }
    }
}
