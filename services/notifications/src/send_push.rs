//! Consumes the queue `send-push`: one push per event to every device of the person that it is about, whatever comes twice.
//!
//! Intent, send, done, as with emails: a crash between sending and "done" pushes again after the lease under the same effect id, once
//! where the provider honours it (the local outbox does), at least once on SNS, which does not.

use std::collections::BTreeSet;

use annals_lambda::queue;
use annals_log::Expect;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use lambda_runtime::{Error, LambdaEvent};
use notifications::devices::{Because, ChangeDevices, DeviceRemoved, Devices, Endpoint};
use notifications::note::Channel;
use notifications::push::{FinishPush, IntendPush, PushGivenUp, PushSent};
use serde_json::json;
use uuid::Uuid;

use crate::deps::{PushDeps, SERVICE};
use crate::effect::{BoxError, EFFECT_TAG, Effect, Invocation, is_wanted};
use crate::keep_devices;
use crate::message::{Short, short};
use crate::occasion::Account;

const FUNCTION: &str = "send-push";

/// Pushes what the messages ask for; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &PushDeps) -> Result<SqsBatchResponse, Error> {
    let invocation = Invocation::of(&event.context);
    let taken_in =
        queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(push(message, &invocation, deps)));
    Ok(taken_in.await)
}

/// Cost: one strong Query where the person has no device; otherwise three, 2 WCU, and a call to SNS a device.
async fn push(message: &SqsMessage, invocation: &Invocation, deps: &PushDeps) -> Result<(), BoxError> {
    let Some(effect) = Effect::parse(message, Channel::Push, FUNCTION)? else { return Ok(()) };
    // Only accounts have devices: whether the id is one need not be asked.
    let Some(Account::Of(user) | Account::Perhaps(user)) = effect.occasion.account() else { return Ok(()) };
    let devices = devices(&effect, user, deps).await?;
    if devices.endpoints.is_empty() {
        // What was begun while there was a device ends; otherwise nothing is intended.
        return finish(&effect, given_up(&effect, "the person has no device"), deps).await;
    }
    if !intend(&effect, user, &invocation.attempt(message), invocation, deps).await? {
        return Ok(());
    }
    let kind = effect.occasion.kind();
    let ended = match is_wanted(&deps.preferences, (effect.tenant(), Some(user)), kind, Channel::Push).await? {
        true => deliver(&effect, user, &devices, deps).await?,
        false => given_up(&effect, "the person has turned it off"),
    };
    let (at, sent) = (deps.clock.now(), matches!(ended, FinishPush::Sent(_)));
    finish(&effect, ended, deps).await?;
    effect.count(&*deps.metrics, FUNCTION, at, sent);
    Ok(())
}

/// The devices of a person of the event's tenant.
async fn devices(effect: &Effect, user: Uuid, deps: &PushDeps) -> Result<Devices, BoxError> {
    let loaded = deps.devices.load(&keep_devices::stream(user)).await?;
    let theirs = loaded.head.is_some_and(|head| head.tenant == *effect.tenant());
    Ok(if theirs { loaded.state } else { Devices::default() })
}

/// Takes the lease; `false` where it is done already. An error where another sender has it.
async fn intend(effect: &Effect, user_id: Uuid, attempt: &str, invocation: &Invocation, deps: &PushDeps) -> Result<bool, BoxError> {
    let command = IntendPush {
        notification_id: effect.id,
        kind: effect.occasion.kind(),
        user_id,
        about: effect.detail.metadata.event_id.clone(),
        lease_until: invocation.lease(deps.clock.now()),
    };
    effect.intend(&deps.notes, attempt, &command).await
}

/// Pushes to every device; those that the provider does not reach any more are removed.
async fn deliver(effect: &Effect, user: Uuid, devices: &Devices, deps: &PushDeps) -> Result<FinishPush, BoxError> {
    let message = message(&short(&effect.occasion));
    let mut reached = BTreeSet::new();
    for (device, endpoint) in &devices.endpoints {
        match publish(effect, endpoint, &message, deps).await? {
            Reached::Yes => {
                reached.insert(*device);
            }
            Reached::Gone => remove(effect, user, *device, deps).await?,
        }
    }
    if reached.is_empty() {
        return Ok(given_up(effect, "no device is reached any more"));
    }
    tracing::info!(notification = %effect.id, devices = reached.len(), kind = ?effect.occasion.kind(), "pushed");
    Ok(FinishPush::Sent(PushSent { notification_id: effect.id, devices: reached }))
}

/// Whether a device has it.
enum Reached {
    Yes,
    Gone,
}

async fn publish(effect: &Effect, endpoint: &Endpoint, message: &str, deps: &PushDeps) -> Result<Reached, BoxError> {
    let tag = MessageAttributeValue::builder().data_type("String").string_value(effect.id.to_string()).build()?;
    let request = deps.sns.publish().target_arn(&endpoint.0).message_structure("json").message(message);
    match request.message_attributes(EFFECT_TAG, tag).send().await {
        Ok(_) => Ok(Reached::Yes),
        Err(SdkError::ServiceError(refused)) if is_gone(refused.err()) => Ok(Reached::Gone),
        // The code only: the provider's words may name the device.
        Err(error) => Err(format!("the push provider did not take it: {}", error.code().unwrap_or("no answer")).into()),
    }
}

/// Whether the provider says that the app was removed from the device, or that there is no such device.
fn is_gone(error: &PublishError) -> bool {
    error.is_endpoint_disabled_exception()
        || (error.is_invalid_parameter_exception() && error.message().is_some_and(|message| message.contains("No endpoint found")))
}

/// What each platform's provider takes. FCM reaches Android and, with an APNs key, Apple's devices.
///
/// Source: SNS Developer Guide, "Sending platform-specific payloads to mobile devices".
fn message(Short { title, text }: &Short) -> String {
    let fcm = json!({ "fcmV1Message": { "message": { "notification": { "title": title, "body": text } } } });
    let apns = json!({ "aps": { "alert": { "title": title, "body": text } } });
    json!({ "default": format!("{title}. {text}"), "GCM": fcm.to_string(), "APNS": apns.to_string() }).to_string()
}

async fn remove(effect: &Effect, user_id: Uuid, device_id: Uuid, deps: &PushDeps) -> Result<(), BoxError> {
    let gone = ChangeDevices::Remove(DeviceRemoved { user_id, device_id, because: Because::Gone });
    let request = effect.request(&format!("remove/{device_id}"));
    deps.devices.execute(&request, &keep_devices::stream(user_id), Expect::Existing, &gone).await?;
    Ok(())
}

fn given_up(effect: &Effect, reason: &str) -> FinishPush {
    FinishPush::GivenUp(PushGivenUp { notification_id: effect.id, reason: reason.into() })
}

async fn finish(effect: &Effect, finish: FinishPush, deps: &PushDeps) -> Result<(), BoxError> {
    deps.notes.execute(&effect.request("finish"), &effect.stream(), Expect::Existing, &finish).await?;
    Ok(())
}
