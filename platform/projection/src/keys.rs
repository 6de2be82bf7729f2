//! Spells items' keys as the matrix says.

use access_patterns::{Entity, Matrix, Params, Table, Value};
use annals_log::BoxError;
use annals_reads::{Item, Key};
use aws_sdk_dynamodb::types::AttributeValue;

/// An item with its keys, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) table: String,
    pub(crate) key: Key,
    pub(crate) item: Item,
}

/// The item of `entity` with these attributes, its keys made of them and of `holes`.
pub(crate) fn place(matrix: &Matrix, entity: &str, mut item: Item, holes: &Params) -> Result<Placed, BoxError> {
    let (entity, table) = found(matrix, entity)?;
    for (name, spelt) in spell(entity, table, &item, holes, false)? {
        item.insert(name, AttributeValue::S(spelt));
    }
    let key = table.keys().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect();
    Ok(Placed { table: table.name().to_owned(), key, item })
}

/// An entity of the matrix, and its table.
pub(crate) fn found<'m>(matrix: &'m Matrix, entity: &str) -> Result<(&'m Entity, &'m Table), BoxError> {
    let found = matrix.entity(entity).ok_or_else(|| format!("{entity} is not in the matrix"))?;
    Ok((found, matrix.table(found.table()).ok_or("an entity has a table")?))
}

/// The key attributes of an item: of the table, and unless `only_primary` of the indexes in which it has a place.
pub(crate) fn spell(
    entity: &Entity,
    table: &Table,
    item: &Item,
    holes: &Params,
    only_primary: bool,
) -> Result<Vec<(String, String)>, BoxError> {
    let named = entity.keys().flat_map(|(_, template)| template.holes());
    let values: Vec<(&str, Value)> = named.filter_map(|hole| Some((hole, key_value(item.get(hole)?)?))).collect();
    let hole = |hole: &str| values.iter().find(|(name, _)| *name == hole).map(|(_, value)| value).or_else(|| holes.get(hole));
    // A row that lacks an optional part of an index's key has no entry there: it waits for nothing.
    let absent = |part: &str| entity.attribute(part).is_some_and(|attribute| attribute.optional()) && hole(part).is_none();
    let mut spelt = vec![];
    for (name, template) in entity.keys() {
        let is_primary = name == table.pk() || Some(name) == table.sk();
        if !is_primary && (only_primary || template.holes().any(absent)) {
            continue;
        }
        let key = template.render(hole).map_err(|(hole, error)| format!("{name} of {}: {hole} {error}", entity.name()))?;
        spelt.push((name.to_owned(), key));
    }
    Ok(spelt)
}

fn key_value(value: &AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::S(text) => Some(Value::Text(text.clone())),
        AttributeValue::N(digits) => digits.parse().ok().map(Value::Number),
        _ => None,
    }
}
