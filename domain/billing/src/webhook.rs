//! What a payment provider sent and no invoice took in: kept with type and digest, the body sealed.

use annals_kit::{Aggregate, Command, Event, ProviderId, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to a webhook that no invoice took in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum WebhookEvent {
    /// It was kept.
    #[serde(rename = "WEBHOOK_KEPT")]
    Kept(WebhookKept),
}

/// A webhook was kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookKept {
    /// The provider's event id.
    pub provider_event: ProviderId,
    /// The provider's event type, such as `invoice.paid`.
    pub provider_type: String,
    /// The provider's customer, where the webhook names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_customer: Option<ProviderId>,
    /// Why it is here.
    pub disposition: Disposition,
    /// What exactly was missing, without personal data.
    pub reason: String,
    /// SHA-256 of the body as it came, in hex.
    pub digest: String,
    /// The body, sealed for the provider's customer; absent where that person is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Why a webhook was kept and not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// It is about a customer, subscription or invoice that is not known here.
    Unmatched,
    /// Its type says nothing to billing.
    NotUnderstood,
    /// What it tells is known already, or no longer true.
    Superseded,
}

impl Disposition {
    /// The word in keys and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unmatched => "unmatched",
            Self::NotUnderstood => "not-understood",
            Self::Superseded => "superseded",
        }
    }
}

impl Event for WebhookEvent {
    // Internal: other services have no use for what billing did not understand.
    const SCHEMAS: &'static [Schema] = &[Schema { event_type: "WEBHOOK_KEPT", upcasts: &[], published: false }];
}

/// The bodies kept under one id of the provider's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Their digests, oldest first.
    pub digests: Vec<String>,
}

impl Aggregate for Webhook {
    const STREAM_TYPE: &'static str = "HOOK";
    const FOLD_REVISION: u32 = 1;
    type Event = WebhookEvent;

    fn evolve(&mut self, event: &WebhookEvent, _: Recorded) {
        match event {
            WebhookEvent::Kept(kept) => self.digests.push(kept.digest.clone()),
        }
    }
}

/// Keeps a webhook.
#[derive(Clone, Debug)]
pub struct KeepWebhook(pub WebhookKept);

impl Command for KeepWebhook {
    type Aggregate = Webhook;
    type Refusal = std::convert::Infallible;

    /// The same body again changes nothing; another body under the same id is kept too.
    fn decide(&self, state: &Webhook, _: Timestamp) -> Result<Vec<WebhookEvent>, Self::Refusal> {
        let known = state.digests.contains(&self.0.digest);
        Ok(if known { vec![] } else { vec![WebhookEvent::Kept(self.0.clone())] })
    }
}
