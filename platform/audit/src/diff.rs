//! Differences of states, field by field: fields are named by their path, lists are values.

use std::collections::BTreeMap;

use serde_json::Value;

/// A field that changed: its path, before, after.
pub(crate) type Change = (String, Option<Value>, Option<Value>);

/// The fields of a state, by path such as `price.amount`.
pub(crate) fn fields(state: &Value) -> BTreeMap<String, Value> {
    fn add(value: &Value, path: &str, fields: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(object) => object.iter().for_each(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                add(value, &path, fields);
            }),
            Value::Null => {}
            other => _ = fields.insert(path.to_owned(), other.clone()),
        }
    }
    let mut all = BTreeMap::new();
    add(state, "", &mut all);
    all
}

/// The fields in which two states differ, by path.
pub(crate) fn changes(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<Change> {
    let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |path: &String| (path.clone(), before.get(path).cloned(), after.get(path).cloned());
    paths.into_iter().map(change).filter(|(_, before, after)| before != after).collect()
}

/// Whether `path` is the field `asked` or lies in it.
pub(crate) fn is_in(path: &str, asked: &str) -> bool {
    path.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
