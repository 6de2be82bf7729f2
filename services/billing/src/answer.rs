//! A request as the log takes it, and what is noted of one that the domain refused.

use annals_answers::request_bytes;
use annals_kit::{Actor, CommandId, Tenant};
use annals_lambda::http::{Caller, Problem};
use annals_lambda::{Metric, http};
use annals_log::Request;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::Serialize;

use crate::deps::{Deps, SERVICE};

/// A request as the log takes it. The command id is made of the Idempotency-Key, or new where there is none.
pub(crate) fn request(deps: &Deps, caller: &Caller, event: &ApiGatewayV2httpRequest, asked: &impl Serialize) -> Result<Request, Problem> {
    let command = match http::idempotency_key(event)? {
        Some(key) => CommandId::derived(&caller.tenant, key),
        None => CommandId(deps.ids.uuid()),
    };
    Ok(Request::new(&caller.tenant, caller.actor.clone(), command, &request_bytes(event, asked)))
}

/// Notes a refusal by the domain as a fact of the actor's, and counts it.
pub(crate) async fn note_refusal(deps: &Deps, (tenant, actor): (&Tenant, &Actor), function: &'static str, problem: &Problem) {
    if matches!(problem.status, 409 | 422) {
        deps.metrics.count(SERVICE, Metric::CommandRefused, 1, function);
        deps.access.refused(tenant, actor, function, problem.code).await;
    }
}
