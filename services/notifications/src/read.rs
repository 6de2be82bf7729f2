//! Notifications' reads over HTTP: one function, one arm per route, each one listed pattern.

use annals_answers::{PAGE_DEFAULT, PAGE_MOST, Page, RowRead, Shown, View};
use annals_contract::Route;
use annals_kit::{CustomerId, Role, StreamId, Timestamp};
use annals_lambda::http::{self, Problem, Response};
use annals_reads::Params;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use notifications::note::{Kind, Note};
use notifications::rows::NotificationRow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::caller::person;
use crate::deps::ReadDeps;

const FUNCTION: &str = "read-notifications";
/// Who looks after customers, and who checks that it is done. What is sent to whom says who owes money.
const READERS: [Role; 4] = [Role::Owner, Role::Admin, Role::Finance, Role::Auditor];

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
    let view = |caller| View { event, caller, reads: &deps.reads, log: &deps.log };
    match event.route_key.as_deref().unwrap_or_default() {
        "GET /v1/notifications/{id}" => {
            let caller = http::caller(event, &READERS)?;
            Ok(http::json(200, &one(view(&caller), "notification").await?))
        }
        "GET /v1/users/{id}/notifications" => {
            let caller = http::caller(event, &READERS)?;
            let user: CustomerId = http::path(event, "id", "user")?;
            let params = Params::new().text("user_id", user.as_str());
            Ok(http::json(200, &view(&caller).page::<NotificationRow>("list_notifications_by_user", params).await?))
        }
        "GET /v1/me/inbox" => {
            let (caller, user) = person(event)?;
            let params = Params::new().text("inbox", user.to_string());
            Ok(http::json(200, &view(&caller).page::<InboxItem>("list_inbox", params).await?))
        }
        "GET /v1/me/inbox/{id}" => {
            let (caller, user) = person(event)?;
            let Shown { row, version } = one(view(&caller), "item").await?;
            let row = InboxItem::of(row, user).ok_or_else(|| Problem::not_found("item"))?;
            Ok(http::json(200, &Shown { row, version }))
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// The notification of the id in the path.
async fn one(view: View<'_>, what: &'static str) -> Result<Shown<NotificationRow>, Problem> {
    let id: Uuid = http::path(view.event, "id", what)?;
    let read = RowRead { what, eventual: "get_notification", strong: "get_notification_strong" };
    view.row::<Note, _>(&StreamId::of("NOTE", id), read, NotificationRow::fold).await
}
