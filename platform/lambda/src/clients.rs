//! The AWS clients of one function, all over one transport.

use std::sync::Arc;

use annals_aws::client::CALL_TIMEOUT;
use annals_aws::{Client, DynamoDb, EventBridge, Kms, Port, Ses};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;

use crate::web::TcpWeb;

/// Amazon Root CA 1 to 4.
pub(crate) const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// How a function reaches AWS.
#[derive(Clone, Debug)]
pub struct Account {
    /// What stands in AWS's place, where something does: then the rest is only for what it does not know.
    pub port: Option<Arc<dyn Port>>,
    /// The transport: HTTPS on AWS, in process on one machine.
    pub http: SharedHttpClient,
    /// The function's role.
    pub credentials: Credentials,
    /// The region.
    pub region: String,
    /// One endpoint for every service; `None` for AWS's own.
    pub endpoint: Option<String>,
}

/// The environment lacks a variable that a function needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingVariable(pub &'static str);

/// The value of an environment variable that must be there.
pub fn variable(name: &'static str) -> Result<String, MissingVariable> {
    std::env::var(name).map_err(|_| MissingVariable(name))
}

impl Account {
    /// The account a Lambda function finds in its environment: credentials, region and, if set, `AWS_ENDPOINT_URL`.
    ///
    /// aws-config is not used: it costs 2 ms at every cold start and finds nothing else in a function.
    pub fn from_env() -> Result<Self, MissingVariable> {
        let session = std::env::var("AWS_SESSION_TOKEN").ok();
        let credentials = Credentials::from_keys(variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?, session);
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok();
        let http = if endpoint.as_deref().is_some_and(is_plain) { loopback() } else { https() };
        Ok(Self { endpoint, ..Self::new(http, credentials, variable("AWS_REGION")?) })
    }

    /// An account in a region, reached by this transport with these credentials, at AWS's own endpoints.
    pub fn new(http: SharedHttpClient, credentials: Credentials, region: impl Into<String>) -> Self {
        Self { port: None, http, credentials, region: region.into(), endpoint: None }
    }

    /// The same with `port` in the place of the APIs that it knows.
    pub fn behind(self, port: Arc<dyn Port>) -> Self {
        Self { port: Some(port), ..self }
    }

    /// A DynamoDB client. It does not retry: the callers have the policy, and must see every lost answer.
    pub fn dynamodb(&self) -> DynamoDb {
        self.client(|| self.sdk_dynamodb())
    }

    /// The SDK's own DynamoDB client, for what operators do and no function does.
    pub fn sdk_dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.without_retries())
    }

    /// An EventBridge client. It does not retry: the publisher retries the entries that failed, and no others.
    pub fn events(&self) -> EventBridge {
        self.client(|| aws_sdk_eventbridge::Client::new(&self.without_retries()))
    }

    /// A KMS client, with the SDK's own retries: its calls change nothing.
    pub fn kms(&self) -> Kms {
        self.client(|| aws_sdk_kms::Client::new(&self.shared().build()))
    }

    /// An SES client. It does not retry: sending twice is worse than sending late.
    pub fn ses(&self) -> Ses {
        self.client(|| aws_sdk_sesv2::Client::new(&self.without_retries()))
    }

    /// An SNS client. It does not retry: pushing twice is worse than pushing late.
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.without_retries())
    }

    fn client<C>(&self, sdk: impl FnOnce() -> C) -> Client<C> {
        self.port.as_ref().map_or_else(|| sdk().into(), |port| Client::through(port.clone()))
    }

    fn without_retries(&self) -> SdkConfig {
        self.shared().retry_config(RetryConfig::disabled()).build()
    }

    /// What the clients of every service have in common.
    fn shared(&self) -> aws_types::sdk_config::Builder {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .credentials_provider(SharedCredentialsProvider::new(self.credentials.clone()))
            .region(Region::new(self.region.clone()))
            .timeout_config(timeouts());
        config.set_endpoint_url(self.endpoint.clone());
        config
    }
}

/// Whether a URL needs no TLS: then no certificate authorities are read either, which takes longer than all else at a cold start.
pub(crate) fn is_plain(url: &str) -> bool {
    url.starts_with("http://")
}

/// HTTPS.
///
/// It trusts Amazon's own four authorities, which all of AWS's endpoints answer with, and reads none of the machine's: at a cold start those
/// take longer than everything else. Source: Amazon Trust Services, "Root CAs"; ADR 42.
fn https() -> SharedHttpClient {
    TcpWeb::to_aws().expect("a test builds the client from these authorities").for_sdks()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(CALL_TIMEOUT).build()
}

/// Plain HTTP, for endpoints on this machine: no certificate authorities are read.
pub fn loopback() -> SharedHttpClient {
    TcpWeb::loopback().for_sdks()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_authorities_are_trusted_and_a_client_can_be_built() {
        let text = std::str::from_utf8(AMAZON_ROOTS).unwrap();
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 4);
        // Building parses them: a certificate that cannot be read panics here, and not in a function.
        drop(https());
    }
}
