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
/// Room for a commit of one event.
const USUAL_BYTES: usize = 768;

/// The item has no canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds {0}")]
pub struct NotCanonical(String);

/// The bytes that a commit's hash covers. Written as they are read: every commit is hashed several times in its life.
pub fn bytes(item: &Item) -> Result<Vec<u8>, NotCanonical> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    let covered = item.iter().filter(|(name, _)| *name != SNAPSHOT);
    write_object(&mut out, covered, |out, value| match value {
        AttributeValue::B(blob) => {
            write_text(out, &STANDARD.encode(blob));
            Ok(())
        }
        other => write(out, other),
    })?;
    Ok(out)
}

/// A value without binary or sets.
fn write(out: &mut Vec<u8>, value: &AttributeValue) -> Result<(), NotCanonical> {
    match value {
        AttributeValue::S(text) => write_text(out, text),
        AttributeValue::N(digits) => out.extend_from_slice(integer(digits)?.to_string().as_bytes()),
        AttributeValue::Bool(bool) => out.extend_from_slice(if *bool { b"true" } else { b"false" }),
        AttributeValue::Null(_) => out.extend_from_slice(b"null"),
        AttributeValue::L(list) => write_between(out, *b"[]", list, write)?,
        AttributeValue::M(map) => write_object(out, map.iter(), write)?,
        _ => return Err(NotCanonical("a set or binary inside a payload".into())),
    }
    Ok(())
}

/// Members in the order of their names' UTF-16 code units (RFC 8785, 3.2.3).
fn write_object<'i>(
    out: &mut Vec<u8>,
    members: impl Iterator<Item = (&'i String, &'i AttributeValue)>,
    write: impl Fn(&mut Vec<u8>, &AttributeValue) -> Result<(), NotCanonical>,
) -> Result<(), NotCanonical> {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    write_between(out, *b"{}", members, |out, (name, value)| {
        write_text(out, name);
        out.push(b':');
        write(out, value)
    })
}

fn write_between<T>(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    parts: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T) -> Result<(), NotCanonical>,
) -> Result<(), NotCanonical> {
    out.push(open);
    for (place, part) in parts.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(out, part)?;
    }
    out.push(close);
    Ok(())
}

/// A string as ECMAScript writes it (RFC 8785, 3.2.2.2), which is how serde_json does.
fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text is written to memory");
}

/// The JSON form of a value without binary or sets.
pub(crate) fn json(value: &AttributeValue) -> Result<Value, NotCanonical> {
    Ok(match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(digits) => Value::from(integer(digits)?),
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

fn integer(digits: &str) -> Result<i64, NotCanonical> {
    let number = digits.parse::<i64>().ok().filter(|number| (-MAX_INTEGER..=MAX_INTEGER).contains(number));
    number.ok_or_else(|| NotCanonical(format!("the number {digits}, which is not an integer within 2^53 - 1")))
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
