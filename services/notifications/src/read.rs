//! Notifications' reads over HTTP: one function, one arm per route, each one listed pattern.

use annals_contract::Route;
use annals_kit::{CustomerId, Role};
use annals_lambda::causes;
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_reads::{PageRequest, Params, ReadError};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use notifications::rows::NotificationRow;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deps::ReadDeps;

const FUNCTION: &str = "read-notifications";
const PAGE_DEFAULT: u32 = 20;
const PAGE_MOST: u32 = 100;
/// Who looks after customers, and who checks that it is done. What is sent to whom says who owes money.
const READERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];

/// One page of a list.
#[derive(Serialize, JsonSchema)]
struct Page {
    items: Vec<NotificationRow>,
    /// For `page` of the next request; null after the last page.
    next: Option<String>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let get = |path, name, summary| Route::get(path, name, summary).function(FUNCTION).admits(&READERS);
    [
        get("/v1/notifications/{id}", "get-notification", "Shows a notification.")
            .path::<Uuid>("id", "The notification.")
            .answers::<NotificationRow>(200, "The notification, without address and text.", example()),
        get("/v1/users/{id}/notifications", "list-notifications", "Lists what was sent to somebody, the newest first.")
            .path::<CustomerId>("id", "To whom.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page>(200, "A page of notifications.", json!({ "items": [example()], "next": null })),
    ]
}

fn example() -> Value {
    json!({
        "id": "018f2c00-0000-7000-8000-000000000001", "user_id": "ada", "kind": "receipt", "status": "sent",
        "created_at": "2026-01-31T09:30:00.000000Z",
    })
}

/// Answers 200 with the row or the page, 404 where there is none of the tenant's.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &ReadDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    Ok(Box::pin(read(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response()))
}

async fn read(event: &ApiGatewayV2httpRequest, deps: &ReadDeps) -> Result<Response, Problem> {
    let caller = http::caller(event, &READERS)?;
    match event.route_key.as_deref().unwrap_or_default() {
        "GET /v1/notifications/{id}" => one(event, deps, &caller).await,
        "GET /v1/users/{id}/notifications" => list(event, deps, &caller).await,
        _ => Err(Problem::not_found("route")),
    }
}

/// Cost: 0.5 RCU.
async fn one(event: &ApiGatewayV2httpRequest, deps: &ReadDeps, caller: &Caller) -> Result<Response, Problem> {
    let id: Uuid = http::path(event, "id", "notification")?;
    let params = Params::new().text("id", id.to_string());
    let row: Option<NotificationRow> = deps.reads.get("get_notification", caller.tenant.as_str(), &params).await.map_err(problem)?;
    row.map(|row| http::json(200, &row)).ok_or_else(|| Problem::not_found("notification"))
}

/// Cost: one Query, 0.5 RCU per 4 KB of entries.
async fn list(event: &ApiGatewayV2httpRequest, deps: &ReadDeps, caller: &Caller) -> Result<Response, Problem> {
    let user: CustomerId = http::path(event, "id", "user")?;
    let limit = http::query::<u32>(event, "limit")?.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(Problem::new(400, "invalid", format!("`limit` is 1 to {PAGE_MOST}")));
    }
    let page = PageRequest { limit, token: http::query(event, "page")? };
    let params = Params::new().text("user_id", user.as_str());
    let page = deps.reads.page::<NotificationRow>("list_notifications_by_user", caller.tenant.as_str(), &params, page).await;
    let page = page.map_err(problem)?;
    Ok(http::json(200, &Page { items: page.items, next: page.next }))
}

/// What a failed read is answered with.
fn problem(error: ReadError) -> Problem {
    match error {
        ReadError::BadParameter { name, reason } => Problem::new(400, "invalid", format!("{name} {reason}")),
        ReadError::BadToken => Problem::new(400, "invalid", "`page` is not a token of this list; start again without it"),
        ReadError::Busy { .. } => Problem::new(503, "busy", "try again in a moment"),
        ReadError::Failed { source } => {
            tracing::error!(error = causes(&*source), "read failed");
            Problem::internal()
        }
    }
}
