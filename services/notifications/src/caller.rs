//! Who asks about themselves, and what they change of it.

use annals_answers::command_problem;
use annals_kit::{Command, CommandId, Role, StreamId, Version};
use annals_lambda::Metric;
use annals_lambda::http::{self, Caller, Problem};
use annals_log::{Expect, Outcome, Request};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use uuid::Uuid;

use crate::deps::{KeepDeps, SERVICE};

/// The person who has logged in; refused where a key asks, which is told nothing. What is a person's own is theirs whatever they may do in
/// the organisation.
pub(crate) fn person(event: &ApiGatewayV2httpRequest) -> Result<(Caller, Uuid), Problem> {
    let caller = http::caller(event, &Role::ALL)?;
    let id = |name: &str| -> Option<Uuid> { http::verified(event, name)?.parse().ok() };
    let person = id("session").and_then(|_| id("user"));
    let person = person.ok_or_else(|| Problem::new(403, "forbidden", "only a person who has logged in may do this, not an API key"))?;
    Ok((caller, person))
}

/// What a person asks to have changed of their own.
pub(crate) struct Change<'a, C> {
    /// The function that is asked.
    pub(crate) function: &'static str,
    /// What is told of where it is not there.
    pub(crate) what: &'static str,
    /// The stream.
    pub(crate) stream: &'a StreamId,
    /// What was asked, in bytes.
    pub(crate) asked: &'a [u8],
    /// The change.
    pub(crate) command: C,
}

impl<C: Command> Change<'_, C> {
    /// Makes the change for `caller`; the stream's version after it, `None` where there is nothing in it. What is refused is told as
    /// `refused` says.
    ///
    /// Cost: one strong Query, and 1 WCU where something changes.
    pub(crate) async fn make(
        self,
        deps: &KeepDeps<C::Aggregate>,
        caller: &Caller,
        refused: impl FnOnce(C::Refusal) -> Problem,
    ) -> Result<Option<Version>, Problem> {
        // The same again is the same: no key of the caller's is needed.
        let request = Request::new(&caller.tenant, caller.actor.clone(), CommandId(deps.ids.uuid()), self.asked);
        let outcome = deps.streams.execute(&request, self.stream, Expect::Existing, &self.command).await;
        match outcome.map_err(|error| command_problem(error, self.what, refused))? {
            Outcome::Committed { version, .. } => {
                deps.metrics.count(SERVICE, Metric::CommandCommitted, 1, self.function);
                Ok(Some(version))
            }
            Outcome::Unchanged { version } => Ok(version),
        }
    }
}
