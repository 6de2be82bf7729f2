//! Identity's contact route: `GET /v1/tenants/{tenant}/contacts/{id}`, asked at the moment of sending.
//!
//! The bus and the log carry ids; an address is in neither.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::{CustomerId, Tenant};
use annals_lambda::Web;
use bytes::Bytes;
use serde::Deserialize;

/// How long identity may take: a batch of ten must fit the function's ten seconds when one hangs.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The problem type of a customer that identity does not know.
const NOT_FOUND: &[u8] = b"urn:annals:problem:not-found";

/// A client of identity's contact route.
#[derive(Clone)]
pub(crate) struct Contacts {
    web: Arc<dyn Web>,
    base: String,
    key: String,
}

/// How to reach a customer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Contact {
    /// The address.
    pub(crate) email: String,
}

/// Why there is no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContactError {
    /// Identity knows no such customer, or no address of theirs.
    #[error("identity knows no address")]
    Unknown,
    /// Identity did not answer as it should; ask again later.
    #[error("identity did not answer: {0}")]
    Unavailable(String),
}

impl Contacts {
    /// Asks over `web` at `base`, with this service's key.
    pub(crate) fn new(web: Arc<dyn Web>, base: String, key: String) -> Self {
        Self { web, base, key }
    }

    /// How to reach `customer` of `tenant`.
    pub(crate) async fn of(&self, tenant: &Tenant, customer: &CustomerId) -> Result<Contact, ContactError> {
        let unavailable = |error: &dyn std::fmt::Display| ContactError::Unavailable(error.to_string());
        let request = http::Request::get(format!("{}/v1/tenants/{tenant}/contacts/{customer}", self.base))
            .header("authorization", format!("Bearer {}", self.key))
            .body(Bytes::new())
            .map_err(|error| unavailable(&error))?;
        let answer = tokio::time::timeout(TIMEOUT, self.web.call(request)).await.map_err(|error| unavailable(&error))?;
        // Not the error's own words: they may repeat what was answered.
        let answer = answer.map_err(|_| unavailable(&"no answer"))?;
        match answer.status().as_u16() {
            200 => serde_json::from_slice(answer.body()).map_err(|_| unavailable(&"not a contact")),
            // Identity's own "not found"; a 404 of what stands before it, as during a deploy, is no answer.
            404 if answer.body().windows(NOT_FOUND.len()).any(|bytes| bytes == NOT_FOUND) => Err(ContactError::Unknown),
            status => Err(unavailable(&format!("status {status}"))),
        }
    }
}
