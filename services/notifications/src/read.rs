//! Notifications' reads over HTTP: one function, one arm per route, each one listed pattern.

use annals_contract::Route;
use annals_kit::{CustomerId, Recorded, Role, StreamId, Timestamp, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_log::Commit;
use annals_reads::{Page as ReadPage, PageRequest, Params};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use notifications::note::{Kind, NoteEvent};
use notifications::rows::NotificationRow;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{internal, person, read_problem};
use crate::deps::ReadDeps;

const FUNCTION: &str = "read-notifications";
const PAGE_DEFAULT: u32 = 20;
const PAGE_MOST: u32 = 100;
/// Who looks after customers, and who checks that it is done. What is sent to whom says who owes money.
const READERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];

/// A row with the version of the stream that it shows.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shown<R> {
    #[serde(flatten)]
    row: R,
    #[serde(rename(serialize = "version", deserialize = "ver"))]
    version: u64,
}

/// What lies in the caller's inbox.
#[derive(Serialize, Deserialize, JsonSchema)]
struct InboxItem {
    id: Uuid,
    /// What it is about. There are more kinds as there is more to tell.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    kind: Kind,
    title: String,
    text: String,
    created_at: Timestamp,
    /// Since when it is read; none where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_at: Option<Timestamp>,
}

impl InboxItem {
    /// The item that a row is in this person's inbox; `None` where it lies in no inbox, or in another's.
    fn of(row: NotificationRow, user: Uuid) -> Option<Self> {
        let NotificationRow { id, kind, created_at, inbox, title, text, read_at, .. } = row;
        let (Some(title), Some(text)) = (title, text) else { return None };
        (inbox == Some(user)).then_some(Self { id, kind, title, text, created_at, read_at })
    }
}

/// One page of a list.
#[derive(Serialize, JsonSchema)]
struct Page<R> {
    items: Vec<R>,
    /// For `page` of the next request; null after the last page.
    next: Option<String>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 4] {
    let get = |path, name, summary| Route::get(path, name, summary).function(FUNCTION);
    let with_version = |mut row: Value| {
        row["version"] = 1.into();
        row
    };
    [
        get("/v1/notifications/{id}", "get-notification", "Shows a notification.")
            .admits(&READERS)
            .path::<Uuid>("id", "The notification.")
            .min_version()
            .answers::<Shown<NotificationRow>>(200, "The notification, without address.", with_version(example())),
        get("/v1/users/{id}/notifications", "list-notifications", "Lists what somebody was told, by whichever way, the newest first.")
            .admits(&READERS)
            .path::<CustomerId>("id", "To whom.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<NotificationRow>>(200, "A page of notifications.", json!({ "items": [example()], "next": null })),
        get("/v1/me/inbox", "list-inbox", "Lists what lies in the caller's inbox, the newest first.")
            .for_oneself()
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<InboxItem>>(200, "A page of items.", json!({ "items": [item()], "next": null })),
        get("/v1/me/inbox/{id}", "get-inbox-item", "Shows an item of the caller's inbox.")
            .for_oneself()
            .path::<Uuid>("id", "The item.")
            .min_version()
            .answers::<Shown<InboxItem>>(200, "The item.", with_version(item())),
    ]
}

fn example() -> Value {
    json!({
        "id": "018f2c00-0000-7000-8000-000000000001", "user_id": "ada", "channel": "email", "kind": "receipt", "status": "sent",
        "created_at": "2026-01-31T09:30:00.000000Z",
    })
}

fn item() -> Value {
    json!({
        "id": "018f2c00-0000-7000-8000-000000000001", "kind": "receipt", "title": "Receipt: 49.00 EUR",
        "text": "We have received 49.00 EUR.", "created_at": "2026-01-31T09:30:00.000000Z", "read_at": "2026-01-31T12:00:00.000000Z",
    })
}

/// Answers 200 with the row or the page, 404 where there is none of the tenant's, or none in the caller's inbox.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &ReadDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    Ok(Box::pin(read(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response()))
}

async fn read(event: &ApiGatewayV2httpRequest, deps: &ReadDeps) -> Result<Response, Problem> {
    match event.route_key.as_deref().unwrap_or_default() {
        "GET /v1/notifications/{id}" => {
            let caller = http::caller(event, &READERS)?;
            Ok(http::json(200, &one(event, deps, &caller, "notification").await?))
        }
        "GET /v1/users/{id}/notifications" => {
            let caller = http::caller(event, &READERS)?;
            let user: CustomerId = http::path(event, "id", "user")?;
            let params = Params::new().text("user_id", user.as_str());
            page::<NotificationRow>(event, deps, &caller, "list_notifications_by_user", params).await
        }
        "GET /v1/me/inbox" => {
            let (caller, user) = (http::caller(event, &Role::ALL)?, person(event)?);
            page::<InboxItem>(event, deps, &caller, "list_inbox", Params::new().text("inbox", user.to_string())).await
        }
        "GET /v1/me/inbox/{id}" => {
            let (caller, user) = (http::caller(event, &Role::ALL)?, person(event)?);
            let Shown { row, version } = one(event, deps, &caller, "item").await?;
            let row = InboxItem::of(row, user).ok_or_else(|| Problem::not_found("item"))?;
            Ok(http::json(200, &Shown { row, version }))
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// One row. With `min_version` it shows at least that version: a strong read, and what the row still lacks folded from the log.
///
/// Cost: 0.5 RCU; with `min_version` 1 RCU, and where the row lags two strong Queries: of the head, and of the stream.
async fn one(event: &ApiGatewayV2httpRequest, deps: &ReadDeps, caller: &Caller, what: &str) -> Result<Shown<NotificationRow>, Problem> {
    let id: Uuid = http::path(event, "id", what)?;
    let wanted = http::query::<u64>(event, "min_version")?.unwrap_or(0);
    let params = Params::new().text("id", id.to_string());
    let pattern = if wanted > 0 { "get_notification_strong" } else { "get_notification" };
    let row: Option<Shown<NotificationRow>> = deps.reads.get(pattern, caller.tenant.as_str(), &params).await.map_err(read_problem)?;
    let row = match Version::new(wanted) {
        Some(wanted) if row.as_ref().map_or(0, |row| row.version) < wanted.get() => folded(deps, caller, id, wanted).await?,
        _ => row,
    };
    row.ok_or_else(|| Problem::not_found(what))
}

/// The row at `wanted` as the log has it. The streams are short: it is folded from the first commit on.
async fn folded(deps: &ReadDeps, caller: &Caller, id: Uuid, wanted: Version) -> Result<Option<Shown<NotificationRow>>, Problem> {
    let stream = StreamId::of("NOTE", id);
    // The head first: whose stream it is, and whether it has come so far.
    let head = deps.log.newest_first(&stream, 1, None).await.map_err(read_problem)?;
    let Some(item) = head.items.first() else { return Ok(None) };
    let head = Commit::from_item(item).map_err(|error| internal(&error))?;
    if head.tenant != caller.tenant {
        return Ok(None);
    }
    if head.version < wanted {
        return Err(Problem::new(409, "version-not-reached", format!("the newest version is {}", head.version)));
    }
    let mut row = None;
    for item in &deps.log.between(&stream, Version::FIRST, wanted).await.map_err(read_problem)? {
        let commit = Commit::from_item(item).map_err(|error| internal(&error))?;
        let recorded = Recorded { version: commit.version, at: commit.recorded_at };
        for stored in &commit.events {
            let event: NoteEvent = stored.decode().map_err(|error| internal(&error))?;
            row = NotificationRow::fold(row, &event, recorded);
        }
    }
    Ok(row.map(|row| Shown { row, version: wanted.get() }))
}

/// One page of a list; `next` goes into `page` of the next request.
///
/// Cost: one Query, 0.5 RCU per 4 KB of entries.
async fn page<R: Serialize + DeserializeOwned>(
    event: &ApiGatewayV2httpRequest,
    deps: &ReadDeps,
    caller: &Caller,
    pattern: &'static str,
    params: Params,
) -> Result<Response, Problem> {
    let limit = http::query::<u32>(event, "limit")?.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(Problem::new(400, "invalid", format!("`limit` is 1 to {PAGE_MOST}")));
    }
    let page = PageRequest { limit, token: http::query(event, "page")? };
    let page: ReadPage<R> = deps.reads.page(pattern, caller.tenant.as_str(), &params, page).await.map_err(read_problem)?;
    Ok(http::json(200, &Page { items: page.items, next: page.next }))
}
