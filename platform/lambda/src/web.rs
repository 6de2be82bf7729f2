//! Plain HTTP calls to other services' APIs: over HTTPS on AWS, in process on one machine.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;

/// Any error, its source kept.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// An answer on its way.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, BoxError>> + Send + 'a>>;

/// How long it may take to reach an endpoint.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// An answer larger than this is an error.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Carries HTTP requests to other services.
pub trait Web: Send + Sync {
    /// Sends a request and waits for the whole answer.
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_>;
}

/// HTTP/1.1 and HTTPS over TCP; clones share their connections.
#[derive(Clone, Debug)]
pub struct TcpWeb {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl TcpWeb {
    /// With the certificate authorities of the machine.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self::over(hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?))
    }

    /// For AWS: it trusts Amazon's own authorities, and reads none of the machine's.
    pub fn to_aws() -> std::io::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for authority in rustls::pki_types::CertificateDer::pem_slice_iter(crate::clients::AMAZON_ROOTS) {
            roots.add(authority.map_err(std::io::Error::other)?).map_err(std::io::Error::other)?;
        }
        Ok(Self::trusting(roots))
    }

    /// For one API: with certificate authorities where it is reached over HTTPS, [`TcpWeb::loopback`] where it is not.
    pub fn to(base: &str) -> std::io::Result<Self> {
        if crate::clients::is_plain(base) { Ok(Self::loopback()) } else { Self::new() }
    }

    /// For addresses of this machine only: no certificate authorities are read.
    pub fn loopback() -> Self {
        Self::trusting(rustls::RootCertStore::empty())
    }

    fn trusting(roots: rustls::RootCertStore) -> Self {
        let tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has the protocol versions that rustls calls safe")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self::over(hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls))
    }

    fn over(tls: HttpsConnectorBuilder<WantsSchemes>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Sends a request; its answer's body is still to come.
    pub(crate) async fn send(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Incoming>, BoxError> {
        Ok(self.client.request(request).await?)
    }
}

impl Web for TcpWeb {
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
        Box::pin(async move {
            let answer = tokio::time::timeout(TIMEOUT, self.send(request.map(Full::new))).await??;
            let (parts, body) = answer.into_parts();
            let body = tokio::time::timeout(TIMEOUT, Limited::new(body, LARGEST_ANSWER).collect()).await??.to_bytes();
            Ok(http::Response::from_parts(parts, body))
        })
    }
}
