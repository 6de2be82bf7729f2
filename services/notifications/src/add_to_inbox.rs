//! Consumes the queue `add-to-inbox`: one item per event in the inbox of the account that it is about, whatever comes twice.
//!
//! An inbox is on this side of the provider: the item is there when its commit is, so there is nothing to lease.

use annals_lambda::queue;
use annals_log::{Expect, Outcome};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent};
use notifications::inbox::{ItemAdded, ItemLeftOut, TellInbox};
use notifications::note::Channel;
use uuid::Uuid;

use crate::addressee::is_account;
use crate::deps::{InboxDeps, SERVICE};
use crate::effect::{BoxError, Effect, Invocation, is_wanted};
use crate::message::{Short, short};
use crate::occasion::Account;

const FUNCTION: &str = "add-to-inbox";

/// Adds what the messages ask for; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &InboxDeps) -> Result<SqsBatchResponse, Error> {
    let invocation = Invocation::of(&event.context);
    let taken_in =
        queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(add(message, &invocation, deps)));
    Ok(taken_in.await)
}

/// Cost: two strong Queries and 1 WCU; a request to identity where only identity knows whether the id is an account's.
async fn add(message: &SqsMessage, invocation: &Invocation, deps: &InboxDeps) -> Result<(), BoxError> {
    let Some(effect) = Effect::parse(message, Channel::Inbox, FUNCTION)? else { return Ok(()) };
    let Some(user) = account(&effect, deps).await? else { return Ok(()) };
    let wanted = is_wanted(&deps.preferences, (effect.tenant(), Some(user)), effect.occasion.kind(), Channel::Inbox).await?;
    let command = if wanted { item(&effect, user) } else { left_out(&effect, user) };
    // Each attempt is a command of its own, so that only the one that adds it is counted.
    let request = effect.request(&format!("add/{}", invocation.attempt(message)));
    let outcome = deps.notes.execute(&request, &effect.stream(), Expect::New, &command).await?;
    if let Outcome::Committed { .. } = outcome {
        effect.count(&*deps.metrics, FUNCTION, deps.clock.now(), wanted);
    }
    Ok(())
}

/// Whose inbox it goes to. Customers who are nobody's account cannot log in: they have none.
async fn account(effect: &Effect, deps: &InboxDeps) -> Result<Option<Uuid>, BoxError> {
    Ok(match effect.occasion.account() {
        Some(Account::Of(user)) => Some(user),
        Some(Account::Perhaps(user)) => is_account(&deps.identity, effect.tenant(), user).await?.then_some(user),
        None => None,
    })
}

fn item(effect: &Effect, user_id: Uuid) -> TellInbox {
    let Short { title, text } = short(&effect.occasion);
    let (kind, about) = (effect.occasion.kind(), effect.detail.metadata.event_id.clone());
    TellInbox::Add(ItemAdded { notification_id: effect.id, kind, user_id, about, title, text })
}

fn left_out(effect: &Effect, user_id: Uuid) -> TellInbox {
    let (kind, about) = (effect.occasion.kind(), effect.detail.metadata.event_id.clone());
    let reason = "the person has turned it off".into();
    TellInbox::LeaveOut(ItemLeftOut { notification_id: effect.id, kind, user_id, about, reason })
}
