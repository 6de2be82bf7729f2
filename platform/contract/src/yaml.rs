//! Contracts as YAML text: written in a stable order that people can read, and where in a text something stands.

use std::fmt;

use access_patterns::{Errors, Problem};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use serde_saphyr::Spanned;

/// The keys of schemas, in the order in which people read them; others follow by name.
const ORDER: [&str; 20] = [
    "$ref",
    "type",
    "format",
    "description",
    "const",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "metadata",
    "required",
    "additionalProperties",
    "items",
    "properties",
    "allOf",
    "anyOf",
    "oneOf",
    "data",
];

/// The text of `document`.
///
/// # Panics
/// Where it has a key that is no text: contracts have none.
pub(crate) fn write(document: &impl Serialize) -> String {
    serde_saphyr::to_string_with_options(document, serde_saphyr::ser_options! { prefer_block_scalars: false })
        .expect("a contract's keys are text and its values JSON")
}

/// What is missing in a document: where, and what.
pub(crate) type Missing = (Vec<String>, String);
/// What to do about it.
pub(crate) const BY_HAND: &str = "run annals contracts derive, and let no other hand write the file";

/// What `text` says; `file` is what problems call it.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Errors> {
    serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line() as usize, at.column() as usize));
        let what = error.without_snippet().to_string();
        let next = "mend it in the Rust that describes it and run annals contracts derive; docs/contracts.md has the form";
        Errors(vec![Problem { file: file.into(), line, column, rule: "form", what, next: next.into() }])
    })
}

/// JSON that is written in [`ORDER`] and read as it comes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered(pub(crate) Value);

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self)
    }
}

struct Borrowed<'a>(&'a Value);

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, &Borrowed(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&Borrowed(item))?;
                }
                seq.end()
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// Where things stand in a text: the tree of its keys and items, with their lines and columns.
#[derive(Debug)]
pub(crate) enum Places {
    Map(Vec<(Spanned<String>, Places)>),
    Seq(Vec<Spanned<Places>>),
    Scalar,
}

impl Places {
    /// Line and column, from 1, of what `path` leads to, or of the nearest thing above it that is there.
    fn find(&self, path: &[&str]) -> (usize, usize) {
        let (mut at, mut place) = ((1, 1), self);
        for step in path {
            let below = match place {
                Self::Map(members) => members.iter().find(|(name, _)| name.value == *step).map(|(name, below)| (name.referenced, below)),
                Self::Seq(items) => step.parse().ok().and_then(|index: usize| items.get(index)).map(|item| (item.referenced, &item.value)),
                Self::Scalar => None,
            };
            let Some((location, below)) = below else { break };
            at = (location.line() as usize, location.column() as usize);
            place = below;
        }
        at
    }

    /// Something wrong at `path` of `file`.
    pub(crate) fn problem<P: AsRef<str>>(
        &self,
        file: &str,
        path: &[P],
        rule: &'static str,
        what: impl Into<String>,
        next: impl Into<String>,
    ) -> Problem {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let (line, column) = self.find(&path);
        Problem { file: file.into(), line, column, rule, what: what.into(), next: next.into() }
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlacesVisitor)
    }
}

struct PlacesVisitor;

impl<'de> Visitor<'de> for PlacesVisitor {
    type Value = Places;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Places, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Places::Map(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Places, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Places::Seq(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_none<E>(self) -> Result<Places, E> {
        Ok(Places::Scalar)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Places, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Places::Scalar)
    }
}
