//! Stands between the SDK and the local AWS, and breaks what passes as a mutant says.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value as Json;

/// A way in which code that reads or writes could be wrong, as it shows on the wire.
#[derive(Clone, Copy)]
pub struct Mutant {
    pub name: &'static str,
    /// Changes a CreateTable request.
    pub table: fn(&mut Json),
    /// Changes a request; the first argument is the operation.
    pub request: fn(&str, &mut Json),
    /// Changes an answer; the arguments before it are the operation and the request as it was sent.
    pub answer: fn(&str, &Json, &mut Json),
}

impl Mutant {
    pub const fn new(name: &'static str) -> Self {
        Self { name, table: |_| (), request: |_, _| (), answer: |_, _, _| () }
    }

    pub fn table(&self, table: &mut Json) {
        (self.table)(table);
    }
}

/// The client between.
#[derive(Clone)]
pub struct Meddler {
    inner: SharedHttpClient,
    mutant: Option<Mutant>,
}

impl Meddler {
    pub fn over(inner: SharedHttpClient, mutant: Option<Mutant>) -> SharedHttpClient {
        SharedHttpClient::new(Self { inner, mutant })
    }
}

impl fmt::Debug for Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddler").field("mutant", &self.mutant.map(|mutant| mutant.name)).finish()
    }
}

impl HttpClient for Meddler {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        match self.mutant {
            Some(mutant) => SharedHttpConnector::new(Between { inner, mutant }),
            None => inner,
        }
    }
}

struct Between {
    inner: SharedHttpConnector,
    mutant: Mutant,
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mutant.name)
    }
}

impl HttpConnector for Between {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (inner, mutant) = (self.inner.clone(), self.mutant);
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.split('.').next_back().unwrap_or_default().to_owned();
            let mut sent: Json = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
            (mutant.request)(&operation, &mut sent);
            let body = sent.to_string();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
            let mut response: HttpResponse = inner.call(request).await?;
            let mut answer: Json = serde_json::from_slice(response.body().bytes().unwrap_or_default()).unwrap_or_default();
            (mutant.answer)(&operation, &sent, &mut answer);
            let body = answer.to_string();
            response.headers_mut().insert("content-length", body.len().to_string());
            *response.body_mut() = SdkBody::from(body);
            Ok(response)
        })
    }
}
