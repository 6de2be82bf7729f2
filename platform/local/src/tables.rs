//! Creates the tables the account must have, and refuses a directory whose tables are others.

use annals_kit::Clock;
use rusqlite::OptionalExtension;
use serde_json::{Value, json};

use crate::dynamodb;
use crate::engine::Engine;
use crate::host_store::HostStore;
use crate::open_error::OpenError;
use crate::wire::Answer;

/// Creates `table` if it is absent; compares it with the definition it was created by if it is there.
pub(crate) fn ensure(engine: &Engine, host: &HostStore, clock: &dyn Clock, table: &Value) -> Result<(), OpenError> {
    let name = table["TableName"].as_str().ok_or_else(|| OpenError::Configuration("a table has no TableName".to_owned()))?;
    let failed = |detail: String| OpenError::Database { path: engine.path.clone(), detail };
    let stored: Option<String> = host
        .read(|host| host.prepare_cached("SELECT definition FROM tables WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional())
        .map_err(|error| failed(error.to_string()))?;
    if let Some(stored) = &stored {
        compare(engine, name, &serde_json::from_str(stored).unwrap_or_default(), table)?;
    }
    if !exists(engine, name).map_err(|error| failed(error.to_string()))? {
        create(engine, clock, name, table).map_err(failed)?;
    }
    if stored.is_none() {
        // Last: a definition says that its table is complete.
        host.write(|host| host.execute("INSERT INTO tables (name, definition) VALUES (?1, ?2)", (name, table.to_string())))
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// Not DescribeTable, which counts the items.
fn exists(engine: &Engine, name: &str) -> rusqlite::Result<bool> {
    engine.read(|connection| {
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM _tables WHERE table_name = ?1)")?.query_row([name], |row| row.get(0))
    })
}

/// What shapes the stored data must be as it was: keys, indexes, stream. Capacity, protection and recovery may change at any time.
fn compare(engine: &Engine, name: &str, stored: &Value, wanted: &Value) -> Result<(), OpenError> {
    let different = ["KeySchema", "AttributeDefinitions", "StreamSpecification"]
        .into_iter()
        .find(|member| stored[member] != wanted[member])
        .or_else(|| (indexes(stored) != indexes(wanted)).then_some("GlobalSecondaryIndexes"));
    match different {
        None => Ok(()),
        Some(difference) => {
            Err(OpenError::TableDiffers { table: name.to_owned(), path: engine.path.clone(), difference: difference.to_owned() })
        }
    }
}

/// The indexes of a definition: name, keys, projection.
fn indexes(table: &Value) -> Vec<[&Value; 3]> {
    let indexes = table["GlobalSecondaryIndexes"].as_array();
    indexes.into_iter().flatten().map(|index| [&index["IndexName"], &index["KeySchema"], &index["Projection"]]).collect()
}

fn create(engine: &Engine, clock: &dyn Clock, name: &str, table: &Value) -> Result<(), String> {
    let mut request = table.clone();
    let time_to_live = request.as_object_mut().and_then(|members| members.remove("TimeToLiveSpecification"));
    run(engine, clock, "CreateTable", &request)?;
    match time_to_live {
        Some(specification) => {
            run(engine, clock, "UpdateTimeToLive", &json!({ "TableName": name, "TimeToLiveSpecification": specification }))
        }
        None => Ok(()),
    }
}

fn run(engine: &Engine, clock: &dyn Clock, operation: &str, request: &Value) -> Result<(), String> {
    let answer: Answer = match dynamodb::read(operation, &request.to_string()) {
        Ok(work) => engine.run(clock, work)(),
        Err(refusal) => refusal,
    };
    if answer.is_ok() { Ok(()) } else { Err(String::from_utf8_lossy(&answer.body).into_owned()) }
}
