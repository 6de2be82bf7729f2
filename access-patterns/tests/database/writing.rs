//! What must hold of every write: its cost on the table and on each index, and that an insert has one winner.

use access_patterns::{Index, item_bytes, write_units};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde_json::json;

use crate::endpoint::{Database, lacks};
use crate::laws::same;
use crate::oracle;
use crate::world::{TypedItem, attribute};

/// Puts the item, and checks what DynamoDB says it cost: the table by the larger of old and new, each index by what happens to the entry.
pub async fn put(db: &Database, item: &TypedItem, puts: &mut Vec<TypedItem>) -> Result<(), String> {
    let matrix = &db.matrix;
    let table = matrix.table(matrix.entity(&item.entity).unwrap().table()).unwrap();
    let wire = &item.wire;
    let answer = db
        .admin
        .put_item()
        .table_name(table.name())
        .set_item(Some(wire.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .map_err(|error| format!("the put failed: {error:?}"))?;
    if lacks("capacity") {
        puts.push(item.clone());
        return Ok(());
    }
    let old = puts.iter().rfind(|old| old.key == item.key).cloned();
    let used = answer.consumed_capacity.unwrap();
    let larger = old.iter().map(|old| item_bytes(&json!(old.wire))).max().unwrap_or(0).max(item_bytes(&json!(wire)));
    same("the write units of the table", &used.table().and_then(|table| table.capacity_units()).unwrap_or(0.0), &write_units(larger))?;
    for index in table.indexes() {
        let expected = entry_units(db, table.name(), index, old.as_ref(), item);
        let found =
            used.global_secondary_indexes().and_then(|used| used.get(index.name())).and_then(|used| used.capacity_units()).unwrap_or(0.0);
        same(&format!("the write units of {} for {item:?} after {old:?}", index.name()), &found, &expected)?;
    }
    puts.push(item.clone());
    Ok(())
}

/// An entry that appears, goes or changes costs its size; one that moves costs both; one that stays as it is costs nothing.
fn entry_units(db: &Database, table: &str, index: &Index, old: Option<&TypedItem>, new: &TypedItem) -> f64 {
    let entry = |item: &TypedItem| oracle::entry(&db.matrix, table, index, item);
    let (old, new) = (old.and_then(entry), entry(new));
    let units = |entry: &_| write_units(item_bytes(&json!(entry)));
    match (old, new) {
        (None, None) => 0.0,
        (Some(entry), None) | (None, Some(entry)) => units(&entry),
        (Some(old), Some(new)) if old == new => 0.0,
        (Some(old), Some(new)) if index.keys().all(|key| old[key] == new[key]) => units(&old).max(units(&new)),
        (Some(old), Some(new)) => units(&old) + units(&new),
    }
}

/// Law: of two inserts of one key at the same time exactly one is made, and the other hears that it was not.
#[tokio::test]
async fn an_insert_has_one_winner() {
    if lacks("partiql") {
        return;
    }
    for matrix in crate::matrices() {
        for table in matrix.tables().iter().filter(|table| table.append_only()) {
            let db = Database::open(&matrix).await;
            let name = db.matrix.tables().iter().find(|other| other.name().ends_with(table.name())).unwrap().name().to_owned();
            let insert = |writer: &str| {
                let statement = format!("INSERT INTO \"{name}\" VALUE {{'PK': ?, 'SK': ?, 'a': ?}}");
                let values = ["SUB#1", "00000000000000000001", writer].map(|text| AttributeValue::S(text.to_owned()));
                db.admin.execute_statement().statement(statement).set_parameters(Some(values.to_vec())).send()
            };
            let (one, two) = tokio::join!(insert("one"), insert("two"));
            let outcomes = [one.map(drop), two.map(drop)]
                .map(|outcome| outcome.map_err(|error| error.into_service_error().is_duplicate_item_exception()));
            assert!(outcomes == [Ok(()), Err(true)] || outcomes == [Err(true), Ok(())], "{outcomes:?}");
            db.close().await;
        }
    }
}
