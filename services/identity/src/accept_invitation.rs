//! `POST /v1/invitation-acceptances`: an account for somebody who was invited, in the organisation that invited them.

use annals_answers::load_problem;
use annals_contract::{Access, Route};
use annals_kit::ids::derived_uuid;
use annals_kit::{CommandId, Role};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Joint, Request, Together, execute_together};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::claim::ClaimEmail;
use identity::email::EmailAddress;
use identity::invitation::{AnswerInvitation, InvitationRefusal, MemberInvited, Standing};
use identity::organisation::{Change, ChangeMember};
use identity::text::Name;
use identity::user::{Address, CreateUser, SEALED, UserCreated};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::answer::{BODY_LIMIT, Refusal, committed, key_problem, person, problem};
use crate::deps::{Deps, SERVICE, everyone};
use crate::examples;
use crate::password::Password;
use crate::personal::{Key, claim_stream, invitation_stream, organisation_stream, user_stream};
use crate::safe::{Purpose, Redeemed};
use crate::secret::Secret;
use crate::verify_email::{not_valid, redeem};

const FUNCTION: &str = "accept-invitation";

/// What the caller shows and chooses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// What stands behind the # of the link.
    token: String,
    /// What they are called.
    name: Name,
    /// None that many people use, nor their own name or address.
    password: Password,
}

/// Who came.
#[derive(Serialize, JsonSchema)]
struct Accepted {
    user_id: Uuid,
}

/// The route.
pub(crate) fn route() -> Route {
    let asked = json!({ "token": examples::SECRET, "name": "Bob", "password": "correct horse battery" });
    Route::post("/v1/invitation-acceptances", FUNCTION, "Opens an account for somebody who was invited, in the organisation that did.")
        .open_to(Access::Public)
        .body::<Asked>(asked)
        .answers::<Accepted>(201, "They are a member, and may log in.", json!({ "user_id": examples::BOB }))
        .refuses(404, &["not-found"])
        .refuses(409, &["email-taken", "invitation-closed"])
        .refuses(410, &["token-not-valid"])
        .refuses(422, &["weak-password"])
        .refuses(503, &["unknown-outcome"])
}

/// Answers 201 with the new member's id. Their address needs no other proof: the link came there.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(accept(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn accept(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let weak = |weak: crate::password::Weak| Problem::new(422, "weak-password", weak.to_string());
    asked.password.check(&[asked.name.as_str()]).map_err(weak)?;
    // A look first: a password that is not taken must not use up the link.
    let about = peek(deps, &asked.token).await?;
    let (made, email) = invited(deps, &about).await?;
    asked.password.check(&[email.as_str()]).map_err(weak)?;
    let Redeemed { about: invitation, tenant } = redeem(deps, &asked.token, Purpose::AcceptInvitation).await?;
    let user = derived_uuid("user of invitation", &tenant, &invitation.to_string());
    let created = UserCreated {
        user_id: user,
        organisation_id: tenant,
        email: email.as_str().to_owned(),
        email_hash: deps.email_hash(&email),
        name: asked.name.as_str().to_owned(),
    };
    deps.safe.first_password(user, &asked.password.hash(&*deps.ids)).await?;
    let joined = join(deps, created, made).await;
    // Where it is not known what became of it, the account may be there and needs its password.
    if joined.as_ref().is_err_and(|problem| problem.status == 409) {
        deps.safe.forget_password(user).await?;
    }
    if joined? == Together::Committed {
        committed(deps, FUNCTION);
    }
    // What was sealed for somebody who was only invited is needed no more.
    deps.vault.erase(&invitation).await.map_err(|error| key_problem(&error))?;
    Ok(http::json(201, &Accepted { user_id: user }))
}

async fn peek(deps: &Deps, token: &str) -> Result<Redeemed, Problem> {
    let about = match token.parse::<Secret>() {
        Ok(secret) => deps.safe.peek(&secret, Purpose::AcceptInvitation).await?,
        Err(_) => None,
    };
    about.ok_or_else(not_valid)
}

/// An open invitation, and whom it was sent to.
async fn invited(deps: &Deps, Redeemed { about, tenant }: &Redeemed) -> Result<(MemberInvited, EmailAddress), Problem> {
    let stream = invitation_stream(*about);
    let loaded = deps.invitations.load(&stream).await.map_err(|error| load_problem(error, "invitation"))?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *tenant);
    let made = loaded.state.made.filter(|_| theirs).ok_or_else(|| Problem::not_found("invitation"))?;
    if loaded.state.standing != Standing::Open {
        return Err(Refusal::Invitation(InvitationRefusal::Closed).into());
    }
    let email = Key::of(deps, *about).await?.open_some(&stream, loaded.state.email.as_ref(), "email")?;
    let email = email.and_then(|email| email.parse().ok()).ok_or_else(|| Problem::not_found("invitation"))?;
    Ok((made, email))
}

/// The account, the claim of its address, the membership, and the answer to the invitation: all or none.
async fn join(deps: &Deps, created: UserCreated, made: MemberInvited) -> Result<Together, Problem> {
    let (user_id, tenant): (Uuid, _) = (created.user_id, created.organisation_id.clone());
    let seal = Key::of(deps, user_id).await?.seal(SEALED)?;
    let command = CommandId(derived_uuid("accept invitation", &tenant, &made.invitation_id.to_string()));
    let request = Request::new(&tenant, person(user_id), command, made.invitation_id.as_bytes());
    let of_everyone = Request { tenant: everyone(), ..request.clone() };
    let of_person = Request { seal: Some(seal), ..request.clone() };
    // The invitation gave the role: who made it was allowed to.
    let member = ChangeMember { user_id, change: Change::Join(made.role), by: Role::Owner };
    let mut claim = Joint::new(&deps.claims, of_everyone, claim_stream(&created.email_hash), ClaimEmail { user_id });
    let mut user = Joint::new(&deps.users, of_person, user_stream(user_id), CreateUser { created, address: Address::Verified });
    let mut membership = Joint::new(&deps.organisations, request.clone(), organisation_stream(&tenant), member);
    let mut answer = Joint::new(&deps.invitations, request, invitation_stream(made.invitation_id), AnswerInvitation::Accept(user_id));
    let mut parts: [&mut dyn annals_log::Part<Refusal>; 4] = [&mut claim, &mut user, &mut membership, &mut answer];
    execute_together(deps.users.log(), command, &mut parts).await.map_err(|error| problem(error, "invitation"))
}
