//! Words the refusals of the HTTP host itself as RFC 9457 problems, without internals.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

/// A problem: status, kind in kebab-case, and what to do about it; in the form that functions answer with as well.
pub(crate) fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Bytes> {
    let title = code.replace('-', " ");
    let body = json!({ "type": format!("urn:annals:problem:{code}"), "title": title, "status": status.as_u16(), "detail": detail });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
