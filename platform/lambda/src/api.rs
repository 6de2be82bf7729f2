//! Asks another service's API, as the clients do that are generated from contracts: one request, a limit in time, and its problems by name.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::web::Web;

/// What stands before a problem's code in its `type`.
const URN: &str = "urn:annals:problem:";
/// What a path has as it is (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A service's API, asked with a key.
#[derive(Clone)]
pub struct ApiClient {
    web: Arc<dyn Web>,
    base: String,
    key: String,
    timeout: Duration,
}

/// One operation of a contract.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The method.
    pub method: &'static str,
    /// The status of its one good answer.
    pub answer: u16,
    /// Its problems: status and code.
    pub problems: &'static [(u16, &'static str)],
}

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The API says no, for a reason that its contract names: do as the contract says of it.
    #[error("refused with {status} {code}")]
    Refused {
        /// The status.
        status: u16,
        /// The reason.
        code: &'static str,
    },
    /// There is no answer, or none that the contract knows, as from what stands before the API during a deploy. It may have been done: ask
    /// again later.
    #[error("no answer that its contract knows: {0}")]
    Unavailable(String),
}

/// What is read of a problem.
#[derive(Deserialize)]
struct Problem {
    r#type: String,
}

/// A part of a path, whatever it holds.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

impl ApiClient {
    /// Asks over `web` at `base`, such as `https://api.example.com`, with this key; each answer must be there within `timeout`.
    pub fn new(web: Arc<dyn Web>, base: impl Into<String>, key: impl Into<String>, timeout: Duration) -> Self {
        Self { web, base: base.into(), key: key.into(), timeout }
    }

    /// Asks for `operation` at `path`.
    pub async fn ask<T: DeserializeOwned>(&self, operation: Operation, path: &str) -> Result<T, AskError> {
        self.send(operation, path, Bytes::new()).await
    }

    /// Asks for `operation` at `path` with a body.
    pub async fn ask_with<T: DeserializeOwned>(&self, operation: Operation, path: &str, body: &impl Serialize) -> Result<T, AskError> {
        let body = serde_json::to_vec(body).map_err(|error| unavailable(&error))?;
        self.send(operation, path, body.into()).await
    }

    async fn send<T: DeserializeOwned>(&self, operation: Operation, path: &str, body: Bytes) -> Result<T, AskError> {
        let request = http::Request::builder().method(operation.method).uri(format!("{}{path}", self.base));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.key)).header(CONTENT_TYPE, "application/json");
        let request = request.body(body).map_err(|error| unavailable(&error))?;
        let answer = tokio::time::timeout(self.timeout, self.web.call(request)).await.map_err(|error| unavailable(&error))?;
        // Not the error's own words, here and below: they may repeat what was answered.
        let answer = answer.map_err(|_| unavailable(&"the connection failed"))?;
        let status = answer.status().as_u16();
        if status == operation.answer {
            return serde_json::from_slice(answer.body()).map_err(|_| unavailable(&"the body has another form"));
        }
        Err(operation.refusal(status, answer.body()).unwrap_or_else(|| unavailable(&format_args!("status {status}"))))
    }
}

impl Operation {
    /// The problem of the contract that this answer is.
    fn refusal(&self, status: u16, body: &[u8]) -> Option<AskError> {
        let problem: Problem = serde_json::from_slice(body).ok()?;
        let told = problem.r#type.strip_prefix(URN)?;
        let (status, code) = *self.problems.iter().find(|known| **known == (status, told))?;
        Some(AskError::Refused { status, code })
    }
}

fn unavailable(reason: &dyn std::fmt::Display) -> AskError {
    AskError::Unavailable(reason.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::web::{Answering, BoxError};

    const HOLDER: Operation = Operation { method: "GET", answer: 200, problems: &[(404, "not-found"), (409, "exists")] };

    /// Answers every request alike; without an answer, never.
    struct Alike(Option<(u16, Value)>);

    impl Web for Alike {
        fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
            assert_eq!(request.headers()[AUTHORIZATION], "Bearer k");
            Box::pin(async move {
                let Some((status, body)) = &self.0 else { return std::future::pending().await };
                let answer = http::Response::builder().status(*status).body(Bytes::from(body.to_string()));
                answer.map_err(|error| -> BoxError { error.into() })
            })
        }
    }

    async fn asked(answer: Option<(u16, Value)>) -> Result<String, AskError> {
        ApiClient::new(Arc::new(Alike(answer)), "http://api", "k", Duration::from_secs(2)).ask(HOLDER, "/v1/tickets/1/holder").await
    }

    fn problem(code: &str) -> Value {
        json!({ "type": format!("urn:annals:problem:{code}"), "title": "t", "status": 404, "detail": "d" })
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_answer_is_read_and_a_problem_of_the_contract_is_named() {
        assert_eq!(asked(Some((200, json!("Ada")))).await, Ok("Ada".into()));
        assert_eq!(asked(Some((404, problem("not-found")))).await, Err(AskError::Refused { status: 404, code: "not-found" }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_contract_does_not_know_is_no_answer() {
        let cases =
            [Some((404, json!("no such host"))), Some((404, problem("exists"))), Some((201, json!("Ada"))), Some((200, json!(7))), None];
        for answer in cases {
            let told = asked(answer.clone()).await;
            assert!(matches!(told, Err(AskError::Unavailable(_))), "{answer:?}: {told:?}");
        }
    }

    #[test]
    fn a_part_of_a_path_stays_one() {
        assert_eq!(segment("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
        assert_eq!(segment("ada-1_x.~"), "ada-1_x.~");
    }
}
