//! One API of AWS: its SDK's client, or a port in its place.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;

use crate::operation::{Operation, Sending};
use crate::port::Port;

/// A call that has taken this long is taken for lost.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// DynamoDB.
pub type DynamoDb = Client<aws_sdk_dynamodb::Client>;
/// EventBridge.
pub type EventBridge = Client<aws_sdk_eventbridge::Client>;
/// KMS.
pub type Kms = Client<aws_sdk_kms::Client>;
/// SES.
pub type Ses = Client<aws_sdk_sesv2::Client>;

/// One API of AWS.
#[derive(Clone, Debug)]
pub struct Client<C> {
    way: Way<C>,
}

#[derive(Clone, Debug)]
enum Way<C> {
    Sdk(C),
    Port(Arc<dyn Port>),
}

impl<C> Client<C> {
    /// What a port answers in the API's place.
    pub fn through(port: Arc<dyn Port>) -> Self {
        Self { way: Way::Port(port) }
    }

    /// Sends a call, as the builder of its input, and waits for its answer.
    ///
    /// Errors: the SDK's own. A port's answers come in time or, after [`CALL_TIMEOUT`], not at all.
    pub fn send<'a, O: Operation<Client = C> + 'a>(&'a self, call: O) -> Sending<'a, O> {
        match &self.way {
            Way::Sdk(client) => call.send_with(client),
            Way::Port(port) => Box::pin(ask(&**port, call)),
        }
    }
}

async fn ask<O: Operation>(port: &dyn Port, call: O) -> Result<O::Output, SdkError<O::Error>> {
    let request = call.into_request().map_err(SdkError::construction_failure)?;
    match tokio::time::timeout(CALL_TIMEOUT, port.call(request)).await {
        Ok(response) => *O::answer(response),
        Err(elapsed) => Err(SdkError::timeout_error(elapsed)),
    }
}

impl<C> From<C> for Client<C> {
    fn from(client: C) -> Self {
        Self { way: Way::Sdk(client) }
    }
}
