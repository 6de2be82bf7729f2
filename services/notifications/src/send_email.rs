//! Consumes the queue `send-email`, which the rules of `contract.rs` fill: one email per event, whatever comes twice.
//!
//! Intent, send, done: the intent is a commit that only one sender can make, its lease ends with the function's own deadline. A crash
//! between sending and "done" sends again after the lease under the same effect id: once where the provider honours it (the local
//! outbox does), at least once on SES, which does not.

use annals_lambda::queue;
use annals_log::Expect;
use annals_planted::{Bug, planted};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailInput;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{EmailContent, MessageTag, RawMessage};
use lambda_runtime::{Error, LambdaEvent};
use notifications::email::{EmailGivenUp, EmailSent, Finish, Intend};
use notifications::note::Channel;
use uuid::Uuid;

use crate::addressee::{Addressee, addressee};
use crate::deps::{Deps, SERVICE};
use crate::effect::{BoxError, EFFECT_TAG, Effect, Invocation, is_wanted};
use crate::message::compose;
use crate::occasion::Occasion;

const FUNCTION: &str = "send-email";

/// Sends what the messages ask for; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &Deps) -> Result<SqsBatchResponse, Error> {
    let invocation = Invocation::of(&event.context);
    let taken_in =
        queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(send(message, &invocation, deps)));
    Ok(taken_in.await)
}

async fn send(message: &SqsMessage, invocation: &Invocation, deps: &Deps) -> Result<(), BoxError> {
    let Some(effect) = Effect::parse(message, Channel::Email, FUNCTION)? else { return Ok(()) };
    let to = addressee(&deps.identity, effect.tenant(), &effect.occasion).await?;
    if to.is_none() && matches!(effect.occasion, Occasion::Welcome(_) | Occasion::Verification(_)) {
        // Who came by an invitation has nothing to confirm, and who was welcomed and has confirmed neither: nothing is intended.
        let reason = "nothing is to be confirmed".into();
        return finish(&effect, Finish::GivenUp(EmailGivenUp { notification_id: effect.id, reason }), deps).await;
    }
    if !intend(&effect, &invocation.attempt(message), invocation, deps).await? {
        return Ok(());
    }
    if planted(Bug::DoneBeforeDoing) && to.is_some() {
        let sent = EmailSent { notification_id: effect.id, message_id: "to be sent".into() };
        finish(&effect, Finish::Sent(sent), deps).await?;
    }
    let whom = Uuid::parse_str(effect.occasion.whom().as_str()).ok();
    let ended = match &to {
        Some(to) if is_wanted(&deps.preferences, (effect.tenant(), whom), effect.occasion.kind(), Channel::Email).await? => {
            deliver(&effect, to, deps).await?
        }
        Some(_) => given_up(&effect, "the person has turned it off"),
        None => given_up(&effect, "identity knows no address"),
    };
    let (at, sent) = (deps.clock.now(), matches!(ended, Finish::Sent(_)));
    finish(&effect, ended, deps).await?;
    effect.count(&*deps.metrics, FUNCTION, at, sent);
    Ok(())
}

/// Takes the lease; `false` where the email is done already. An error where another sender has it.
async fn intend(effect: &Effect, attempt: &str, invocation: &Invocation, deps: &Deps) -> Result<bool, BoxError> {
    let command = Intend {
        notification_id: effect.id,
        kind: effect.occasion.kind(),
        customer_id: effect.occasion.whom(),
        about: effect.detail.metadata.event_id.clone(),
        lease_until: invocation.lease(deps.clock.now()),
    };
    effect.intend(&deps.notes, attempt, &command).await
}

async fn deliver(effect: &Effect, to: &Addressee, deps: &Deps) -> Result<Finish, BoxError> {
    let from = &deps.settings.from;
    let mail = compose(&effect.occasion, to, effect.id, from, deps.clock.now().seconds())?;
    let content = EmailContent::builder().raw(RawMessage::builder().data(Blob::new(mail)).build()?).build();
    let tag = MessageTag::builder().name(EFFECT_TAG).value(effect.id.to_string()).build()?;
    let email = SendEmailInput::builder().from_email_address(from).content(content).email_tags(tag);
    match deps.ses.send(email).await {
        Ok(sent) => {
            let message_id = sent.message_id().unwrap_or_default().to_owned();
            tracing::info!(notification = %effect.id, message_id, kind = ?effect.occasion.kind(), "email sent");
            Ok(Finish::Sent(EmailSent { notification_id: effect.id, message_id }))
        }
        // The provider will never take this one; everything else may be better the next time.
        Err(SdkError::ServiceError(refused)) if refused.err().is_message_rejected() => {
            Ok(given_up(effect, "the provider rejected the message"))
        }
        // The code only: the provider's words may name the recipient.
        Err(error) => Err(format!("the email provider did not take it: {}", error.code().unwrap_or("no answer")).into()),
    }
}

fn given_up(effect: &Effect, reason: &str) -> Finish {
    tracing::warn!(notification = %effect.id, reason, "email given up");
    Finish::GivenUp(EmailGivenUp { notification_id: effect.id, reason: reason.into() })
}

async fn finish(effect: &Effect, finish: Finish, deps: &Deps) -> Result<(), BoxError> {
    deps.notes.execute(&effect.request("finish"), &effect.stream(), Expect::Existing, &finish).await?;
    Ok(())
}
