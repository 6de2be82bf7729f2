//! The row of a kept webhook.

use annals_kit::{ProviderId, Recorded, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::webhook::{Disposition, WebhookEvent};

/// What was kept under one name of the provider's: `PK=HOOK#<id> SK=META`. It shows the first body; others are only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookRow {
    /// The stream's id.
    pub id: String,
    /// Why it was kept.
    pub disposition: Disposition,
    /// The provider's event type.
    #[serde(rename = "type")]
    pub provider_type: String,
    /// When it came.
    pub received_at: Timestamp,
    /// SHA-256 of the body, in hex.
    pub digest: String,
    /// What was missing.
    pub reason: String,
    /// How many different bodies came under this name; the provider sends one.
    pub bodies: u64,
    /// The provider's event id.
    pub provider_event: ProviderId,
    /// The provider's customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<ProviderId>,
}

impl WebhookRow {
    /// The row after `event`, for the stream with this id.
    pub fn fold(id: &str, row: Option<Self>, event: &WebhookEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (WebhookEvent::Kept(_), Some(row)) => Some(Self { bodies: row.bodies + 1, ..row }),
            (WebhookEvent::Kept(kept), None) => Some(Self {
                id: id.to_owned(),
                disposition: kept.disposition,
                provider_type: kept.provider_type.clone(),
                received_at: recorded.at,
                digest: kept.digest.clone(),
                reason: kept.reason.clone(),
                bodies: 1,
                provider_event: kept.provider_event.clone(),
                customer: kept.provider_customer.clone(),
            }),
        }
    }
}
