//! `DELETE /v1/sessions/current` and `DELETE /v1/sessions`: ends this session, or all of them.

use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::CommandId;
use annals_kit::ids::derived_uuid;
use annals_lambda::http::{self, Problem, Response};
use annals_lambda::metrics::measured;
use annals_log::Expect;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use identity::user::ChangeUser;
use lambda_runtime::{Error, LambdaEvent};
use uuid::Uuid;

use crate::answer::{committed, problem, request_as};
use crate::deps::{Deps, SERVICE};
use crate::personal::user_stream;
use crate::revoke::dismiss;
use crate::routes::READERS;
use crate::safe::Kind;

const FUNCTION: &str = "log-out";

/// The routes.
pub(crate) fn routes() -> [Route; 2] {
    let ends = |path, name, summary| {
        let route = Route::new(Method::Delete, path, name, summary).function(FUNCTION).for_oneself();
        route.answers_empty(204, "It is so, now or before.").refuses(404, &["not-found"]).refuses(503, &["unknown-outcome"])
    };
    [
        ends("/v1/sessions/current", "end-session", "Ends this session."),
        ends("/v1/sessions", "end-sessions", "Ends every session of the caller's, this one as well."),
    ]
}

/// Answers 204; also to a session that has ended.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &Deps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(log_out(&event.payload, deps));
    Ok(measured(&*deps.metrics, &*deps.clock, SERVICE, FUNCTION, work).await)
}

async fn log_out(event: &ApiGatewayV2httpRequest, deps: &Deps) -> Result<Response, Problem> {
    let caller = http::caller(event, &READERS)?;
    let (user, current) = session(event)?;
    let all = event.route_key.as_deref() == Some("DELETE /v1/sessions");
    // Secrets first: what is recorded must be so.
    let ended = dismiss(deps, Kind::Session, user, |pass| all || pass.id == current).await?;
    for session in ended {
        let command = CommandId(derived_uuid("log out", &caller.tenant, &session.to_string()));
        let request = request_as(deps, command, (&caller.tenant, caller.actor.clone()), event, &session);
        let outcome = deps.users.execute(&request, &user_stream(user), Expect::Existing, &ChangeUser::EndSession(session)).await;
        outcome.map_err(|error| problem(error, "user"))?;
        committed(deps, FUNCTION);
    }
    Ok(http::empty(204))
}

/// The person and their session; refused where a key asks.
pub(crate) fn session(event: &ApiGatewayV2httpRequest) -> Result<(Uuid, Uuid), Problem> {
    let id = |name: &str| http::verified(event, name).and_then(|text| text.parse().ok());
    let of_person = id("user").zip(id("session"));
    of_person.ok_or_else(|| Problem::new(403, "forbidden", "only a person who has logged in may do this, not an API key"))
}
