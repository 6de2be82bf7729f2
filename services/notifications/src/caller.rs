//! Who asks about themselves.

use annals_lambda::http::{self, Problem};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use uuid::Uuid;

/// The person who has logged in; refused where a key asks, which is told nothing.
pub(crate) fn person(event: &ApiGatewayV2httpRequest) -> Result<Uuid, Problem> {
    let id = |name: &str| -> Option<Uuid> { http::verified(event, name)?.parse().ok() };
    let person = id("session").and_then(|_| id("user"));
    person.ok_or_else(|| Problem::new(403, "forbidden", "only a person who has logged in may do this, not an API key"))
}
