//! Identity's API, as far as notifications asks it: how people are reached.

use std::sync::Arc;

use annals_lambda::Web;
use annals_lambda::web::Answering;
use bytes::Bytes;
use serde_json::json;

use crate::faults::Fault;
use crate::network::Network;

/// Answers for identity.
pub struct Directory(pub Arc<Network>);

impl Web for Directory {
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let place = ("identity", path.as_str(), self.0.faults.attempt("identity", &path));
            tokio::time::sleep(std::time::Duration::from_millis(2 + self.0.faults.extent(4, place))).await;
            if self.0.faults.fires(Fault::InternalError, place, self.0.clock.elapsed()) {
                return Ok(http::Response::builder().status(503).body(json!({ "type": "urn:annals:problem:busy" }).to_string().into())?);
            }
            let person = path.rsplit('/').find(|part| !part.ends_with("links")).unwrap_or_default();
            let email = format!("{person}@people.example");
            let (status, body) = match path.ends_with("links") {
                true => (
                    201,
                    json!({ "email": email, "link": "https://app.example/#t", "token": "t", "expires_at": "2026-03-02T00:00:00.000000Z" }),
                ),
                false => (200, json!({ "id": person, "email": email })),
            };
            Ok(http::Response::builder().status(status).body(body.to_string().into())?)
        })
    }
}
