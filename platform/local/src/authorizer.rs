//! Asks a REQUEST authorizer before a route's function, as API Gateway's HTTP API does: payload format 2.0, simple responses, no cache.
//!
//! Source: API Gateway Developer Guide, "Control access to HTTP APIs with AWS Lambda authorizers". The one identity source is the header
//! `Authorization`: a request without it is refused before anything is invoked.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::arn;
use crate::problem::problem;

/// The context that the authorizer gives to the function, or the refusal. `event` is what the function would get.
pub(crate) async fn ask(account: &Account, authorizer: &str, event: &Value) -> Result<Map<String, Value>, Box<Response<Bytes>>> {
    let Some(identity) = event["headers"]["authorization"].as_str().filter(|identity| !identity.is_empty()) else {
        let detail = "log in, or use an API key, and send it as `Authorization: Bearer ...`";
        return Err(Box::new(problem(StatusCode::UNAUTHORIZED, "unauthorized", detail)));
    };
    match account.functions.invoke_now(authorizer, request(event, identity)).await {
        Ok(answer) if answer["isAuthorized"] == true => Ok(answer["context"].as_object().cloned().unwrap_or_default()),
        Ok(answer) if answer["isAuthorized"] == false => {
            let detail = "the session or key is not valid, or no longer";
            Err(Box::new(problem(StatusCode::FORBIDDEN, "forbidden", detail)))
        }
        Ok(_) | Err(_) => {
            let detail = "it could not be found out who asks; nothing was done";
            Err(Box::new(problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)))
        }
    }
}

/// What the authorizer gets: all of the request but its body.
fn request(event: &Value, identity: &str) -> Value {
    let mut request = json!({
        "type": "REQUEST",
        "routeArn": format!("arn:aws:execute-api:{}:{}:local/$default/{}", arn::REGION, arn::ACCOUNT, event["routeKey"].as_str().unwrap_or_default().replacen(" /", "/", 1)),
        "identitySource": [identity],
        "stageVariables": {},
    });
    for name in [
        "version",
        "routeKey",
        "rawPath",
        "rawQueryString",
        "cookies",
        "headers",
        "queryStringParameters",
        "requestContext",
        "pathParameters",
    ] {
        if let Some(value) = event.get(name) {
            request[name] = value.clone();
        }
    }
    request
}
