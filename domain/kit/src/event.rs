//! Events as they are stored: a type, a schema version and a payload that people can read.

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The payload of one event: a JSON object of strings, integers, booleans, nulls, lists and objects.
pub type Payload = Map<String, Value>;

/// Lifts a payload of one schema version to the next; the reason, where it cannot.
pub type Upcast = fn(Payload) -> Result<Payload, String>;

/// The schema of one event type: its current version is one more than the upcasts it has.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The type, UPPER_SNAKE in the past tense, such as `PAYMENT_RECEIVED`.
    pub event_type: &'static str,
    /// From version 1 to 2, from 2 to 3, and so on.
    pub upcasts: &'static [Upcast],
    /// Whether the bus carries it to other services, as the contract says.
    pub published: bool,
}

impl Schema {
    /// The version that new events are written in.
    pub fn version(&self) -> u32 {
        self.upcasts.len() as u32 + 1
    }
}

/// All events of one aggregate: an enum whose serde form is `{"type": "UPPER_SNAKE", "payload": {..}}`.
pub trait Event: Serialize + DeserializeOwned {
    /// Every type of the enum, each once.
    const SCHEMAS: &'static [Schema];
}

/// One event as the log keeps it, in the schema version in which it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The event type.
    #[serde(rename = "t")]
    pub event_type: String,
    /// The schema version of the payload.
    #[serde(rename = "v")]
    pub schema: u32,
    /// The payload, as written.
    #[serde(rename = "p")]
    pub payload: Payload,
}

/// A stored event that this code cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event_type} version {schema} cannot be read: {reason}")]
pub struct Undecodable {
    /// The event type found.
    pub event_type: String,
    /// The schema version found.
    pub schema: u32,
    /// What is wrong with it.
    pub reason: String,
}

/// The schema of an event type of `E`, if it has such a type.
pub fn schema_of<E: Event>(event_type: &str) -> Option<&'static Schema> {
    E::SCHEMAS.iter().find(|schema| schema.event_type == event_type)
}

impl StoredEvent {
    /// The stored form of an event, in the current schema version.
    ///
    /// # Panics
    /// When `E` breaks the contract of [`Event`]: a serde form of another shape, or a type without a schema. Each
    /// domain crate has a test over all of its events.
    pub fn encode<E: Event>(event: &E) -> Self {
        #[derive(Deserialize)]
        struct Form {
            r#type: String,
            payload: Payload,
        }
        let form: Form = serde_json::to_value(event)
            .and_then(serde_json::from_value)
            .expect("the serde form of an Event is {type, payload}, as its contract says");
        let schema = schema_of::<E>(&form.r#type).expect("every type of an Event has a schema, as its contract says").version();
        Self { event_type: form.r#type, schema, payload: form.payload }
    }

    /// The event, its payload lifted to the current schema version.
    pub fn decode<E: Event>(&self) -> Result<E, Undecodable> {
        let wrong = |reason: String| Undecodable { event_type: self.event_type.clone(), schema: self.schema, reason };
        let known = schema_of::<E>(&self.event_type).ok_or_else(|| wrong("this code does not know the type".into()))?;
        if self.schema == 0 || self.schema > known.version() {
            return Err(wrong(format!("this code knows versions 1 to {}", known.version())));
        }
        let mut payload = self.payload.clone();
        for upcast in &known.upcasts[self.schema as usize - 1..] {
            payload = upcast(payload).map_err(wrong)?;
        }
        // The type comes first: serde would have to keep a copy of a payload that comes before it.
        let form = [("type", Value::String(self.event_type.clone())), ("payload", Value::Object(payload))];
        E::deserialize(MapDeserializer::new(form.into_iter())).map_err(|error: serde_json::Error| wrong(error.to_string()))
    }
}
