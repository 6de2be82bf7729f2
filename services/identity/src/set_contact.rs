//! `PUT /v1/contacts/{customer}`: says how a customer of the tenant is reached.

use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::{CustomerId, Version};
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::contact::{ContactSet, SEALED, SetContact};
use identity::email::EmailAddress;
use identity::text::Name;
use lambda_runtime::{Error, LambdaEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{BODY_LIMIT, committed, note_refusal, problem, request_of};
use crate::deps::{Deps, SERVICE};
use crate::personal::{Key, contact_stream, customer};
use crate::routes::CONTACT_WRITERS;

const FUNCTION: &str = "set-contact";

/// How the customer is reached.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    email: EmailAddress,
    #[serde(default)]
    name: Option<Name>,
}

/// That it was set.
#[derive(Serialize, JsonSchema)]
struct Set {
    customer_id: CustomerId,
    version: Version,
}

/// The route.
pub(crate) fn route() -> Route {
    Route::new(Method::Put, "/v1/contacts/{customer}", FUNCTION, "Says how a customer is reached.")
        .admits(&CONTACT_WRITERS)
        .idempotent()
        .path::<CustomerId>("customer", "The customer, by your own id.")
        .body::<Asked>(json!({ "email": "ada@customers.example", "name": "Ada" }))
        .answers::<Set>(200, "It is so.", json!({ "customer_id": "ada", "version": 1 }))
        .refuses(409, &["erased"])
}

/// Answers 200 with the version of the contact.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(answer(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn answer(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &CONTACT_WRITERS)?;
    let set = set(event, deps, &caller).await;
    if let Err(refused) = &set {
        note_refusal(deps, (&caller.tenant, &caller.actor), FUNCTION, refused).await;
    }
    set
}

async fn set(event: &ApiGatewayV2httpRequest, deps: &Deps, caller: &Caller) -> Result<Response, Problem> {
    let id: CustomerId = http::path(event, "customer", "customer")?;
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    let request = request_of(deps, caller, event, &(asked.email.as_str(), &asked.name))?;
    let seal = Key::of(deps, customer(&caller.tenant, &id)).await?.seal(SEALED)?;
    let command = SetContact(ContactSet {
        customer_id: id.clone(),
        email: asked.email.as_str().to_owned(),
        name: asked.name.map(|name| name.as_str().to_owned()),
    });
    let stream = contact_stream(&caller.tenant, &id);
    let outcome = deps.contacts.execute(&Request { seal: Some(seal), ..request }, &stream, Expect::New, &command).await;
    match outcome.map_err(|error| problem(error, "contact"))? {
        Outcome::Committed { version, repeated, .. } => {
            if !repeated {
                committed(deps, FUNCTION);
            }
            Ok(http::json(200, &Set { customer_id: id, version }))
        }
        Outcome::Unchanged { .. } => Err(Problem::internal()),
    }
}
