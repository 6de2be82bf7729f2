//! `POST /v1/signups`: an account for a person, and an organisation of which they are the owner.
//!
//! What is answered, and when, is the same whether or not the address belongs to someone already: only who reads its mail learns it.

use std::time::Duration;

use annals_answers::load_problem;
use annals_contract::{Access, Route};
use annals_kit::ids::derived_uuid;
use annals_kit::{StreamId, Tenant};
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{ExecuteError, Joint, Request, Together, execute_together};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::claim::ClaimEmail;
use identity::email::EmailAddress;
use identity::organisation::{Found, OrganisationCreated};
use identity::text::Name;
use identity::user::{Address, CreateUser, SEALED, UserCreated};
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{BODY_LIMIT, Refusal, committed, note_refusal, problem, request, visitor};
use crate::attempts::NEW_ACCOUNTS;
use crate::deps::{Deps, SERVICE, everyone};
use crate::password::Password;
use crate::personal::{Key, claim_stream, organisation_stream, user_stream};

const FUNCTION: &str = "sign-up";
/// When a sign-up is answered, whatever it took: a new account takes more calls than a claim that is refused.
const ANSWERED_AFTER: Duration = Duration::from_millis(1000);

/// What the caller asks for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    email: EmailAddress,
    /// None that many people use, nor their own name or address.
    password: Password,
    /// What they are called.
    name: Name,
    /// What their organisation is called.
    organisation: Name,
}

/// What everybody is told.
#[derive(Serialize, JsonSchema)]
struct Told {
    status: &'static str,
}

const TOLD: Told = Told { status: "a link was sent to the address, if it has no account yet" };

/// The route.
pub(crate) fn route() -> Route {
    let asked = json!({ "email": "ada@example.com", "password": "correct horse battery", "name": "Ada", "organisation": "Acme" });
    Route::post("/v1/signups", FUNCTION, "Opens an account, and an organisation of which its person is the owner.")
        .open_to(Access::Public)
        .idempotent()
        .body::<Asked>(asked)
        .answers::<Told>(202, "The same whether or not the address has an account.", json!(TOLD))
        .refuses(409, &["exists"])
        .refuses(422, &["weak-password"])
        .refuses(429, &["too-many-attempts"])
}

/// Answers 202, and the address gets a link.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(sign_up(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn sign_up(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    asked
        .password
        .check(&[asked.name.as_str(), asked.email.as_str()])
        .map_err(|weak| Problem::new(422, "weak-password", weak.to_string()))?;
    let source = event.request_context.http.source_ip.as_deref().unwrap_or_default();
    if let Err(refused) = deps.attempts.count(&deps.keyed("sign-up", source.as_bytes()), NEW_ACCOUNTS).await {
        note_refusal(deps, (&everyone(), &visitor()), FUNCTION, &refused).await;
        return Err(refused);
    }
    let answered = tokio::time::Instant::now() + ANSWERED_AFTER;
    let done = create(event, deps, asked).await;
    tokio::time::sleep_until(answered).await;
    done?;
    Ok(http::json(202, &TOLD))
}

async fn create(event: &ApiGatewayV2httpRequest, deps: &Deps, asked: Asked) -> Result<(), Problem> {
    let hash = asked.password.hash(&*deps.ids);
    let email_hash = deps.email_hash(&asked.email);
    let about = (&asked.email.as_str(), &asked.name, &asked.organisation);
    let request = request(deps, (&everyone(), visitor()), event, &about)?;
    // The same request gives the same account: a repetition finds it instead of the address taken.
    let user = derived_uuid("user", &everyone(), &format!("{}/{}", request.command, email_hash.as_str()));
    let claim = deps.claims.load(&claim_stream(&email_hash)).await.map_err(|error| load_problem(error, "address"))?;
    if claim.state.owner.is_some_and(|owner| owner != user) {
        return Ok(());
    }
    let organisation: Tenant =
        derived_uuid("organisation", &everyone(), &user.to_string()).to_string().parse().map_err(|_| Problem::internal())?;
    let created = UserCreated {
        user_id: user,
        organisation_id: organisation,
        email: asked.email.as_str().to_owned(),
        email_hash,
        name: asked.name.as_str().to_owned(),
    };
    deps.safe.first_password(user, &hash).await?;
    match account(deps, &request, created, asked.organisation.as_str(), Address::Unverified).await {
        Ok(Together::Committed) => {
            committed(deps, FUNCTION);
            tracing::info!(stream = %user_stream(user), command = %request.command, "signed up");
            Ok(())
        }
        Ok(Together::Repeated | Together::Unchanged) => Ok(()),
        // Someone else was first, between our look and our claim.
        Err(ExecuteError::Refused(Refusal::Taken)) => deps.safe.forget_password(user).await,
        Err(error) => Err(problem(error, "account")),
    }
}

/// A person's account, the claim of their address, and the organisation that they own: all or none.
pub(crate) async fn account(
    deps: &Deps,
    request: &Request,
    created: UserCreated,
    organisation: &str,
    address: Address,
) -> Result<Together, ExecuteError<Refusal>> {
    let (user_id, tenant) = (created.user_id, created.organisation_id.clone());
    let seal = Key::of(deps, user_id).await.and_then(|key| key.seal(SEALED));
    let seal = seal.map_err(|problem| ExecuteError::Failed { source: problem.detail.into() })?;
    let actor = crate::answer::person(user_id);
    let of_tenant = Request { tenant: tenant.clone(), actor: actor.clone(), ..request.clone() };
    let of_person = Request { seal: Some(seal), ..of_tenant.clone() };
    let of_everyone = Request { tenant: everyone(), actor, ..request.clone() };
    let streams: (StreamId, StreamId, StreamId) = (claim_stream(&created.email_hash), user_stream(user_id), organisation_stream(&tenant));
    let founded = OrganisationCreated { organisation_id: tenant, name: organisation.to_owned() };
    let mut claim = Joint::new(&deps.claims, of_everyone, streams.0, ClaimEmail { user_id });
    let mut user = Joint::new(&deps.users, of_person, streams.1, CreateUser { created, address });
    let mut founding = Joint::new(&deps.organisations, of_tenant, streams.2, Found { created: founded, owner: user_id });
    execute_together(deps.users.log(), request.command, &mut [&mut claim, &mut user, &mut founding]).await
}
