//! The answer to a read, by looking at every item: nothing here knows of keys, templates or indexes' entries.

use std::collections::BTreeMap;

use access_patterns::{Comparison, Matrix, Operation, Params, Pattern, Value, item_bytes};
use serde_json::Value as Json;

use crate::world::{ItemKey, TENANT, TypedItem};

/// What is stored after every put: the last item of each key.
pub fn stored(puts: &[TypedItem]) -> BTreeMap<&ItemKey, &TypedItem> {
    puts.iter().map(|item| (&item.key, item)).collect()
}

/// The items that a pattern is asked for, in its order, whoever owns them.
pub fn answer<'i>(matrix: &Matrix, pattern: &Pattern, params: &Params, puts: &'i [TypedItem]) -> Vec<&'i TypedItem> {
    let mut items: Vec<&TypedItem> = stored(puts).into_values().filter(|item| matches(matrix, pattern, params, item)).collect();
    items.sort_by(|a, b| {
        let order = sort_values(matrix, pattern, a).cmp(&sort_values(matrix, pattern, b));
        if pattern.descending() { order.reverse() } else { order }
    });
    items
}

fn matches(matrix: &Matrix, pattern: &Pattern, params: &Params, item: &TypedItem) -> bool {
    let Some(entity) = pattern.entity() else { return matrix.entity(&item.entity).is_some_and(|entity| entity.table() == pattern.table()) };
    if item.entity != entity || !has_entry(matrix, pattern, item) {
        return false;
    }
    pattern.wheres().all(|condition| {
        let value = &item.values.get(&condition.name);
        let Some(value) = value else { return false };
        match condition.comparison {
            Comparison::Between => params.range(&condition.name).is_none_or(|(from, to)| from <= value && *value <= to),
            Comparison::Equals => params.get(&condition.name).is_none_or(|given| given == *value),
            Comparison::AtLeast => params.get(&condition.name).is_none_or(|given| *value >= given),
            Comparison::AtMost => params.get(&condition.name).is_none_or(|given| *value <= given),
        }
    })
}

/// An item without an attribute that an index keys on has no entry there.
fn has_entry(matrix: &Matrix, pattern: &Pattern, item: &TypedItem) -> bool {
    let Some(index) = pattern.index().and_then(|index| matrix.table(pattern.table())?.index(index)) else { return true };
    let entity = matrix.entity(&item.entity).unwrap();
    index.keys().all(|key| match entity.template(key) {
        Some(template) => template.holes().all(|hole| item.values.contains_key(hole)),
        None => item.values.contains_key(key),
    })
}

/// The typed values that an answer is sorted by.
pub fn sort_values(matrix: &Matrix, pattern: &Pattern, item: &TypedItem) -> Vec<Value> {
    let entity = matrix.entity(&item.entity).unwrap();
    let parts = pattern.sort_attributes().flat_map(|key| match entity.template(key) {
        Some(template) => template.holes().map(str::to_owned).collect::<Vec<_>>(),
        None => vec![key.to_owned()],
    });
    parts.filter_map(|part| item.values.get(&part).cloned()).collect()
}

/// Whether a typed read shows the item: it is the tenant's, and has been folded.
pub fn is_shown(item: &TypedItem) -> bool {
    let owned = item.values.get("tenant") == Some(&Value::from(TENANT));
    owned && item.others.get("ver") != Some(&serde_json::json!({ "N": "0" }))
}

/// What of the item the pattern asks for, as it goes over the wire.
pub fn projected(pattern: &Pattern, item: &TypedItem) -> BTreeMap<String, Json> {
    let wire = item.wire.clone();
    match pattern.projection() {
        None => wire,
        Some(names) => wire.into_iter().filter(|(name, _)| names.contains(name)).collect(),
    }
}

/// The bytes that DynamoDB bills for reading the item by the pattern: the whole item, or its entry in the index.
pub fn billed_bytes(matrix: &Matrix, pattern: &Pattern, item: &TypedItem) -> usize {
    let index = pattern.index().and_then(|index| matrix.table(pattern.table())?.index(index));
    let wire = match index {
        Some(index) if pattern.operation() == Operation::Query => entry(matrix, pattern.table(), index, item).unwrap(),
        _ => item.wire.clone(),
    };
    item_bytes(&serde_json::json!(wire))
}

/// The item's entry in an index, or nothing where it has none.
pub fn entry(matrix: &Matrix, table: &str, index: &access_patterns::Index, item: &TypedItem) -> Option<BTreeMap<String, Json>> {
    let table = matrix.table(table).unwrap();
    let wire = item.wire.clone();
    index.keys().all(|key| wire.contains_key(key)).then_some(())?;
    let held = |name: &String| match index.projection() {
        access_patterns::Projection::All => true,
        access_patterns::Projection::Include(names) => names.contains(name) || is_key(table, index, name),
        access_patterns::Projection::KeysOnly => is_key(table, index, name),
    };
    Some(wire.into_iter().filter(|(name, _)| held(name)).collect())
}

fn is_key(table: &access_patterns::Table, index: &access_patterns::Index, name: &str) -> bool {
    table.keys().chain(index.keys()).any(|key| key == name)
}
