//! Answers beyond 1 MB, where DynamoDB ends a page by itself: pages are followed, and tokens go on from there.

use access_patterns::Params;
use annals_reads::{PageRequest, ReadError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value as Json;

use crate::endpoint::{Database, lacks};

const LARGE: usize = 300_000;

/// Puts eight items of 300 KB into one partition of the museum's log, and eight notes of that size of one exhibit.
async fn filled() -> Database {
    let db = Database::open(&crate::museum()).await;
    let name = |pattern: &str| db.matrix.pattern(pattern).unwrap().table().to_owned();
    for number in 1..=8 {
        let text = |text: String| AttributeValue::S(text);
        let entry = db.admin.put_item().table_name(name("log_from"));
        let entry = entry.item("PK", text("sale#a".to_owned())).item("SK", text(format!("{number:020}")));
        entry.item("body", AttributeValue::B(Blob::new(vec![7; LARGE]))).send().await.unwrap();
        let note = db.admin.put_item().table_name(name("list_notes"));
        let note = note.item("PK", text(format!("EX#{ID}"))).item("SK", text(format!("NOTE#{number:020}"))).item("id", text(ID.to_owned()));
        let note = note.item("number", AttributeValue::N(number.to_string())).item("ver", AttributeValue::N("1".to_owned()));
        note.item("tenant", text("t1".to_owned())).item("text", text("n".repeat(LARGE))).send().await.unwrap();
    }
    db
}

const ID: &str = "018f2c3d-0000-7000-8000-000000000001";

#[tokio::test]
async fn a_raw_list_is_followed_over_pages_that_the_database_ends() {
    if lacks("native-keys") {
        return;
    }
    let db = filled().await;
    let params = Params::new().text("kind", "sale").text("subject", "a").number("version", 0);
    let before = db.reads.consumed().calls;
    let one = db.reads.query_page("log_from", &params, Some(1000), None).await.unwrap();
    assert!(one.items.len() < 8 && one.next.is_some(), "{} items in one page", one.items.len());
    assert_eq!(db.reads.query_all("log_from", &params).await.unwrap().len(), 8);
    assert!(db.reads.consumed().calls - before > 3, "one page, and at least three for eight items");
    db.close().await;
}

#[tokio::test]
async fn a_typed_list_goes_on_where_the_database_ended_a_page() {
    if lacks("native-keys") {
        return;
    }
    let db = filled().await;
    let params = Params::new().text("id", ID);
    let (mut numbers, mut token) = (Vec::new(), None);
    for _ in 0..8 {
        let page = db.reads.page::<Json>("list_notes", "t1", &params, PageRequest { limit: 1000, token }).await.unwrap();
        numbers.extend(page.items.iter().map(|note| note["number"].as_u64().unwrap()));
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    db.close().await;
}

#[tokio::test]
async fn what_is_not_listed_is_not_read() {
    if lacks("native-keys") {
        return;
    }
    let db = Database::open(&crate::museum()).await;
    let refused = |answer: Result<Option<Json>, ReadError>| match answer {
        Err(ReadError::Failed { source }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    let params = Params::new().text("id", ID);
    assert_eq!(refused(db.reads.get("get_everything", "t1", &params).await), "get_everything is not in the matrix of museum");
    assert_eq!(refused(db.reads.get("list_notes", "t1", &params).await), "list_notes of museum is a Query, not a GetItem");
    let page = db.reads.page::<Json>("log_from", "t1", &Params::new(), PageRequest { limit: 1, token: None }).await;
    assert!(matches!(page, Err(ReadError::Failed { .. })), "a list without a tenant is read as it is: {page:?}");
    let fanned = db.reads.query_page("events_of_day", &Params::new().text("day", "2026-01-31"), None, None).await;
    assert!(matches!(fanned, Err(ReadError::Failed { .. })), "{fanned:?}");
    db.close().await;
}
