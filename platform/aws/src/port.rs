//! What may stand in AWS's place: it gets the inputs that would have been sent, and gives the outputs that would have come.

use std::fmt;
use std::pin::Pin;

use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

pub use crate::operation::{Request, Response};

/// An answer on its way.
pub type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Stands in AWS's place.
pub trait Port: fmt::Debug + Send + Sync {
    /// Answers a request, with a response of its kind.
    fn call(&self, request: Request) -> Answering;
}

/// Why a call has not been answered as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection broke: nobody knows whether it was done.
    Lost,
    /// It was refused with this HTTP status and error code.
    Refused(u16, &'static str),
}

impl Failure {
    pub(crate) fn error<E>(self, generic: impl FnOnce(ErrorMetadata) -> E) -> SdkError<E> {
        match self {
            Self::Lost => SdkError::dispatch_failure(ConnectorError::io("the connection broke".into())),
            Self::Refused(status, code) => refused(generic(ErrorMetadata::builder().code(code).message("refused").build()), status),
        }
    }
}

/// The error of a service that answers with this HTTP status.
pub fn refused<E>(error: E, status: u16) -> SdkError<E> {
    let status = status.try_into().unwrap_or_else(|_| 500u16.try_into().expect("500 is a status"));
    SdkError::service_error(error, HttpResponse::new(status, SdkBody::empty()))
}
