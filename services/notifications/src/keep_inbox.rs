//! `/v1/me/inbox/{id}/read-mark`: a person marks what lies in their inbox as read, or to be read again.

use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::{StreamId, Version};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use notifications::inbox::{Mark, MarkItem, NoItem};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::caller::{Change, person};
use crate::deps::{KeepInboxDeps, SERVICE};

const FUNCTION: &str = "keep-inbox";
const PATH: &str = "/v1/me/inbox/{id}/read-mark";

/// What was marked.
#[derive(Serialize, JsonSchema)]
struct Marked {
    id: Uuid,
    /// For `min_version` of the next read.
    version: Version,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let of = |method, name, summary| {
        Route::new(method, PATH, name, summary)
            .function(FUNCTION)
            .for_oneself()
            .path::<Uuid>("id", "The item.")
            .answers::<Marked>(200, "It is so.", json!({ "id": "018f2c00-0000-7000-8000-000000000001", "version": 2 }))
            .refuses(503, &["unknown-outcome"])
    };
    [
        of(Method::Put, "mark-inbox-item-read", "Marks an item of the caller's inbox as read."),
        of(Method::Delete, "mark-inbox-item-unread", "Marks an item of the caller's inbox as to be read again."),
    ]
}

/// Answers 200 with the version; 404 where the caller's inbox has no such item.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &KeepInboxDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(mark(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

/// Cost: one strong Query, and 1 WCU where something changes.
async fn mark(event: &ApiGatewayV2httpRequest, deps: &KeepInboxDeps) -> Result<Response, Problem> {
    let (caller, user_id) = person(event)?;
    let mark = match event.route_key.as_deref() {
        Some("PUT /v1/me/inbox/{id}/read-mark") => Mark::Read,
        Some("DELETE /v1/me/inbox/{id}/read-mark") => Mark::Unread,
        _ => return Err(Problem::not_found("route")),
    };
    let notification_id: Uuid = http::path(event, "id", "item")?;
    let command = MarkItem { notification_id, user_id, mark };
    let stream = StreamId::of("NOTE", notification_id);
    let change = Change { function: FUNCTION, what: "item", stream: &stream, asked: notification_id.as_bytes(), command };
    let version = change.make(deps, &caller, |NoItem| Problem::not_found("item")).await?;
    let version = version.ok_or_else(|| Problem::not_found("item"))?;
    Ok(http::json(200, &Marked { id: notification_id, version }))
}
