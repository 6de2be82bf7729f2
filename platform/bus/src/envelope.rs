//! What the bus carries of an event: `detail = { metadata, data }`, by id and never by address.

use annals_kit::{Actor, EventId, Payload, StreamId, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The detail of an event on the bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// Where the event comes from.
    pub metadata: Metadata,
    /// The payload, in the schema version that the metadata names. Empty where the event is too large for the bus: then it goes by
    /// reference, and `metadata.event_id` names it.
    pub data: Payload,
}

/// Where an event on the bus comes from. Consumers deduplicate on `event_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metadata {
    /// `<generation>/<stream>@<version>.<n>`, the same at every delivery.
    pub event_id: EventId,
    /// The schema version of the data.
    pub schema_version: u32,
    /// Whose it is.
    pub tenant: Tenant,
    /// The stream it happened to.
    #[serde(with = "as_text")]
    #[schemars(with = "StreamId")]
    pub stream: StreamId,
    /// The commit's version in the stream.
    pub version: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What it belongs to, across services.
    pub correlation_id: Uuid,
    /// The event that led to it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// Whether the data was too large for the bus and was left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_reference: bool,
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: std::str::FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
