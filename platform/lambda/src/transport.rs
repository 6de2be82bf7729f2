//! Is the HTTP client of AWS SDKs: their requests go over HTTP/1.1, which every endpoint that they are sent to speaks.
//!
//! The SDKs' own client brings HTTP/2 along, which nothing here asks for and which is a seventh of a package (ADR 44).

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::Full;

use crate::web::TcpWeb;

/// An SDK's requests over the connections of this value.
#[derive(Clone, Debug)]
struct Transport(TcpWeb);

impl TcpWeb {
    /// The HTTP client of AWS SDKs, over the same connections. How long an attempt may take is the SDK's to say.
    pub(crate) fn for_sdks(self) -> SharedHttpClient {
        SharedHttpClient::new(Transport(self))
    }
}

impl HttpClient for Transport {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let web = self.0.clone();
        HttpConnectorFuture::new(async move {
            // Whatever keeps an answer from coming is of the network, and says nothing of what became of the request.
            let answer = web.send(in_memory(request)?).await.map_err(ConnectorError::io)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The request with the bytes of its body, which services that take no streams have in memory.
fn in_memory(request: HttpRequest) -> Result<http::Request<Full<Bytes>>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let bytes = body.bytes().ok_or_else(|| ConnectorError::user("a body that is streamed is sent by nothing here".into()))?;
    Ok(http::Request::from_parts(parts, Full::new(Bytes::copy_from_slice(bytes))))
}
