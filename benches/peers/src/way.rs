//! How a contestant reaches the embedded DynamoDB: in this process, or on loopback as any other process.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedAsyncSleep, SharedHttpClient};
use aws_smithy_async::rt::sleep::TokioSleep;

use crate::capacity::AskCapacity;

/// A way to the database, as one role.
#[derive(Clone, Debug)]
pub struct Way {
    /// The transport.
    pub http: SharedHttpClient,
    /// The role's.
    pub credentials: Credentials,
    /// The loopback endpoint; none in process.
    pub endpoint: Option<String>,
    /// Whether every call asks what it costs, also those of contestants that do not ask themselves.
    pub metered: bool,
}

impl Way {
    /// The SDK's client as AWS gives it, its own retries included: what the peers' documentation builds on.
    pub fn client(&self) -> Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(annals_local::arn::REGION))
            .credentials_provider(self.credentials.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .http_client(self.http.clone());
        config.set_endpoint_url(self.endpoint.clone());
        if self.metered {
            config = config.interceptor(AskCapacity);
        }
        Client::from_conf(config.build())
    }

    /// Annals' own: without the SDK's retries.
    pub fn account(&self) -> annals_lambda::Account {
        let account = annals_lambda::Account::new(self.http.clone(), self.credentials.clone(), annals_local::arn::REGION);
        annals_lambda::Account { endpoint: self.endpoint.clone(), ..account }
    }
}
