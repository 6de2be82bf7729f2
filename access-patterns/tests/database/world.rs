//! Generated items: what patterns look for among decoys of other entities, other tenants, neighbouring ids and hostile text.

use std::collections::BTreeMap;
use std::fmt;

use access_patterns::{Attribute, Codec, Comparison, Entity, Kind, Matrix, Params, Pattern, Value};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, NaiveDate, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

/// The tenant that reads; the other owns decoys.
pub const TENANT: &str = "t1";

/// A table's place in its matrix, and the two keys of an item in it.
pub type ItemKey = (usize, String, String);

/// One item over typed values, and how the matrix spells it.
#[derive(Clone)]
pub struct TypedItem {
    pub entity: String,
    /// Values that have a codec: parts of keys, and stored attributes.
    pub values: BTreeMap<String, Value>,
    /// Attributes without one, as they go over the wire.
    pub others: BTreeMap<String, Json>,
    /// The item over the wire: keys from templates, attributes as they are stored.
    pub wire: BTreeMap<String, Json>,
    /// Its key in its table.
    pub key: ItemKey,
}

impl fmt::Debug for TypedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.entity, self.wire.iter().map(|(name, value)| (name, value.to_string())).collect::<BTreeMap<_, _>>())
    }
}

impl TypedItem {
    fn spelt(mut self, matrix: &Matrix) -> Self {
        let entity = matrix.entity(&self.entity).unwrap();
        self.wire = self.others.clone();
        for (key, template) in entity.keys().filter(|(_, template)| template.holes().all(|hole| self.values.contains_key(hole))) {
            self.wire.insert(key.to_owned(), json!({ "S": template.render(|part| self.values.get(part)).unwrap() }));
        }
        for (name, value) in &self.values {
            let attribute = entity.attribute(name).unwrap();
            if attribute.stored() {
                let codec = attribute.codec().unwrap();
                let kind = if codec.is_numeric() { "N" } else { "S" };
                self.wire.insert(name.clone(), json!({ kind: codec.native(value).unwrap() }));
            }
        }
        let text = |key: &str| self.wire[key]["S"].as_str().unwrap().to_owned();
        let at = matrix.tables().iter().position(|table| table.name() == entity.table()).unwrap();
        self.key = (at, text(matrix.tables()[at].pk()), matrix.tables()[at].sk().map(text).unwrap_or_default());
        self
    }
}

/// A wire value as the SDK has it.
pub fn attribute(value: &Json) -> AttributeValue {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => AttributeValue::S(inner.as_str().unwrap().to_owned()),
        "N" => AttributeValue::N(inner.as_str().unwrap().to_owned()),
        "BOOL" => AttributeValue::Bool(inner.as_bool().unwrap()),
        "B" => {
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(aws_smithy_types::base64::decode(inner.as_str().unwrap()).unwrap()))
        }
        "M" => AttributeValue::M(inner.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()),
        "L" => AttributeValue::L(inner.as_array().unwrap().iter().map(attribute).collect()),
        other => panic!("no test makes a {other}"),
    }
}

/// Everything that is put, in order: later items replace earlier ones of the same key, and move their index entries.
pub fn world(matrix: &Matrix, most: usize) -> BoxedStrategy<Vec<TypedItem>> {
    let items = matrix.entities().iter().map(item).collect::<Vec<_>>();
    let matrix = matrix.clone();
    let item = proptest::strategy::Union::new(items).prop_map(move |item| item.spelt(&matrix));
    prop::collection::vec(item, 0..=most).boxed()
}

/// Any item of an entity, not yet spelt.
fn item(entity: &Entity) -> BoxedStrategy<TypedItem> {
    let mut strategy = Just(TypedItem {
        entity: entity.name().to_owned(),
        values: BTreeMap::new(),
        others: BTreeMap::new(),
        wire: BTreeMap::new(),
        key: ItemKey::default(),
    })
    .boxed();
    for attribute in entity.attributes() {
        let name = attribute.name().to_owned();
        let present = if attribute.optional() { any::<bool>().boxed() } else { Just(true).boxed() };
        strategy = match attribute.codec() {
            Some(codec) => (strategy, value(&name, codec), present)
                .prop_map(move |(mut item, value, present)| {
                    if present {
                        item.values.insert(name.clone(), value);
                    }
                    item
                })
                .boxed(),
            None => (strategy, other(attribute), present)
                .prop_map(move |(mut item, value, present)| {
                    if present {
                        item.others.insert(name.clone(), value);
                    }
                    item
                })
                .boxed(),
        };
    }
    strategy
}

/// Parameters for a pattern: mostly of the crowded keys, sometimes without what may be left out.
pub fn params(matrix: &Matrix, pattern: &Pattern) -> BoxedStrategy<Params> {
    let Some(entity) = pattern.entity().and_then(|name| matrix.entity(name)) else { return Just(Params::new()).boxed() };
    let mut strategy = Just((Params::new(), true)).boxed();
    for condition in pattern.wheres().cloned() {
        let name = condition.name.clone();
        let codec = entity.attribute(&name).unwrap().codec().unwrap();
        // A typed read fills in who reads.
        let value = |name: &str| if name == "tenant" { Just(Value::from(TENANT)).boxed() } else { value(name, codec) };
        let (one, two) = (value(&name), value(&name));
        strategy = (strategy, one, two, any::<bool>())
            .prop_map(move |((params, going_on), one, two, given)| {
                // What is left out ends the prefix: nothing after it can be given.
                if !going_on || (condition.optional && !given) {
                    return (params, false);
                }
                let params = match condition.comparison {
                    Comparison::Between => params.between(&name, one.clone().min(two.clone()), one.max(two)),
                    Comparison::Equals | Comparison::AtLeast | Comparison::AtMost => params.value(&name, one),
                };
                (params, true)
            })
            .boxed();
    }
    strategy.prop_map(|(params, _)| params).boxed()
}

/// A value of a codec: from a small crowd, so that keys meet, whose members are each other's neighbours.
fn value(name: &str, codec: &Codec) -> BoxedStrategy<Value> {
    if name == "tenant" {
        return select(crowd(&[TENANT, "t2"])).prop_map(Value::from).boxed();
    }
    match codec {
        Codec::Uuid => {
            let ids =
                ["018f2c3d-0000-7000-8000-000000000001", "018f2c3d-0000-7000-8000-000000000002", "ffffffff-ffff-ffff-ffff-ffffffffffff"];
            select(crowd(&ids)).prop_map(Value::from).boxed()
        }
        Codec::Token { .. } => select(crowd(&["a", "aa", "a-", "A", "a_META", "SUB"])).prop_map(Value::from).boxed(),
        Codec::Text { max } => {
            let max = *max;
            let known = select(crowd(&["a", "aa", "a#", "a$", "a\u{0}", "é", "a#META", "\u{10FFFF}", "$23", "INV#1", "type"]))
                .prop_map(str::to_owned);
            prop_oneof![9 => known, 1 => "\\PC{1,8}"].prop_filter("fits", move |text| text.len() <= max).prop_map(Value::from).boxed()
        }
        Codec::U64 => select(crowd(&[1, 2, 9, 10, 11, 99, 100, u64::MAX])).prop_map(Value::Number).boxed(),
        Codec::Date => {
            let day = |text: &str| text.parse::<NaiveDate>().unwrap();
            select(crowd(&["2026-01-31", "2026-02-01", "2025-12-31", "2026-01-30", "9999-12-31"]))
                .prop_map(move |text| Value::Date(day(text)))
                .boxed()
        }
        Codec::Time => {
            let noon: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
            select(crowd(&[0, 1, -1, 1_000_000, 999_999, 86_400_000_000]))
                .prop_map(move |micros| Value::Time(noon + chrono::TimeDelta::microseconds(micros)))
                .boxed()
        }
        Codec::Enum { of } => {
            select(crowd(&of.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().map(str::to_owned).collect::<Vec<_>>())
                .prop_map(Value::from)
                .boxed()
        }
        Codec::Shard { of } => (0..*of).prop_map(Value::Number).boxed(),
    }
}

/// The first of them most often.
fn crowd<T: Copy>(values: &[T]) -> Vec<T> {
    let first = std::iter::repeat_n(values[0], values.len() * 2);
    first.chain(values.iter().copied()).collect()
}

fn other(attribute: &Attribute) -> BoxedStrategy<Json> {
    match attribute.kind() {
        Kind::S => select(vec!["x", "paid", "it's #1 $2", "\u{0}"]).prop_map(|text| json!({ "S": text })).boxed(),
        // Version 0 is a row that was only ever parked.
        Kind::N if attribute.name() == "ver" => select(vec![1, 2, 3, 0]).prop_map(|version| json!({ "N": version.to_string() })).boxed(),
        Kind::N => (0i64..100_000).prop_map(|number| json!({ "N": number.to_string() })).boxed(),
        Kind::Bool => any::<bool>().prop_map(|truth| json!({ "BOOL": truth })).boxed(),
        Kind::B => (0usize..3000).prop_map(|length| json!({ "B": aws_smithy_types::base64::encode(vec![7; length]) })).boxed(),
        Kind::M => (0usize..1500).prop_map(|length| json!({ "M": { "why": { "S": "w".repeat(length) } } })).boxed(),
        Kind::L => (0usize..1500).prop_map(|length| json!({ "L": [{ "S": "e".repeat(length) }, { "N": "12" }] })).boxed(),
    }
}
