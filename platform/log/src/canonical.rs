//! The canonical bytes of a stored commit: RFC 8785 JSON of the item as it is stored, without its snapshot.
//!
//! Text is a JSON string, a number a JSON integer within 2^53 - 1, binary its base64 as the AWS CLI prints it,
//! lists and maps as themselves. Which attribute is text and which binary is fixed ([`crate::commit`]) and checked when
//! a commit is read, and payloads hold no binary, so no two readable commits have the same bytes.

use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The attribute that holds a snapshot: not part of history, so not of its bytes.
pub(crate) const SNAPSHOT: &str = "s";

const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The item has no canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds {0}")]
pub struct NotCanonical(String);

/// The bytes that a commit's hash covers.
pub fn bytes(item: &Item) -> Result<Vec<u8>, NotCanonical> {
    let mut object = Map::new();
    for (name, value) in item.iter().filter(|(name, _)| *name != SNAPSHOT) {
        let value = match value {
            AttributeValue::B(blob) => Value::String(STANDARD.encode(blob)),
            other => json(other)?,
        };
        object.insert(name.clone(), value);
    }
    serde_json_canonicalizer::to_vec(&object).map_err(|error| NotCanonical(error.to_string()))
}

/// The JSON form of a value without binary or sets.
pub(crate) fn json(value: &AttributeValue) -> Result<Value, NotCanonical> {
    Ok(match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(digits) => integer(digits)?,
        AttributeValue::Bool(bool) => Value::Bool(*bool),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(list) => Value::Array(list.iter().map(json).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Value::Object(object(map)?),
        _ => return Err(NotCanonical("a set or binary inside a payload".into())),
    })
}

/// The same of a map.
pub(crate) fn object(map: &Item) -> Result<Map<String, Value>, NotCanonical> {
    map.iter().map(|(name, value)| Ok((name.clone(), json(value)?))).collect()
}

fn integer(digits: &str) -> Result<Value, NotCanonical> {
    let number = digits.parse::<i64>().ok().filter(|number| (-MAX_INTEGER..=MAX_INTEGER).contains(number));
    number.map(Value::from).ok_or_else(|| NotCanonical(format!("the number {digits}, which is not an integer within 2^53 - 1")))
}

/// Checks that every number of a payload is an integer within 2^53 - 1; the path of the first that is not.
pub(crate) fn check_numbers(payload: &Map<String, Value>) -> Result<(), String> {
    fn check(value: &Value, path: &str) -> Result<(), String> {
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(number) if (-MAX_INTEGER..=MAX_INTEGER).contains(&number) => Ok(()),
                _ => Err(path.to_owned()),
            },
            Value::Array(list) => list.iter().enumerate().try_for_each(|(i, value)| check(value, &format!("{path}[{i}]"))),
            Value::Object(map) => map.iter().try_for_each(|(name, value)| check(value, &format!("{path}.{name}"))),
            Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        }
    }
    payload.iter().try_for_each(|(name, value)| check(value, name))
}
