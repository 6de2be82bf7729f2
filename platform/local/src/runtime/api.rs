//! Answers one process as the Lambda runtime API does, version 2018-06-01: next, response, error, init error.
//!
//! Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes", and its OpenAPI document.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::Invocation;
use crate::engine::lock;
use crate::functions::FunctionError;
use crate::server;

/// The largest answer of a buffered invocation: 6 MB and what Lambda adds for its envelope.
const MOST_ANSWERED: usize = 6_291_556;
const PREFIX: &str = "/2018-06-01/runtime/";

/// What a process said.
pub(super) enum Said {
    /// It waits for its next event.
    Next(oneshot::Sender<Arc<Invocation>>),
    /// It answered the event that it has.
    Answered(Result<Value, FunctionError>),
    /// It cannot start.
    InitFailed(FunctionError),
}

/// The API of one environment. It ends when dropped, and with it every open connection.
pub(super) struct RuntimeApi {
    pub address: SocketAddr,
    pub said: mpsc::UnboundedReceiver<Said>,
    current: Current,
    _server: JoinSet<()>,
}

/// The request id of the event that the process has and has not answered.
type Current = Arc<Mutex<Option<String>>>;

#[derive(Clone)]
struct Endpoint {
    say: mpsc::UnboundedSender<Said>,
    current: Current,
}

impl RuntimeApi {
    /// Listens on a port of its own.
    pub async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (say, said) = mpsc::unbounded_channel();
        let current = Current::default();
        let endpoint = Endpoint { say, current: current.clone() };
        let mut server = JoinSet::new();
        server.spawn(accept(listener, endpoint));
        Ok(Self { address, said, current, _server: server })
    }

    /// From now on the process owes an answer to this request.
    pub fn owes(&self, request_id: &str) {
        *lock(&self.current) = Some(request_id.to_owned());
    }
}

async fn accept(listener: TcpListener, endpoint: Endpoint) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // The process waits for each of these small answers.
        let _ = stream.set_nodelay(true);
        let endpoint = endpoint.clone();
        connections.spawn(async move {
            let service = service_fn(|request| endpoint.answer(request));
            // No time limit: a process waits for its next event as long as there is none.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Endpoint {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, body) = request.into_parts();
        let path: Vec<_> = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default().split('/').collect();
        let answer = match (&parts.method, &path[..]) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => match server::read(body, MOST_ANSWERED).await {
                Ok(body) => self.answered(id, body.as_deref()),
                Err(_) => refused(StatusCode::BAD_REQUEST, "InvalidRequest", "The answer broke off."),
            },
            (&Method::POST, ["invocation", id, "error"]) => match server::read(body, MOST_ANSWERED).await {
                Ok(body) => self.failed(id, &function_error(&parts.headers, body.as_deref())),
                Err(_) => refused(StatusCode::BAD_REQUEST, "InvalidRequest", "The error broke off."),
            },
            (&Method::POST, ["init", "error"]) => match server::read(body, MOST_ANSWERED).await {
                Ok(body) => self.say(Said::InitFailed(function_error(&parts.headers, body.as_deref()))),
                Err(_) => refused(StatusCode::BAD_REQUEST, "InvalidRequest", "The error broke off."),
            },
            _ => refused(StatusCode::NOT_FOUND, "NotFound", "The runtime API has no such resource."),
        };
        Ok(answer)
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        if lock(&self.current).is_some() {
            return refused(StatusCode::FORBIDDEN, "InvalidStateTransition", "The event before was not answered.");
        }
        let (give, given) = oneshot::channel();
        let _ = self.say.send(Said::Next(give));
        match given.await {
            Ok(invocation) => event(&invocation),
            Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "Closing", "The environment ends."),
        }
    }

    fn answered(&self, id: &str, body: Option<&[u8]>) -> Response<Full<Bytes>> {
        if !self.settles(id) {
            return unknown_request();
        }
        let Some(body) = body else {
            let message = format!("Response payload size exceeded maximum allowed payload size ({MOST_ANSWERED} bytes).");
            self.say(Said::Answered(Err(FunctionError::new("Function.ResponseSizeTooLarge", message))));
            let message = format!("Exceeded maximum allowed payload size ({MOST_ANSWERED} bytes).");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
        };
        let answer = serde_json::from_slice(body)
            .map_err(|error| FunctionError::new("Runtime.InvalidResponse", format!("the function's answer is not JSON: {error}")));
        self.say(Said::Answered(answer))
    }

    fn failed(&self, id: &str, error: &FunctionError) -> Response<Full<Bytes>> {
        if self.settles(id) { self.say(Said::Answered(Err(error.clone()))) } else { unknown_request() }
    }

    /// Whether this is the request that the process owes an answer to; it then owes none any more.
    fn settles(&self, id: &str) -> bool {
        lock(&self.current).take_if(|current| current == id).is_some()
    }

    fn say(&self, said: Said) -> Response<Full<Bytes>> {
        let _ = self.say.send(said);
        response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
    }
}

/// An event as a process gets it.
fn event(invocation: &Invocation) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(invocation.event.clone()));
    let deadline = invocation.deadline.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &invocation.request_id),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", &invocation.arn),
        ("lambda-runtime-trace-id", &invocation.trace_id),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The error in the form that Lambda asks for: a body of type and message, the type in a header as well.
fn function_error(headers: &HeaderMap, body: Option<&[u8]>) -> FunctionError {
    let body: Value = body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let kind = body["errorType"].as_str().or(header).unwrap_or("Runtime.Unknown");
    FunctionError::new(kind, body["errorMessage"].as_str().unwrap_or_default())
}

fn unknown_request() -> Response<Full<Bytes>> {
    refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    response(status, &json!({ "errorType": kind, "errorMessage": message }))
}

fn response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
