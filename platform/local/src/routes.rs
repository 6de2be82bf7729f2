//! Hands HTTP requests to functions as API Gateway's HTTP API does, payload format 2.0, and their answers back.

use std::collections::BTreeMap;

use annals_kit::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::DateTime;
use http::header::{ALLOW, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::authorizer;
use crate::config::Route;
use crate::functions::{NO_FUNCTION, TIMED_OUT};
use crate::problem::problem;
use crate::randomness::uuid;

/// The largest body that is taken.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;
/// What a client is told when a function began and did not answer.
const OUTCOME_UNKNOWN: &str = "it may or may not have been carried out; ask again with the same Idempotency-Key to find out";

/// The routes.
pub(crate) struct Routes(matchit::Router<BTreeMap<String, Route>>);

/// The route of a request and what its path says.
pub(crate) struct Found<'a> {
    route: &'a Route,
    parameters: Map<String, Value>,
}

impl Routes {
    pub fn new(routes: &[Route]) -> Result<Self, String> {
        let mut by_path: BTreeMap<String, BTreeMap<String, Route>> = BTreeMap::new();
        for route in routes {
            let method = route.method.to_ascii_uppercase();
            if by_path.entry(matchit_path(&route.path)).or_default().insert(method, route.clone()).is_some() {
                return Err(format!("the route {} {} is there twice", route.method, route.path));
            }
        }
        let mut router = matchit::Router::new();
        for (path, methods) in by_path {
            router.insert(path, methods).map_err(|error| error.to_string())?;
        }
        Ok(Self(router))
    }

    /// The route, or the refusal.
    fn find(&self, method: &Method, path: &str) -> Result<Found<'_>, Box<Response<Bytes>>> {
        let found =
            self.0.at(path).map_err(|_| Box::new(problem(StatusCode::NOT_FOUND, "no-such-path", "there is nothing at this path")))?;
        let methods = found.value;
        let Some(route) = methods.get(method.as_str()).or_else(|| methods.get("ANY")) else {
            return Err(Box::new(not_allowed(methods.keys())));
        };
        let mut parameters = Map::new();
        for (name, value) in found.params.iter() {
            let decoded = percent_decode_str(value).decode_utf8();
            let decoded = decoded.map_err(|_| Box::new(problem(StatusCode::BAD_REQUEST, "malformed", "the path is not UTF-8")))?;
            parameters.insert(name.to_owned(), decoded.into());
        }
        Ok(Found { route, parameters })
    }
}

/// Answers a request. The body is whole; see [`MOST_BYTES`] for how much the server reads.
pub(crate) async fn serve(account: &Account, request: Request<Bytes>, source_ip: &str) -> Response<Bytes> {
    let found = match account.routes.find(request.method(), request.uri().path()) {
        Ok(found) => found,
        Err(refusal) => return *refusal,
    };
    if request.body().len() > MOST_BYTES {
        return too_large();
    }
    let mut event = event(account, &request, &found, source_ip);
    if let Some(authorizer) = &found.route.authorizer {
        match authorizer::ask(account, authorizer, &event).await {
            Ok(context) => event["requestContext"]["authorizer"] = json!({ "lambda": context }),
            Err(refusal) => return *refusal,
        }
    }
    match account.functions.invoke_now(&found.route.function, event).await {
        Ok(answer) => response(answer).unwrap_or_else(|| {
            tracing::error!(function = found.route.function, "the function's answer is not an HTTP response");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", OUTCOME_UNKNOWN)
        }),
        Err(error) if error.is_throttled() => throttled(),
        Err(error) if error.kind == TIMED_OUT => problem(StatusCode::GATEWAY_TIMEOUT, "unknown-outcome", OUTCOME_UNKNOWN),
        Err(error) if error.kind == NO_FUNCTION => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "nothing is installed that could handle the request; nothing was done")
        }
        // It failed on the way, and may have done its work before that.
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", OUTCOME_UNKNOWN),
    }
}

/// What API Gateway answers while as many invocations run as may: nothing ran.
fn throttled() -> Response<Bytes> {
    let mut response = problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "too many requests at the same time, nothing was done; try again in a moment with the same Idempotency-Key",
    );
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The refusal of a body over the limit.
pub(crate) fn too_large() -> Response<Bytes> {
    problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "a request body may have 1 MiB at most")
}

fn not_allowed<'a>(methods: impl Iterator<Item = &'a String>) -> Response<Bytes> {
    let methods = methods.map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", &format!("this path takes {methods}"));
    if let Ok(allow) = HeaderValue::from_str(&methods) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// API Gateway writes `{rest+}` where matchit writes `{*rest}`.
fn matchit_path(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix("+}")) {
        Some(name) => format!("{{*{name}}}"),
        None => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

pub(crate) fn event(account: &Account, request: &Request<Bytes>, found: &Found<'_>, source_ip: &str) -> Value {
    let headers = request.headers();
    let now = account.clock.now();
    let route_key = format!("{} {}", found.route.method, found.route.path);
    let path = request.uri().path();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.uri().query().unwrap_or_default(),
        "headers": event_headers(headers),
        "requestContext": {
            "accountId": crate::arn::ACCOUNT,
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {
                "method": request.method().as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": text(headers, &USER_AGENT),
            },
            "requestId": uuid(&*account.config.randomness),
            "routeKey": route_key,
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": now.micros() / 1000,
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<_> =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split("; ")).collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = query_parameters(query);
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = found.parameters.clone().into();
    }
    match std::str::from_utf8(request.body()) {
        Ok("") => {}
        Ok(body) => event["body"] = body.into(),
        Err(_) => {
            event["body"] = BASE64_STANDARD.encode(request.body()).into();
            event["isBase64Encoded"] = true.into();
        }
    }
    event
}

/// Headers in lower case; one that is there several times is joined with commas.
fn event_headers(headers: &HeaderMap) -> Value {
    let names = headers.keys().filter(|name| *name != COOKIE);
    Value::Object(names.map(|name| (name.as_str().to_owned(), text(headers, name).into())).collect())
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect::<Vec<_>>().join(",")
}

fn query_parameters(query: &str) -> Value {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|values| *values = format!("{values},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    json!(parameters)
}

fn common_log_time(now: Timestamp) -> String {
    let time = DateTime::from_timestamp_micros(now.micros()).unwrap_or_default();
    time.format("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// A function's answer as HTTP. Without a status code the whole answer is the body, as on API Gateway.
fn response(answer: Value) -> Option<Response<Bytes>> {
    let Some(status) = answer.get("statusCode") else {
        let mut response = Response::new(Bytes::from(answer.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    };
    let body = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"].as_bool() {
        Some(true) => Bytes::from(BASE64_STANDARD.decode(body).ok()?),
        _ => Bytes::copy_from_slice(body.as_bytes()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status.as_u64()?).ok()?).ok()?;
    let headers = response.headers_mut();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.append(HeaderName::try_from(name).ok()?, header(value)?);
    }
    for (name, values) in answer["multiValueHeaders"].as_object().into_iter().flatten() {
        for value in values.as_array()? {
            headers.append(HeaderName::try_from(name).ok()?, header(value)?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(SET_COOKIE, header(cookie)?);
    }
    Some(response)
}

fn header(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::try_from(text).ok(),
        other => HeaderValue::try_from(other.to_string()).ok(),
    }
}
