//! What the network sees of a call, whichever way it came, and what it answers.

use annals_aws::{Request, Response};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use bytes::Bytes;
use serde_json::Value;

use crate::chance::mix;

/// A call.
#[derive(Debug)]
pub struct Call {
    /// Such as `PutItem`.
    pub operation: String,
    /// The table, where it names one.
    pub table: String,
    /// What it is about: the first key in it.
    pub entity: String,
    /// The same for the same request, whatever the order of attributes in it.
    pub digest: u64,
    /// Whether it is a read that may show what was there before.
    pub eventual: bool,
    /// The request itself.
    pub carried: Carried,
}

/// A request on its way.
#[derive(Debug)]
pub enum Carried {
    /// As the SDKs send it.
    Wire(Box<Wired>),
    /// As a port gets it.
    Port(Request),
}

/// A request as the SDKs send it.
#[derive(Debug)]
pub struct Wired {
    /// The request.
    pub request: HttpRequest,
    /// Its body, read already.
    pub body: Value,
    /// What answers it: the embedded account.
    pub aws: SharedHttpConnector,
}

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// Status and body.
    Wire(u16, Bytes),
    /// As a port gives it.
    Port(Response),
}

impl Call {
    /// Refused for now.
    pub fn throttled(&self) -> Answer {
        let (status, code) = match self.operation.as_str() {
            "PutEvents" | "GenerateDataKey" | "Decrypt" => (400, "ThrottlingException"),
            "SendEmail" => (429, "TooManyRequestsException"),
            _ => (400, "ProvisionedThroughputExceededException"),
        };
        self.refused(status, code)
    }

    /// Failed inside.
    pub fn internal_error(&self) -> Answer {
        self.refused(500, "InternalServerError")
    }

    fn refused(&self, status: u16, code: &'static str) -> Answer {
        match &self.carried {
            Carried::Wire(_) => super::wire::refused(status, code),
            Carried::Port(request) => Answer::Port(request.failing()(annals_aws::Failure::Refused(status, code))),
        }
    }
}

impl Answer {
    /// The HTTP status that it has, or would have.
    pub fn status(&self) -> u16 {
        match self {
            Self::Wire(status, _) => *status,
            Self::Port(response) => {
                if response.is_ok() {
                    200
                } else {
                    400
                }
            }
        }
    }

    /// The same once more, of a read that may be shown again.
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Wire(status, body) => Some(Self::Wire(*status, body.clone())),
            Self::Port(response) => super::ports::again(response).map(Self::Port),
        }
    }
}

/// A hash of a text.
pub fn digest_of_text(text: &str) -> u64 {
    text.bytes().fold(17, |hash, byte| mix(hash ^ u64::from(byte)))
}

/// A hash of a JSON value that does not depend on the order of an object's members.
pub fn digest(value: &Value) -> u64 {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                if name == "ClientRequestToken" { 0 } else { mix(digest_of_text(name) ^ digest(value).rotate_left(7)) }
            };
            mix(members.iter().map(member).fold(1, u64::wrapping_add))
        }
        Value::Array(items) => items.iter().fold(2, |hash, item| mix(hash ^ digest(item))),
        Value::String(string) => digest_of_text(string),
        other => digest_of_text(&other.to_string()).wrapping_add(3),
    }
}
