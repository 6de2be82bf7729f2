//! `GET /v1/tenants/{tenant}/contacts/{id}`: how a customer or a person is reached, asked by notifications at the moment of sending.
//!
//! From the log, not from a row that may lag: an address that was just set, or erased, is the one that counts.

use annals_answers::load_problem;
use annals_contract::Route;
use annals_kit::{CustomerId, Tenant};
use annals_lambda::http::{self, Problem, Response};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::deps::Deps;
use crate::personal::{Key, contact_stream, customer, user_stream};
use crate::routes::SENDERS;

const FUNCTION: &str = "read-contact";

/// How someone is reached.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Reached {
    pub(crate) email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// The route.
pub(crate) fn route() -> Route {
    Route::get("/v1/tenants/{tenant}/contacts/{id}", FUNCTION, "Tells how a customer or a member is reached, at the moment of sending.")
        .admits_services(&SENDERS)
        .path::<Tenant>("tenant", "The organisation.")
        .path::<CustomerId>("id", "The customer, by the tenant's own id; or a member's account.")
        .answers::<Reached>(200, "Their address.", json!({ "email": "ada@customers.example", "name": "Ada" }))
        .with_header(200, "Cache-Control", "It is kept nowhere.")
}

/// Answers 200 with address and name, 404 where none is known, or no longer.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    Ok(Box::pin(read(&event.payload, deps)).await.unwrap_or_else(|problem| problem.response()))
}

async fn read(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    http::service(event, &SENDERS)?;
    let tenant: Tenant = http::path(event, "tenant", "contact")?;
    let id: CustomerId = http::path(event, "id", "contact")?;
    let reached = match of_customer(deps, &tenant, &id).await? {
        Some(reached) => Some(reached),
        None => match Uuid::parse_str(id.as_str()) {
            Ok(user) => of_person(deps, &tenant, user).await?,
            Err(_) => None,
        },
    };
    let reached = reached.ok_or_else(|| Problem::not_found("contact"))?;
    Ok(http::with_header(http::json(200, &reached), "cache-control", "no-store"))
}

/// Cost: one strong Query; the person's key where there is a contact.
async fn of_customer(deps: &Deps, tenant: &Tenant, id: &CustomerId) -> Result<Option<Reached>, Problem> {
    let stream = contact_stream(tenant, id);
    let contact = deps.contacts.load(&stream).await.map_err(|error| load_problem(error, "contact"))?.state;
    let Some(email) = &contact.email else { return Ok(None) };
    let key = Key::of(deps, customer(tenant, id)).await?;
    let name = key.open_some(&stream, contact.name.as_ref(), "name")?;
    Ok(key.open(&stream, email, "email")?.map(|email| Reached { email, name }))
}

/// Cost: one strong Query; the person's key where there is an account of this tenant.
pub(crate) async fn of_person(deps: &Deps, tenant: &Tenant, user: Uuid) -> Result<Option<Reached>, Problem> {
    let stream = user_stream(user);
    let loaded = deps.users.load(&stream).await.map_err(|error| load_problem(error, "user"))?;
    let theirs = loaded.head.as_ref().is_some_and(|head| head.tenant == *tenant);
    let Some(email) = loaded.state.email.as_ref().filter(|_| theirs) else { return Ok(None) };
    let key = Key::of(deps, user).await?;
    let name = key.open_some(&stream, loaded.state.name.as_ref(), "name")?;
    Ok(key.open(&stream, email, "email")?.map(|email| Reached { email, name }))
}
