//! Events as they are stored: a type, a schema version and a payload that people can read.

use std::borrow::Cow;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
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
        // A payload of the current version is read where it is: each projection reads each event.
        let upcasts = &known.upcasts[self.schema as usize - 1..];
        let payload = match upcasts {
            [] => Cow::Borrowed(&self.payload),
            upcasts => Cow::Owned(upcasts.iter().try_fold(self.payload.clone(), |payload, upcast| upcast(payload)).map_err(wrong)?),
        };
        // The type comes first: serde would have to keep a copy of a payload that comes before it.
        let form = [("type", Part::Type(&self.event_type)), ("payload", Part::Payload(&payload))];
        E::deserialize(MapDeserializer::new(form.into_iter())).map_err(|error: serde_json::Error| wrong(error.to_string()))
    }
}

/// One member of an event's serde form, read where it is.
enum Part<'a> {
    Type(&'a str),
    Payload(&'a Payload),
}

impl<'a> IntoDeserializer<'a, serde_json::Error> for Part<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Type(event_type) => visitor.visit_borrowed_str(event_type),
            Self::Payload(payload) => payload.deserialize_any(visitor),
        }
    }

    /// The type is the variant's name.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Type(event_type) => BorrowedStrDeserializer::new(event_type).deserialize_enum(name, variants, visitor),
            Self::Payload(payload) => payload.deserialize_enum(name, variants, visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
