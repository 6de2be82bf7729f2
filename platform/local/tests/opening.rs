//! Directories that do not open say why, in one sentence.

mod support;

use annals_local::{Function, Local, OpenError, Store};
use support::{config, table};

async fn refused(path: &std::path::Path) -> (OpenError, String) {
    let error = Local::open(config(Store::Directory(path.to_owned()))).await.err().expect("the directory does not open");
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains(path.to_str().unwrap()), "{text}");
    (error, text)
}

#[tokio::test]
async fn a_second_process_on_a_directory_is_refused_and_a_later_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let first = Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap();
    let (error, text) = refused(directory.path()).await;
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    drop(first);
    Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let (error, _) = refused(&file.join("data")).await;
    assert!(matches!(error, OpenError::NotWritable { .. }));
}

#[tokio::test]
async fn damaged_databases_and_keys_are_refused_by_name() {
    for (name, content) in [("dynamodb.db", &[7_u8; 8192][..]), ("host.db", &[7; 8192]), ("keys/vault.key", &[7; 31])] {
        let directory = tempfile::tempdir().unwrap();
        drop(Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap());
        std::fs::write(directory.path().join(name), content).unwrap();
        let (error, text) = refused(directory.path()).await;
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn another_definition_of_a_table_is_refused_and_the_same_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let open = |change: fn(&mut annals_local::Config)| {
        let mut config = config(Store::Directory(directory.path().to_owned()));
        change(&mut config);
        Local::open(config)
    };
    drop(open(|_| {}).await.unwrap());
    drop(open(|config| config.tables.push(table("another"))).await.unwrap());
    // Capacity and protection shape no data.
    drop(open(|config| config.tables[0]["DeletionProtectionEnabled"] = true.into()).await.unwrap());
    let error = open(|config| config.tables[0]["StreamSpecification"] = serde_json::json!({ "StreamEnabled": false })).await.err().unwrap();
    let stream =
        matches!(&error, OpenError::TableDiffers { table, difference, .. } if table == "log" && difference == "StreamSpecification");
    assert!(stream, "{error}");
}

/// A function that holds a client of its own account must not keep the account open.
#[tokio::test(start_paused = true)]
async fn an_account_closes_although_its_functions_hold_its_clients() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let local = Local::open(config(Store::Directory(directory.path().to_owned()))).await.unwrap();
        let client = support::dynamodb(&local, "admin");
        local.install(Function::new("writer", move |_, _| {
            let client = client.clone();
            async move {
                support::put(&client, "log", "a", "1", "x").await;
                Ok(serde_json::Value::Null)
            }
        }));
        local.settle().await;
    }
}
