//! The schedules: which functions are ticked, how often, and a tick by hand.

use std::time::Duration;

use annals_lambda::http::{self, Problem, Response};
use annals_local::Local;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::json;

/// The scheduled functions. A tick may come twice or not at all: each does what is due by the clock.
pub const SCHEDULED: [&str; 2] = ["generate-due-invoices", "run-dunning"];
/// How often: an invoice may be this late, and a tick that finds nothing costs 4 RCU.
const EVERY: Duration = Duration::from_secs(300);

/// Ticks every scheduled function for as long as it is polled.
pub async fn run(local: &Local) {
    let mut interval = tokio::time::interval(EVERY);
    loop {
        interval.tick().await;
        for function in SCHEDULED {
            // What fails is logged by the host; the next tick tries again.
            let _ = local.invoke(function, json!({})).await;
        }
    }
}

/// Answers with what the tick of one scheduled function did.
pub(super) async fn by_hand(event: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    let asked: Result<String, Problem> = http::path(&event.payload, "function", "scheduled function");
    let known = asked.ok().and_then(|asked| SCHEDULED.into_iter().find(|function| *function == asked));
    let Some(function) = known else { return Ok(Problem::not_found("scheduled function").response()) };
    Ok(match local.invoke(function, json!({})).await {
        Ok(report) => http::json(200, &report),
        Err(error) => Problem::new(503, "tick-failed", error.to_string()).response(),
    })
}
