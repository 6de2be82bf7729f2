//! Identity's reads over HTTP: one function, one arm per route, each one listed pattern. It is the final reader: what is sealed is opened here.

use annals_contract::Route;
use annals_kit::{Actor, Aggregate, Recorded, Role, StreamId, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_log::Commit;
use annals_reads::{PageRequest, Params};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::api_key::{ApiKey, ApiKeyEvent};
use identity::email::EmailAddress;
use identity::invitation::{Invitation, InvitationEvent};
use identity::organisation::{Organisation, OrganisationEvent};
use identity::rows::{ApiKeyRow, InvitationRow, MemberRow, OrganisationRow, UserRow};
use identity::user::{User, UserEvent};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{internal, person, read_problem};
use crate::deps::Deps;
use crate::examples;
use crate::opened::{OpenedInvitation, OpenedMember, OpenedUser};
use crate::personal::{invitation_stream, user_stream};
use crate::routes::{PEOPLE_READERS, READERS};

const FUNCTION: &str = "read-identity";
const PAGE_DEFAULT: u32 = 20;
const PAGE_MOST: u32 = 100;

/// A row with the version of the stream that it shows.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Shown<R> {
    #[serde(flatten)]
    row: R,
    #[serde(rename(serialize = "version", deserialize = "ver"))]
    version: u64,
}

/// Who calls, and as what.
#[derive(Serialize, JsonSchema)]
struct Me {
    #[serde(flatten)]
    user: Shown<OpenedUser>,
    role: Role,
    /// What history calls them: themselves, or their key.
    actor: Actor,
}

/// One page of a list.
#[derive(Serialize, JsonSchema)]
struct Page<R> {
    items: Vec<R>,
    /// For `page` of the next request; null after the last page.
    next: Option<String>,
}

/// The routes.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, name, summary| Route::get(path, name, summary).function(FUNCTION);
    let me = Me { user: shown(examples::user()), role: Role::Owner, actor: person(examples::ADA) };
    vec![
        get("/v1/me", "get-me", "Shows who calls, and as what.")
            .for_oneself()
            .min_version()
            .answers::<Me>(200, "The caller.", json!(me))
            .refuses(404, &["not-found"]),
        get("/v1/users/{id}", "get-user", "Shows a person of the organisation.")
            .admits(&READERS)
            .path::<Uuid>("id", "Their account.")
            .min_version()
            .answers::<Shown<OpenedUser>>(200, "The person.", json!(shown(examples::user()))),
        get("/v1/users", "list-users", "Lists the people of the organisation who have an address: one, or nobody.")
            .admits(&READERS)
            .needs_query::<EmailAddress>("email", "The address.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedUser>>(200, "A page of people.", page(examples::user())),
        get("/v1/organisation", "get-organisation", "Shows the caller's organisation.")
            .admits(&READERS)
            .min_version()
            .answers::<Shown<OrganisationRow>>(200, "The organisation.", json!(shown(examples::organisation_row())))
            .refuses(404, &["not-found"]),
        get("/v1/members", "list-members", "Lists who belongs to the organisation, as what and since when.")
            .admits(&READERS)
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedMember>>(200, "A page of members.", page(examples::member())),
        get("/v1/invitations", "list-invitations", "Lists whom the organisation has invited, the newest first.")
            .admits(&PEOPLE_READERS)
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedInvitation>>(200, "A page of invitations.", page(examples::invitation())),
        get("/v1/invitations/{id}", "get-invitation", "Shows an invitation.")
            .admits(&PEOPLE_READERS)
            .path::<Uuid>("id", "The invitation.")
            .min_version()
            .answers::<Shown<OpenedInvitation>>(200, "The invitation.", json!(shown(examples::invitation()))),
        get("/v1/api-keys", "list-api-keys", "Lists the keys that a member has made, the newest first; never their secrets.")
            .admits(&READERS)
            .query::<Uuid>(
                "user",
                "The member; the caller where it is left out. Others' keys are for those who manage people, and for auditors.",
            )
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<ApiKeyRow>>(200, "A page of keys.", page(examples::api_key_row()))
            .refuses(404, &["not-found"]),
        get("/v1/api-keys/{id}", "get-api-key", "Shows a key; never its secret.")
            .admits(&READERS)
            .path::<Uuid>("id", "The key.")
            .min_version()
            .answers::<Shown<ApiKeyRow>>(200, "The key.", json!(shown(examples::api_key_row()))),
    ]
}

/// A row as a read of one shows it, in its first version.
fn shown<R>(row: R) -> Shown<R> {
    Shown { row, version: 1 }
}

/// A list of one.
fn page(item: impl Serialize) -> serde_json::Value {
    json!(Page { items: vec![item], next: None })
}

/// Answers 200 with the row or the page, 404 where there is none of the tenant's.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let answer = Box::pin(read(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response());
    Ok(http::with_header(answer, "cache-control", "no-store"))
}

async fn read(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let route = event.route_key.as_deref().unwrap_or_default();
    let roles = if route.starts_with("GET /v1/invitations") { PEOPLE_READERS.as_slice() } else { READERS.as_slice() };
    let caller = http::caller(event, roles)?;
    match route {
        "GET /v1/me" => me(event, deps, &caller).await,
        "GET /v1/users/{id}" => user(event, deps, &caller, http::path(event, "id", "user")?).await,
        "GET /v1/users" => by_email(event, deps, &caller).await,
        "GET /v1/organisation" => {
            let fold = |row, event: &OrganisationEvent, recorded| OrganisationRow::fold(row, event, recorded);
            let what = ("organisation", "get_organisation", "get_organisation_strong");
            let stream = crate::personal::organisation_stream(&caller.tenant);
            Ok(http::json(200, &one::<Organisation, _>(event, deps, &caller, &stream, what, fold).await?))
        }
        "GET /v1/members" => members(event, deps, &caller).await,
        "GET /v1/invitations" => invitations(event, deps, &caller).await,
        "GET /v1/invitations/{id}" => {
            let id: Uuid = http::path(event, "id", "invitation")?;
            let fold = |row, event: &InvitationEvent, recorded| InvitationRow::fold(row, event, recorded);
            let what = ("invitation", "get_invitation", "get_invitation_strong");
            let shown = one::<Invitation, _>(event, deps, &caller, &invitation_stream(id), what, fold).await?;
            Ok(http::json(200, &Shown { row: OpenedInvitation::of(deps, shown.row).await?, version: shown.version }))
        }
        "GET /v1/api-keys" => api_keys(event, deps, &caller).await,
        "GET /v1/api-keys/{id}" => {
            let id: Uuid = http::path(event, "id", "API key")?;
            let fold = |row, event: &ApiKeyEvent, recorded| ApiKeyRow::fold(row, event, recorded);
            let what = ("API key", "get_api_key", "get_api_key_strong");
            Ok(http::json(200, &one::<ApiKey, _>(event, deps, &caller, &StreamId::of("KEY", id), what, fold).await?))
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// Who calls: the person, and as what.
async fn me(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let id: Uuid = http::verified(event, "user").and_then(|id| id.parse().ok()).ok_or_else(|| Problem::not_found("user"))?;
    let user = shown_user(event, deps, caller, id).await?;
    Ok(http::json(200, &Me { user, role: caller.role, actor: caller.actor.clone() }))
}

async fn user(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, id: Uuid) -> Result<Response, Problem> {
    Ok(http::json(200, &shown_user(event, deps, caller, id).await?))
}

async fn shown_user(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller, id: Uuid) -> Result<Shown<OpenedUser>, Problem> {
    let fold = |row, event: &UserEvent, recorded| UserRow::fold(row, event, recorded);
    let shown = one::<User, _>(event, deps, caller, &user_stream(id), ("user", "get_user", "get_user_strong"), fold).await?;
    Ok(Shown { row: OpenedUser::of(deps, shown.row).await?, version: shown.version })
}

/// The person of the tenant with this address.
async fn by_email(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let email: EmailAddress = http::query(event, "email")?.ok_or_else(|| Problem::new(400, "invalid", "`email` says whose account"))?;
    let params = Params::new().text("email_hash", deps.email_hash(&email).as_str());
    let page = list::<UserRow>(event, deps, caller, "list_users_by_email", params).await?;
    let mut items = vec![];
    for row in page.items {
        items.push(OpenedUser::of(deps, row).await?);
    }
    Ok(http::json(200, &Page { items, next: page.next }))
}

/// The members, with their names and addresses.
///
/// Cost: one Query, 0.5 RCU per 4 KB; for each member 0.5 RCU, and their key where it is not cached.
async fn members(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let params = Params::new().text("organisation_id", caller.tenant.as_str());
    let page = list::<MemberRow>(event, deps, caller, "list_members", params).await?;
    let opened = page.items.iter().map(|member| member_of(deps, caller, member));
    let items = futures_util::future::try_join_all(opened).await?;
    Ok(http::json(200, &Page { items, next: page.next }))
}

async fn member_of(deps: &Deps, caller: &Caller, member: &MemberRow) -> Result<OpenedMember, Problem> {
    let params = Params::new().text("id", member.user_id.to_string());
    let row: Option<UserRow> =
        deps.reads.get("get_user", caller.tenant.as_str(), &params).await.map_err(|error| read_problem(error, "user"))?;
    let user = match row {
        Some(row) => Some(OpenedUser::of(deps, row).await?),
        None => None,
    };
    Ok(OpenedMember::with(member, user))
}

async fn invitations(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let params = Params::new().text("organisation_id", caller.tenant.as_str());
    let page = list::<InvitationRow>(event, deps, caller, "list_invitations", params).await?;
    let mut items = vec![];
    for row in page.items {
        items.push(OpenedInvitation::of(deps, row).await?);
    }
    Ok(http::json(200, &Page { items, next: page.next }))
}

/// One's own keys; another member's for those who manage people, and for auditors.
async fn api_keys(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let own: Option<Uuid> = http::verified(event, "user").and_then(|id| id.parse().ok());
    let user = http::query::<Uuid>(event, "user")?.or(own).ok_or_else(|| Problem::not_found("user"))?;
    if own != Some(user) && !PEOPLE_READERS.contains(&caller.role) {
        return Err(Problem::new(403, "forbidden", "these are another member's keys"));
    }
    let params = Params::new().text("user_id", user.to_string());
    let page = list::<ApiKeyRow>(event, deps, caller, "list_api_keys_by_user", params).await?;
    Ok(http::json(200, &Page { items: page.items, next: page.next }))
}

/// One row. With `min_version` it shows at least that version: a strong read, and what the row still lacks folded from the log.
///
/// Cost: 0.5 RCU; with `min_version` 1 RCU, and where the row lags two strong Queries: of the head, and of the missing commits.
async fn one<A, R>(
    event: &ApiGatewayV2httpRequest,
    deps: &Deps,
    caller: &Caller,
    stream: &StreamId,
    (what, eventual, strong): (&str, &'static str, &'static str),
    fold: impl Fn(Option<R>, &A::Event, Recorded) -> Option<R>,
) -> Result<Shown<R>, Problem>
where
    A: Aggregate,
    R: Serialize + DeserializeOwned,
{
    let wanted = http::query::<u64>(event, "min_version")?.unwrap_or(0);
    let params = Params::new().text("id", stream.id());
    let pattern = if wanted > 0 { strong } else { eventual };
    let row: Option<Shown<R>> =
        deps.reads.get(pattern, caller.tenant.as_str(), &params).await.map_err(|error| read_problem(error, what))?;
    let reached = row.as_ref().map_or(0, |row| row.version);
    let row = match Version::new(wanted) {
        Some(wanted) if reached < wanted.get() => catch_up::<A, R>(deps, caller, stream, row, wanted, fold).await?,
        _ => row,
    };
    row.ok_or_else(|| Problem::not_found(what))
}

/// `row` brought to at least `wanted` by the log.
async fn catch_up<A: Aggregate, R>(
    deps: &Deps,
    caller: &Caller,
    stream: &StreamId,
    row: Option<Shown<R>>,
    wanted: Version,
    fold: impl Fn(Option<R>, &A::Event, Recorded) -> Option<R>,
) -> Result<Option<Shown<R>>, Problem> {
    let reached = row.as_ref().map_or(0, |row| row.version);
    let log = deps.users.log();
    // The head first: whose stream it is, and whether there is so much to read.
    let head = log.newest_first(stream, 1, None).await.map_err(|error| read_problem(error, "stream"))?;
    let Some(item) = head.items.first() else { return Ok(None) };
    let head = Commit::from_item(item).map_err(|error| internal(&error))?;
    if head.tenant != caller.tenant {
        return Ok(None);
    }
    if head.version < wanted {
        return Err(Problem::new(409, "version-not-reached", format!("the newest version is {}", head.version)));
    }
    let first = Version::new(reached + 1).ok_or_else(Problem::internal)?;
    let items = log.between(stream, first, wanted).await.map_err(|error| read_problem(error, "stream"))?;
    let (mut row, mut version) = (row.map(|row| row.row), reached);
    for item in &items {
        let commit = Commit::from_item(item).map_err(|error| internal(&error))?;
        let recorded = Recorded { version: commit.version, at: commit.recorded_at };
        for stored in &commit.events {
            let event: A::Event = stored.decode().map_err(|error| internal(&error))?;
            row = fold(row, &event, recorded);
        }
        version = commit.version.get();
    }
    Ok(row.map(|row| Shown { row, version }))
}

/// One page of a list; `next` goes into `page` of the next request.
///
/// Cost: one Query, 0.5 RCU per 4 KB of entries.
async fn list<R: DeserializeOwned>(
    event: &ApiGatewayV2httpRequest,
    deps: &Deps,
    caller: &Caller,
    pattern: &'static str,
    params: Params,
) -> Result<annals_reads::Page<R>, Problem> {
    let limit = http::query::<u32>(event, "limit")?.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(Problem::new(400, "invalid", format!("`limit` is 1 to {PAGE_MOST}")));
    }
    let page = PageRequest { limit, token: http::query(event, "page")? };
    deps.reads.page::<R>(pattern, caller.tenant.as_str(), &params, page).await.map_err(|error| read_problem(error, "list"))
}
