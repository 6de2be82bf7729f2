//! Is the HTTP client of AWS SDKs in this process: requests go to the local account instead of the network.

use std::fmt;
use std::sync::{Arc, Weak};

use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::account::Account;
use crate::gateway::{self, Outcome};
use crate::randomness::uuid;
use crate::wire::{Answer, Request};

/// The client. It does not keep the account open: the account's own functions hold such clients.
#[derive(Clone)]
pub(crate) struct Transport(pub Weak<Account>);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, _settings: &HttpConnectorSettings, _components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Transport {
    /// Each call is a task: what a caller has under way at the same time runs at the same time, on whatever processor is free, as it would
    /// over a network. And a call whose caller has stopped waiting still runs. A runtime of one thread has no other processor, and its time
    /// may stand still until nobody can go on (tests): there the caller does it.
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answered = answered(self.0.upgrade(), request);
        match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => HttpConnectorFuture::new(answered),
            _ => {
                let called = tokio::spawn(answered);
                HttpConnectorFuture::new(async move { called.await.unwrap_or_else(|error| Err(ConnectorError::other(error.into(), None))) })
            }
        }
    }
}

async fn answered(account: Option<Arc<Account>>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let account = account.ok_or_else(|| ConnectorError::io("the local account is closed".into()))?;
    let request = read(request)?;
    // The signature is not checked here: whoever is in this process could read the secrets anyway, and
    // checking costs as much as a small read. The role still comes from the signed credentials.
    let principal = gateway::access_key_id(&request).and_then(|key| account.iam.principal(key));
    let outcome = match principal {
        Some(principal) => gateway::call(&account, principal, &request).await,
        None => Outcome::Answered(unknown_caller()),
    };
    match outcome {
        Outcome::Answered(answer) => write(answer, &account),
        Outcome::Lost => Err(ConnectorError::io("connection reset (injected)".into())),
    }
}

/// What AWS says of credentials it does not know.
pub(crate) fn unknown_caller() -> Answer {
    Answer::refused("UnrecognizedClientException", "The security token included in the request is invalid.")
}

fn read(request: HttpRequest) -> Result<Request, ConnectorError> {
    let (parts, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    let body =
        body.bytes().map(Bytes::copy_from_slice).ok_or_else(|| ConnectorError::user("streamed bodies are not supported here".into()))?;
    Ok(Request::from_parts(parts, body))
}

fn write(answer: Answer, account: &Account) -> Result<HttpResponse, ConnectorError> {
    let response = response(answer, account).map(SdkBody::from);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The answer as HTTP.
pub(crate) fn response(answer: Answer, account: &Account) -> http::Response<Bytes> {
    // No JSON begins so.
    let media_type = if answer.body.starts_with(b"<") { "text/xml" } else { "application/x-amz-json-1.0" };
    let mut response = http::Response::new(answer.body);
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    if let Ok(id) = http::HeaderValue::from_str(&uuid(&*account.config.randomness)) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(error) = answer.error.as_deref().and_then(|error| http::HeaderValue::from_str(error).ok()) {
        headers.insert("x-amzn-errortype", error);
    }
    if let Some(error) = answer.query_error.as_deref().and_then(|error| http::HeaderValue::from_str(error).ok()) {
        headers.insert("x-amzn-query-error", error);
    }
    response
}
