//! Reads and applies event patterns: the whole language documented for EventBridge rules.
//!
//! A pattern's fields must all match; a field matches when any leaf of the event at its path matches any of its
//! matchers. Objects in an array are looked at one by one. Source: EventBridge user guide, "Comparison operators
//! for use in event patterns".

use serde_json::{Map, Value};

use crate::matcher::{Matcher, OPERATORS};

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    fields: Vec<(String, Field)>,
    /// Of each group one must match.
    alternatives: Vec<Vec<Pattern>>,
}

#[derive(Clone, Debug)]
enum Field {
    Nested(Pattern),
    Leaf(Vec<Matcher>),
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {0}")]
pub struct InvalidPattern(pub String);

impl Pattern {
    /// Reads a pattern.
    pub fn read(pattern: &Value) -> Result<Self, InvalidPattern> {
        match pattern {
            Value::Object(members) if !members.is_empty() => Self::read_members(members),
            Value::Object(_) => Err(InvalidPattern("Empty objects are not allowed".to_owned())),
            _ => Err(InvalidPattern("Filter is not an object".to_owned())),
        }
    }

    /// Whether an event matches.
    pub fn matches(&self, event: &Value) -> bool {
        self.fields.iter().all(|(name, field)| field.matches(event.get(name)))
            && self.alternatives.iter().all(|group| group.iter().any(|pattern| pattern.matches(event)))
    }

    fn read_members(members: &Map<String, Value>) -> Result<Self, InvalidPattern> {
        let mut pattern = Self { fields: Vec::new(), alternatives: Vec::new() };
        for (name, value) in members {
            match value {
                Value::Array(group) if name == "$or" && are_alternatives(group) => {
                    pattern.alternatives.push(group.iter().map(Self::read).collect::<Result<_, _>>()?);
                }
                Value::Array(matchers) if !matchers.is_empty() => {
                    let matchers = matchers.iter().map(Matcher::read).collect::<Result<_, _>>()?;
                    pattern.fields.push((name.clone(), Field::Leaf(matchers)));
                }
                Value::Array(_) => return Err(InvalidPattern(format!("Empty arrays are not allowed at \"{name}\""))),
                Value::Object(_) => pattern.fields.push((name.clone(), Field::Nested(Self::read(value)?))),
                _ => return Err(InvalidPattern(format!("\"{name}\" must be an object or an array"))),
            }
        }
        Ok(pattern)
    }
}

/// Whether the array under `$or` is alternatives; otherwise `$or` is a field like any other. Source: aws/event-ruler, "And and Or".
fn are_alternatives(group: &[Value]) -> bool {
    let is_pattern = |value: &Value| {
        value.as_object().is_some_and(|members| !members.is_empty() && !members.keys().any(|name| OPERATORS.contains(&name.as_str())))
    };
    group.len() >= 2 && group.iter().all(is_pattern)
}

impl Field {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Leaf(matchers) => {
                let mut leaves = Vec::new();
                value.iter().for_each(|value| collect_leaves(value, &mut leaves));
                matchers.iter().any(|matcher| matcher.matches(&leaves))
            }
            Self::Nested(pattern) => {
                let mut objects = Vec::new();
                value.iter().for_each(|value| collect_objects(value, &mut objects));
                // Without an object below, every path in it is absent: only `exists: false` can match.
                if objects.is_empty() { pattern.matches(&Value::Null) } else { objects.into_iter().any(|object| pattern.matches(object)) }
            }
        }
    }
}

/// The values at a path, of which any may match. An object is not a leaf: its path does not exist.
fn collect_leaves<'a>(value: &'a Value, leaves: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_leaves(item, leaves)),
        Value::Object(_) => {}
        leaf => leaves.push(leaf),
    }
}

fn collect_objects<'a>(value: &'a Value, objects: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_objects(item, objects)),
        Value::Object(_) => objects.push(value),
        _ => {}
    }
}
