//! `POST /v1/invitations`, `DELETE /v1/invitations/{id}`, `PUT /v1/members/{id}`, `DELETE /v1/members/{id}`: who belongs to the organisation,
//! and as what.

use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::ids::derived_uuid;
use annals_kit::{Role, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::email::EmailAddress;
use identity::invitation::{AnswerInvitation, InvitationRefusal, Invite, MemberInvited, SEALED};
use identity::organisation::{Change, ChangeMember};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, Refusal, committed, key_problem, note_refusal, problem, request_of};
use crate::attempts::NEW_ACCOUNTS;
use crate::deps::{Deps, SERVICE};
use crate::examples;
use crate::personal::{Key, invitation_stream, organisation_stream};
use crate::revoke::follow_role;
use crate::routes::PEOPLE;

const FUNCTION: &str = "manage-members";

/// Whom to invite, as what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    email: EmailAddress,
    role: Role,
}

/// What a member is to be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Become {
    role: Role,
}

/// An invitation that was made.
#[derive(Serialize, JsonSchema)]
struct Invited {
    id: Uuid,
    role: Role,
    /// For `min_version` of the next read.
    version: Version,
}

/// A member as they are now.
#[derive(Serialize, JsonSchema)]
struct Changed {
    user_id: Uuid,
    role: Role,
    /// The organisation's, for `min_version` of the next read.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 4] {
    let invited = json!({ "id": examples::INVITATION, "role": "finance", "version": 1 });
    let of = |method, path, name, summary| Route::new(method, path, name, summary).function(FUNCTION).admits(&PEOPLE).idempotent();
    let member = |method, name, summary| {
        let route = of(method, "/v1/members/{id}", name, summary).path::<Uuid>("id", "The member's account.");
        route.refuses(409, &["last-owner"])
    };
    [
        of(Method::Post, "/v1/invitations", "invite-member", "Invites somebody: who reads the mail of the address gets a link.")
            .body::<Asked>(json!({ "email": "bob@example.com", "role": "finance" }))
            .answers::<Invited>(201, "The same whether or not the address has an account.", invited)
            .with_header(201, "Location", "Its path.")
            .refuses(409, &["exists", "invitation-closed"])
            .refuses(429, &["too-many-attempts"]),
        of(Method::Delete, "/v1/invitations/{id}", "withdraw-invitation", "Withdraws an invitation that waits for an answer.")
            .path::<Uuid>("id", "The invitation.")
            .answers_empty(204, "It is so, now or before.")
            .refuses(409, &["invitation-closed"]),
        member(Method::Put, "change-member", "Gives a member another role, which counts at once.")
            .body::<Become>(json!({ "role": "auditor" }))
            .answers::<Changed>(200, "It is so.", json!({ "user_id": examples::BOB, "role": "auditor", "version": 3 })),
        member(Method::Delete, "remove-member", "Ends a membership, and with it every session and key.").answers_empty(204, "It is so."),
    ]
}

/// Answers 201 to an invitation, 200 to another role, 204 to an end.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(manage(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn manage(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &PEOPLE)?;
    let managed = match event.route_key.as_deref() {
        Some("POST /v1/invitations") => invite(event, deps, &caller).await,
        Some("DELETE /v1/invitations/{id}") => withdraw(event, deps, &caller).await,
        Some("PUT /v1/members/{id}") => {
            let asked: Become = http::json_body(event, BODY_LIMIT)?;
            change(event, deps, &caller, Change::SetRole(asked.role), Some(asked.role)).await
        }
        Some("DELETE /v1/members/{id}") => change(event, deps, &caller, Change::Leave, None).await,
        _ => Err(Problem::not_found("route")),
    };
    if let Err(refused) = &managed {
        note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, refused).await;
    }
    managed
}

/// The same answer whether or not the address has an account somewhere: only who reads its mail learns it.
async fn invite(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    deps.attempts.count(&deps.keyed("invite", caller.tenant.as_str().as_bytes()), NEW_ACCOUNTS).await?;
    let request = request_of(deps, caller, event, &(asked.email.as_str(), asked.role))?;
    let invitation_id = derived_uuid("invitation", &caller.tenant, &request.command.to_string());
    let seal = match Key::of(deps, invitation_id).await? {
        open @ Key::Open(..) => open.seal(SEALED)?,
        // The same request was carried out before, and what it sealed was destroyed with the answer to it.
        Key::Erased => return Err(Refusal::Invitation(InvitationRefusal::Closed).into()),
    };
    let made =
        MemberInvited { invitation_id, organisation_id: caller.tenant.clone(), role: asked.role, email: asked.email.as_str().to_owned() };
    let request = Request { seal: Some(seal), ..request };
    let outcome =
        deps.invitations.execute(&request, &invitation_stream(invitation_id), Expect::New, &Invite { made, by: caller.role }).await;
    match outcome.map_err(|error| problem(error, "invitation"))? {
        Outcome::Committed { version, repeated, .. } => {
            if !repeated {
                committed(deps, FUNCTION);
            }
            let invited = Invited { id: invitation_id, role: asked.role, version };
            Ok(http::with_header(http::json(201, &invited), "location", &format!("/v1/invitations/{invitation_id}")))
        }
        Outcome::Unchanged { .. } => Err(Problem::internal()),
    }
}

async fn withdraw(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let invitation: Uuid = http::path(event, "id", "invitation")?;
    let request = request_of(deps, caller, event, &invitation)?;
    let command = AnswerInvitation::Withdraw(caller.role);
    let outcome = deps.invitations.execute(&request, &invitation_stream(invitation), Expect::Existing, &command).await;
    if let Outcome::Committed { repeated: false, .. } = outcome.map_err(|error| problem(error, "invitation"))? {
        committed(deps, FUNCTION);
    }
    // What was sealed for somebody who was only invited is needed no more.
    deps.vault.erase(&invitation).await.map_err(|error| key_problem(&error))?;
    Ok(http::empty(204))
}

/// Changes a membership, then what it opens: again where that was interrupted.
async fn change(
    event: &ApiGatewayV2httpRequest,
    deps: &Deps,
    caller: &Caller,
    change: Change,
    role: Option<Role>,
) -> Result<Response, Problem> {
    let user: Uuid = http::path(event, "id", "member")?;
    let request = request_of(deps, caller, event, &(user, role))?;
    let command = ChangeMember { user_id: user, change, by: caller.role };
    let outcome = deps.organisations.execute(&request, &organisation_stream(&caller.tenant), Expect::Existing, &command).await;
    let version = match outcome.map_err(|error| problem(error, "member"))? {
        Outcome::Committed { version, repeated, .. } => {
            if !repeated {
                committed(deps, FUNCTION);
            }
            Some(version)
        }
        Outcome::Unchanged { version } => version,
    };
    follow_role(deps, (&caller.tenant, &caller.actor), user, role).await?;
    Ok(match role {
        Some(role) => http::json(200, &Changed { user_id: user, role, version }),
        None => http::empty(204),
    })
}
