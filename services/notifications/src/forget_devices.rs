//! Consumes the queue `forget-devices`: who has left an organisation, or was erased, has no device there any more, nor has the provider.

use annals_bus::Detail;
use annals_kit::{Actor, CommandId};
use annals_lambda::queue;
use annals_log::{Expect, Request};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sns::error::ProvideErrorMetadata;
use lambda_runtime::{Error, LambdaEvent};
use notifications::devices::{Because, ChangeDevices, DeviceRemoved, Endpoint};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::deps::{ForgetDeps, SERVICE};
use crate::effect::BoxError;
use crate::keep_devices::stream;

const FUNCTION: &str = "forget-devices";

/// What is read of MEMBER_LEFT.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct Left {
    pub(crate) user_id: Uuid,
}

/// Removes what the messages ask for; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &ForgetDeps) -> Result<SqsBatchResponse, Error> {
    let taken_in = queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(forget(message, deps)));
    Ok(taken_in.await)
}

/// Cost: one strong Query; a call to SNS and 1 WCU a device.
async fn forget(message: &SqsMessage, deps: &ForgetDeps) -> Result<(), BoxError> {
    let event: EventBridgeEvent<Detail> = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
    let metadata = event.detail.metadata;
    let Left { user_id } = serde_json::from_value(event.detail.data.into())?;
    let loaded = deps.devices.load(&stream(user_id)).await?;
    if loaded.head.is_none_or(|head| head.tenant != metadata.tenant) {
        return Ok(());
    }
    for (device_id, endpoint) in loaded.state.endpoints {
        // The provider first: a device that is recorded as removed is one that nobody knows any more.
        delete(&endpoint, &deps.sns).await?;
        let command = CommandId::derived(&metadata.tenant, &format!("forget/{device_id}/{}", metadata.event_id));
        let request = Request::new(&metadata.tenant, actor(), command, device_id.as_bytes());
        let request = request.because_of(metadata.event_id.clone(), metadata.correlation_id);
        let left = ChangeDevices::Remove(DeviceRemoved { user_id, device_id, because: Because::Left });
        deps.devices.execute(&request, &stream(user_id), Expect::Existing, &left).await?;
    }
    Ok(())
}

/// Has the provider forget a device; safe to repeat.
pub(crate) async fn delete(endpoint: &Endpoint, sns: &aws_sdk_sns::Client) -> Result<(), BoxError> {
    let deleted = sns.delete_endpoint().endpoint_arn(&endpoint.0).send().await;
    deleted.map(drop).map_err(|error| format!("the push provider did not forget it: {}", error.code().unwrap_or("no answer")).into())
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
