//! Holds requests and answers of AWS's JSON protocols between transport and services.

use bytes::Bytes;
use serde_json::{Value, json};

/// A request to a service, whichever way it came.
pub(crate) type Request = http::Request<Bytes>;

/// What a service answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Bytes,
    /// The error's name for the `x-amzn-errortype` header, by which REST services tell errors apart.
    pub error: Option<String>,
    /// The error's name in the older query protocol and whose fault it is, where the service had one: `x-amzn-query-error`.
    pub query_error: Option<String>,
}

impl Answer {
    /// A success.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, body: body.into(), error: None, query_error: None }
    }

    /// A success with this document.
    pub fn json(body: &Value) -> Self {
        Self::ok(body.to_string())
    }

    /// A refusal: what the caller did is wrong.
    pub fn refused(code: &str, message: &str) -> Self {
        Self::error(400, code, message)
    }

    /// An error of the service.
    pub fn internal(message: &str) -> Self {
        Self::error(500, "InternalServerError", message)
    }

    /// An error with this status.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "__type": code, "message": message }).to_string();
        Self { status, body: body.into(), error: Some(code.to_owned()), query_error: None }
    }

    /// Whether the service did what was asked.
    pub fn is_ok(&self) -> bool {
        self.status < 300
    }
}

/// What the operations of the small services return: the document, or the refusal.
pub(crate) type Reply = Result<Value, Answer>;

/// The answer of a reply.
pub(crate) fn answer(reply: Reply) -> Answer {
    match reply {
        Ok(document) => Answer::json(&document),
        Err(refusal) => refusal,
    }
}
