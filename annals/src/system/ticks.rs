//! A scheduled function's run, by hand: what its schedule does, now.

use annals_lambda::http::{self, Problem, Response};
use annals_local::Local;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::json;

use super::contracts;

/// Answers with what the tick of one scheduled function did.
pub(super) async fn by_hand(event: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    let asked: Result<String, Problem> = http::path(&event.payload, "function", "scheduled function");
    let known = asked.ok().and_then(|asked| contracts::scheduled().find(|function| *function == asked));
    let Some(function) = known else { return Ok(Problem::not_found("scheduled function").response()) };
    Ok(match local.invoke(function, json!({})).await {
        Ok(report) => http::json(200, &report),
        Err(error) => Problem::new(503, "tick-failed", error.to_string()).response(),
    })
}
