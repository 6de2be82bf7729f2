//! Identity's reads over HTTP: one function, one arm per route, each one listed pattern. It is the final reader: what is sealed is opened here.

use annals_answers::{PAGE_DEFAULT, PAGE_MOST, Page, RowRead, Shown, View, read_problem};
use annals_contract::Route;
use annals_kit::{Actor, Role, StreamId};
use annals_lambda::http::{self, Problem, Response};
use annals_reads::Params;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::api_key::{ApiKey, ApiKeyEvent};
use identity::email::EmailAddress;
use identity::invitation::{Invitation, InvitationEvent};
use identity::organisation::{Organisation, OrganisationEvent};
use identity::rows::{ApiKeyRow, InvitationRow, MemberRow, OrganisationRow, UserRow};
use identity::user::{User, UserEvent};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::answer::person;
use crate::deps::Deps;
use crate::examples;
use crate::opened::{OpenedInvitation, OpenedMember, OpenedUser};
use crate::personal::{invitation_stream, user_stream};
use crate::routes::{PEOPLE_READERS, READERS};

const FUNCTION: &str = "read-identity";

/// Who calls, and as what.
#[derive(Serialize, JsonSchema)]
struct Me {
    #[serde(flatten)]
    user: Shown<OpenedUser>,
    role: Role,
    /// What history calls them: themselves, or their key.
    actor: Actor,
}

/// The routes.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, name, summary| Route::get(path, name, summary).function(FUNCTION);
    let me = Me { user: Shown::first(examples::user()), role: Role::Owner, actor: person(examples::ADA) };
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
            .answers::<Shown<OpenedUser>>(200, "The person.", json!(Shown::first(examples::user()))),
        get("/v1/users", "list-users", "Lists the people of the organisation who have an address: one, or nobody.")
            .admits(&READERS)
            .needs_query::<EmailAddress>("email", "The address.")
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedUser>>(200, "A page of people.", json!(Page::of_one(examples::user()))),
        get("/v1/organisation", "get-organisation", "Shows the caller's organisation.")
            .admits(&READERS)
            .min_version()
            .answers::<Shown<OrganisationRow>>(200, "The organisation.", json!(Shown::first(examples::organisation_row())))
            .refuses(404, &["not-found"]),
        get("/v1/members", "list-members", "Lists who belongs to the organisation, as what and since when.")
            .admits(&READERS)
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedMember>>(200, "A page of members.", json!(Page::of_one(examples::member()))),
        get("/v1/invitations", "list-invitations", "Lists whom the organisation has invited, the newest first.")
            .admits(&PEOPLE_READERS)
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<OpenedInvitation>>(200, "A page of invitations.", json!(Page::of_one(examples::invitation()))),
        get("/v1/invitations/{id}", "get-invitation", "Shows an invitation.")
            .admits(&PEOPLE_READERS)
            .path::<Uuid>("id", "The invitation.")
            .min_version()
            .answers::<Shown<OpenedInvitation>>(200, "The invitation.", json!(Shown::first(examples::invitation()))),
        get("/v1/api-keys", "list-api-keys", "Lists the keys that a member has made, the newest first; never their secrets.")
            .admits(&READERS)
            .query::<Uuid>(
                "user",
                "The member; the caller where it is left out. Others' keys are for those who manage people, and for auditors.",
            )
            .paged(PAGE_DEFAULT, PAGE_MOST)
            .answers::<Page<ApiKeyRow>>(200, "A page of keys.", json!(Page::of_one(examples::api_key_row())))
            .refuses(404, &["not-found"]),
        get("/v1/api-keys/{id}", "get-api-key", "Shows a key; never its secret.")
            .admits(&READERS)
            .path::<Uuid>("id", "The key.")
            .min_version()
            .answers::<Shown<ApiKeyRow>>(200, "The key.", json!(Shown::first(examples::api_key_row()))),
    ]
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
    let view = View { event, caller: &caller, reads: &deps.reads, log: deps.users.log() };
    match route {
        "GET /v1/me" => me(view, deps).await,
        "GET /v1/users/{id}" => user(view, deps, http::path(event, "id", "user")?).await,
        "GET /v1/users" => by_email(view, deps).await,
        "GET /v1/organisation" => {
            let fold = |row, event: &OrganisationEvent, recorded| OrganisationRow::fold(row, event, recorded);
            let read = RowRead { what: "organisation", eventual: "get_organisation", strong: "get_organisation_strong" };
            let stream = crate::personal::organisation_stream(&caller.tenant);
            Ok(http::json(200, &view.row::<Organisation, _>(&stream, read, fold).await?))
        }
        "GET /v1/members" => members(view, deps).await,
        "GET /v1/invitations" => invitations(view, deps).await,
        "GET /v1/invitations/{id}" => {
            let id: Uuid = http::path(event, "id", "invitation")?;
            let fold = |row, event: &InvitationEvent, recorded| InvitationRow::fold(row, event, recorded);
            let read = RowRead { what: "invitation", eventual: "get_invitation", strong: "get_invitation_strong" };
            let shown = view.row::<Invitation, _>(&invitation_stream(id), read, fold).await?;
            Ok(http::json(200, &Shown { row: OpenedInvitation::of(deps, shown.row).await?, version: shown.version }))
        }
        "GET /v1/api-keys" => api_keys(view).await,
        "GET /v1/api-keys/{id}" => {
            let id: Uuid = http::path(event, "id", "API key")?;
            let fold = |row, event: &ApiKeyEvent, recorded| ApiKeyRow::fold(row, event, recorded);
            let read = RowRead { what: "API key", eventual: "get_api_key", strong: "get_api_key_strong" };
            Ok(http::json(200, &view.row::<ApiKey, _>(&StreamId::of("KEY", id), read, fold).await?))
        }
        _ => Err(Problem::not_found("route")),
    }
}

/// Who calls: the person, and as what.
async fn me(view: View<'_>, deps: &Deps) -> Result<Response, Problem> {
    let id: Uuid = http::verified(view.event, "user").and_then(|id| id.parse().ok()).ok_or_else(|| Problem::not_found("user"))?;
    let user = shown_user(view, deps, id).await?;
    Ok(http::json(200, &Me { user, role: view.caller.role, actor: view.caller.actor.clone() }))
}

async fn user(view: View<'_>, deps: &Deps, id: Uuid) -> Result<Response, Problem> {
    Ok(http::json(200, &shown_user(view, deps, id).await?))
}

async fn shown_user(view: View<'_>, deps: &Deps, id: Uuid) -> Result<Shown<OpenedUser>, Problem> {
    let fold = |row, event: &UserEvent, recorded| UserRow::fold(row, event, recorded);
    let read = RowRead { what: "user", eventual: "get_user", strong: "get_user_strong" };
    let shown = view.row::<User, _>(&user_stream(id), read, fold).await?;
    Ok(Shown { row: OpenedUser::of(deps, shown.row).await?, version: shown.version })
}

/// The person of the tenant with this address.
async fn by_email(view: View<'_>, deps: &Deps) -> Result<Response, Problem> {
    let email: EmailAddress =
        http::query(view.event, "email")?.ok_or_else(|| Problem::new(400, "invalid", "`email` says whose account"))?;
    let params = Params::new().text("email_hash", deps.email_hash(&email).as_str());
    let page = view.page::<UserRow>("list_users_by_email", params).await?;
    let mut items = vec![];
    for row in page.items {
        items.push(OpenedUser::of(deps, row).await?);
    }
    Ok(http::json(200, &Page { items, next: page.next }))
}

/// The members, with their names and addresses.
///
/// Cost: one Query, 0.5 RCU per 4 KB; for each member 0.5 RCU, and their key where it is not cached.
async fn members(view: View<'_>, deps: &Deps) -> Result<Response, Problem> {
    let params = Params::new().text("organisation_id", view.caller.tenant.as_str());
    let page = view.page::<MemberRow>("list_members", params).await?;
    let opened = page.items.iter().map(|member| member_of(view, deps, member));
    let items = futures_util::future::try_join_all(opened).await?;
    Ok(http::json(200, &Page { items, next: page.next }))
}

async fn member_of(view: View<'_>, deps: &Deps, member: &MemberRow) -> Result<OpenedMember, Problem> {
    let params = Params::new().text("id", member.user_id.to_string());
    let row: Option<UserRow> =
        view.reads.get("get_user", view.caller.tenant.as_str(), &params).await.map_err(|error| read_problem(error, "user"))?;
    let user = match row {
        Some(row) => Some(OpenedUser::of(deps, row).await?),
        None => None,
    };
    Ok(OpenedMember::with(member, user))
}

async fn invitations(view: View<'_>, deps: &Deps) -> Result<Response, Problem> {
    let params = Params::new().text("organisation_id", view.caller.tenant.as_str());
    let page = view.page::<InvitationRow>("list_invitations", params).await?;
    let mut items = vec![];
    for row in page.items {
        items.push(OpenedInvitation::of(deps, row).await?);
    }
    Ok(http::json(200, &Page { items, next: page.next }))
}

/// One's own keys; another member's for those who manage people, and for auditors.
async fn api_keys(view: View<'_>) -> Result<Response, Problem> {
    let own: Option<Uuid> = http::verified(view.event, "user").and_then(|id| id.parse().ok());
    let user = http::query::<Uuid>(view.event, "user")?.or(own).ok_or_else(|| Problem::not_found("user"))?;
    if own != Some(user) && !PEOPLE_READERS.contains(&view.caller.role) {
        return Err(Problem::new(403, "forbidden", "these are another member's keys"));
    }
    let params = Params::new().text("user_id", user.to_string());
    let page = view.page::<ApiKeyRow>("list_api_keys_by_user", params).await?;
    Ok(http::json(200, &Page { items: page.items, next: page.next }))
}
