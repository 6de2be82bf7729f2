//! The HTTP edge of a function: what a request holds, and answers that people and programs can read.
//!
//! Errors are `application/problem+json` (RFC 9457). The detail says what was wrong and what to do, and never repeats a body, a
//! secret or an address.

use std::fmt::Display;
use std::str::FromStr;

use annals_kit::{Actor, Role, Tenant};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::header::{CONTENT_TYPE, HeaderName};
use aws_lambda_events::http::{HeaderMap, HeaderValue};
use base64::Engine;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer over HTTP.
pub type Response = ApiGatewayV2httpResponse;

/// Why a request has no better answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is, in kebab-case; programs may rely on it.
    pub code: &'static str,
    /// What is wrong with this request, and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem of this status, kind and detail.
    pub fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    /// 404: there is no such thing, or it is another tenant's.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not-found", format!("there is no such {what}"))
    }

    /// 503: nothing was written; try again with the same Idempotency-Key.
    pub fn busy() -> Self {
        Self::new(503, "busy", "nothing was written; try again in a moment with the same Idempotency-Key")
    }

    /// 500: our fault; the log has the reason.
    pub fn internal() -> Self {
        Self::new(500, "internal", "the request could not be carried out; nothing was written")
    }

    /// The answer.
    pub fn response(&self) -> Response {
        let title = self.code.replace('-', " ");
        let body = serde_json::json!({ "type": format!("urn:annals:problem:{}", self.code), "title": title, "status": self.status, "detail": self.detail });
        let mut response = text(self.status, "application/problem+json", body.to_string());
        if self.status == 503 {
            response.headers.insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer of this status with a JSON body.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(body) => text(status, "application/json", body),
        Err(_) => Problem::internal().response(),
    }
}

/// `response` with one header more; a value that is no header value is left out.
pub fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers.insert(HeaderName::from_static(name), value);
    }
    response
}

/// An answer of this status without a body.
pub fn empty(status: u16) -> Response {
    let mut response = Response::default();
    response.status_code = i64::from(status);
    response
}

/// An answer of this status with text of this content type.
pub fn text(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::default();
    response.status_code = i64::from(status);
    response.headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    response.body = Some(Body::Text(body));
    response
}

/// Who asks, as the authorizer in front of the function found out from a session or a key; never taken from a header or the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose data.
    pub tenant: Tenant,
    /// Who.
    pub actor: Actor,
    /// What they may do.
    pub role: Role,
}

/// Who asks, if their role is one of these: the first line of every function behind the authorizer.
pub fn caller(event: &ApiGatewayV2httpRequest, roles: &[Role]) -> Result<Caller, Problem> {
    let who = || {
        let (tenant, actor, role) = (verified(event, "tenant")?, verified(event, "actor")?, verified(event, "role")?);
        Some(Caller { tenant: tenant.parse().ok()?, actor: actor.parse().ok()?, role: role.parse().ok()? })
    };
    let caller =
        who().ok_or_else(|| Problem::new(401, "unauthorized", "log in, or use an API key, and send it as `Authorization: Bearer ...`"))?;
    match roles.contains(&caller.role) {
        true => Ok(caller),
        false => Err(Problem::new(403, "forbidden", format!("someone of role {} may not do this", caller.role))),
    }
}

/// Refuses unless the service of this name asks, by a key of its own.
pub fn service(event: &ApiGatewayV2httpRequest, names: &[&str]) -> Result<Actor, Problem> {
    let name = verified(event, "service").filter(|name| names.contains(name)).and_then(|name| name.parse().ok());
    name.ok_or_else(|| Problem::new(403, "forbidden", "only other services may ask this"))
}

/// What the authorizer has found out under this name.
pub fn verified<'a>(event: &'a ApiGatewayV2httpRequest, name: &str) -> Option<&'a str> {
    event.request_context.authorizer.as_ref()?.fields.get(name)?.as_str()
}

/// The bytes of the body, at most `limit` of them.
pub fn body(event: &ApiGatewayV2httpRequest, limit: usize) -> Result<Vec<u8>, Problem> {
    let text = event.body.as_deref().unwrap_or_default();
    let too_large = || Problem::new(413, "too-large", format!("the body may have at most {limit} bytes"));
    if text.len() > limit.saturating_mul(2) {
        return Err(too_large());
    }
    let bytes = match event.is_base64_encoded {
        true => {
            base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| Problem::new(400, "malformed", "the body is not base64"))?
        }
        false => text.as_bytes().to_vec(),
    };
    if bytes.len() > limit { Err(too_large()) } else { Ok(bytes) }
}

/// The body as JSON of this form: no unknown fields where the type denies them, no wrong types.
pub fn json_body<T: DeserializeOwned>(event: &ApiGatewayV2httpRequest, limit: usize) -> Result<T, Problem> {
    let bytes = body(event, limit)?;
    serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::new(400, "invalid", format!("the body does not fit: {}", printable(&error))),
        _ => Problem::new(400, "malformed", format!("the body is not JSON: {}", printable(&error))),
    })
}

/// A part of the path, such as `id`.
pub fn path<T: FromStr>(event: &ApiGatewayV2httpRequest, name: &str, what: &str) -> Result<T, Problem> {
    // An id that cannot exist is "not found", as one that does not is.
    event.path_parameters.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| Problem::not_found(what))
}

/// A query parameter, if it is there.
pub fn query<T: FromStr<Err: Display>>(event: &ApiGatewayV2httpRequest, name: &str) -> Result<Option<T>, Problem> {
    let text = event.query_string_parameters.first(name);
    text.map(str::parse).transpose().map_err(|error| Problem::new(400, "invalid", format!("`{name}`: {}", printable(&error))))
}

/// A header, if it is there and text.
pub fn header<'a>(event: &'a ApiGatewayV2httpRequest, name: &str) -> Option<&'a str> {
    event.headers.get(name).and_then(|value| value.to_str().ok())
}

/// The Idempotency-Key: 1 to 200 printable ASCII characters.
pub fn idempotency_key(event: &ApiGatewayV2httpRequest) -> Result<Option<&str>, Problem> {
    let Some(value) = event.headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=200).contains(&text.len()));
    text.map(Some).ok_or_else(|| Problem::new(400, "invalid", "Idempotency-Key takes 1 to 200 printable ASCII characters"))
}

/// A message without control characters and not long: it goes into answers and logs.
fn printable(message: &impl Display) -> String {
    message.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}
