//! Reads and applies event patterns: the language documented for EventBridge rules.
//!
//! A pattern's fields must all match; a field matches when any leaf of the event at its path matches any of its
//! matchers. Objects in an array are looked at one by one. Sources: EventBridge user guide, "Event pattern syntax" and
//! "Comparison operators for use in event patterns"; aws/event-ruler, which is AWS's own implementation.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use serde_json::Value;

use crate::matcher::Matcher;
use crate::ordered_json::OrderedJson;

/// What `$or` may multiply to. Source: EventBridge user guide, "Or matching": over 1,000 combinations are refused.
const MOST_ALTERNATIVES: usize = 1_000;

/// Fields that make an `$or` around them a field like any other. Source: aws/event-ruler, `RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP`.
const RESERVED: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">=",
    ">",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// One must match: what the branches of `$or` multiply to.
    alternatives: Vec<Node>,
}

/// What must hold at a path of an event, and below it.
#[derive(Clone, Debug, Default)]
struct Node {
    matchers: Option<Arc<[Matcher]>>,
    fields: BTreeMap<String, Node>,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {0}")]
pub struct InvalidPattern(pub String);

/// What `$or` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Or {
    Alternatives,
    AField,
}

impl Pattern {
    /// Reads a pattern as its JSON is written. Of conditions on one field the last counts, also of one beside an `$or` and one in it.
    ///
    /// Errors: why AWS refuses it.
    pub fn parse(json: &str) -> Result<Self, InvalidPattern> {
        let pattern = serde_json::from_str(json).map_err(|error| InvalidPattern(error.to_string()))?;
        Self::compile(&pattern)
    }

    /// Reads a pattern whose fields are in alphabetical order, as Terraform's `jsonencode` writes them.
    ///
    /// Errors: why AWS refuses it.
    pub fn read(pattern: &Value) -> Result<Self, InvalidPattern> {
        Self::compile(&pattern.into())
    }

    /// Whether an event matches.
    pub fn matches(&self, event: &Value) -> bool {
        self.alternatives.iter().any(|alternative| alternative.matches(Some(event)))
    }

    /// A pattern in which an `$or` is none is read once more with every `$or` a field. Source: aws/event-ruler, "And and Or".
    fn compile(pattern: &OrderedJson) -> Result<Self, InvalidPattern> {
        let compiled = |or| {
            let mut alternatives = vec![Node::default()];
            add_object(&mut alternatives, &[], pattern, Place { or, within_or: false }).map(|()| Self { alternatives })
        };
        compiled(Or::Alternatives).or_else(|error| compiled(Or::AField).map_err(|_| error))
    }
}

/// Where an object of a pattern stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    or: Or,
    within_or: bool,
}

/// Adds the conditions of a pattern's object at `path` to every alternative.
fn add_object(alternatives: &mut Vec<Node>, path: &[&str], object: &OrderedJson, place: Place) -> Result<(), InvalidPattern> {
    let OrderedJson::Object(members) = object else { return wrong("Filter is not an object") };
    if members.is_empty() {
        return wrong("Empty objects are not allowed");
    }
    for (name, value) in members {
        if name == "$or" && place.or == Or::Alternatives {
            multiply(alternatives, path, value)?;
            continue;
        }
        if place.within_or && RESERVED.contains(&name.as_str()) {
            return wrong(&format!("{name} is reserved and cannot be a field inside $or"));
        }
        let path = [path, &[name]].concat();
        match value {
            OrderedJson::Object(_) => add_object(alternatives, &path, value, place)?,
            OrderedJson::Array(elements) => {
                let matchers = read_matchers(name, elements)?;
                alternatives.iter_mut().for_each(|alternative| alternative.at(&path).matchers = Some(matchers.clone()));
            }
            OrderedJson::Scalar(_) => return wrong(&format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(())
}

/// Makes of every alternative so far one for each branch of an `$or`.
fn multiply(alternatives: &mut Vec<Node>, path: &[&str], branches: &OrderedJson) -> Result<(), InvalidPattern> {
    let OrderedJson::Array(branches) = branches else { return wrong("$or takes an array") };
    if branches.len() < 2 {
        return wrong("There must be at least 2 objects in $or");
    }
    let before = mem::take(alternatives);
    for branch in branches {
        let mut with_branch = before.clone();
        add_object(&mut with_branch, path, branch, Place { or: Or::Alternatives, within_or: true })?;
        alternatives.append(&mut with_branch);
        if alternatives.len() > MOST_ALTERNATIVES {
            return wrong(&format!("$or makes more than {MOST_ALTERNATIVES} combinations"));
        }
    }
    Ok(())
}

fn read_matchers(name: &str, elements: &[OrderedJson]) -> Result<Arc<[Matcher]>, InvalidPattern> {
    if elements.is_empty() {
        return wrong(&format!("Empty arrays are not allowed at \"{name}\""));
    }
    elements.iter().map(|element| Matcher::read(&element.into())).collect()
}

fn wrong<T>(reason: &str) -> Result<T, InvalidPattern> {
    Err(InvalidPattern(reason.to_owned()))
}

impl Node {
    /// The node at a path below, made where there is none.
    fn at(&mut self, path: &[&str]) -> &mut Self {
        path.iter().fold(self, |node, name| node.fields.entry((*name).to_owned()).or_default())
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        let mut leaves = Vec::new();
        value.iter().for_each(|value| collect_leaves(value, &mut leaves));
        if self.fields.is_empty() {
            return self.matches_leaves(&leaves);
        }
        let mut objects = Vec::new();
        value.iter().for_each(|value| collect_objects(value, &[], &mut objects));
        if objects.is_empty() {
            // Without an object below, every path in it is absent: only `exists: false` can match.
            objects.push((&Value::Null, leaves));
        }
        objects
            .iter()
            .any(|(object, beside)| self.matches_leaves(beside) && self.fields.iter().all(|(name, field)| field.matches(object.get(name))))
    }

    fn matches_leaves(&self, leaves: &[&Value]) -> bool {
        self.matchers.as_ref().is_none_or(|matchers| matchers.iter().any(|matcher| matcher.matches(leaves)))
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

/// The objects at a path, each with the leaves beside it: those of the arrays it is in, not those of other arrays in these.
/// Source: aws/event-ruler, "JSON Array Matching" and `Event.traverseArray`.
fn collect_objects<'a>(value: &'a Value, beside: &[&'a Value], objects: &mut Vec<(&'a Value, Vec<&'a Value>)>) {
    match value {
        Value::Array(items) => {
            let beside: Vec<_> = beside.iter().copied().chain(items.iter().filter(|item| !item.is_array() && !item.is_object())).collect();
            items.iter().for_each(|item| collect_objects(item, &beside, objects));
        }
        Value::Object(_) => objects.push((value, beside.to_vec())),
        _ => {}
    }
}
