//! The HTTP client that the AWS SDKs of one function's environment get.

use std::fmt;
use std::sync::{Arc, Weak};

use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::Network;
use super::environment::Environment;

/// The client. It does not keep the network: the network's own functions hold it.
#[derive(Clone)]
pub struct Port {
    network: Weak<Network>,
    environment: Arc<Environment>,
    aws: Option<SharedHttpConnector>,
}

impl Port {
    /// The client of this environment.
    pub fn new(network: &Arc<Network>, environment: Arc<Environment>) -> Self {
        Self { network: Arc::downgrade(network), environment, aws: None }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Port")
    }
}

impl HttpClient for Port {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let aws = self.network.upgrade().map(|network| network.local.http_client().http_connector(settings, components));
        SharedHttpConnector::new(Self { aws, ..self.clone() })
    }
}

impl HttpConnector for Port {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (network, aws, environment) = (self.network.upgrade(), self.aws.clone(), self.environment.clone());
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io("the connection broke".into());
            let (network, aws) = network.zip(aws).ok_or_else(lost)?;
            let answer = network.ask(request, aws, environment);
            drop(network);
            // Who ended has nobody left to tell.
            let Ok(answer) = answer.await else { return std::future::pending().await };
            let (status, body) = answer.ok_or_else(lost)?;
            let response = http::Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
            let response = response.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
