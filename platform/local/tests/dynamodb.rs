//! DynamoDB through the real SDK client, in process.

mod support;

use std::collections::HashMap;

use annals_local::{Local, Store};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use serde_json::json;
use support::{config, dynamodb, put, role};

#[tokio::test(start_paused = true)]
async fn items_are_written_read_and_refused_as_on_aws() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let client = dynamodb(&local, "admin");
    put(&client, "log", "a", "1", "first").await;
    let again = client
        .execute_statement()
        .statement("INSERT INTO \"log\" VALUE {'PK': 'a', 'SK': '1', 'value': 'second'}")
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    assert!(again.unwrap_err().into_service_error().is_duplicate_item_exception());
    let read = client.get_item().table_name("log").key("PK", AttributeValue::S("a".into())).key("SK", AttributeValue::S("1".into()));
    let item = read.consistent_read(true).send().await.unwrap().item.unwrap();
    assert_eq!(item["value"], AttributeValue::S("first".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn arns_and_stream_labels_are_those_of_the_account() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let table = dynamodb(&local, "admin").describe_table().table_name("log").send().await.unwrap().table.unwrap();
    assert_eq!(table.table_arn(), Some("arn:aws:dynamodb:eu-west-1:000000000000:table/log"));
    assert_eq!(table.latest_stream_arn(), Some("arn:aws:dynamodb:eu-west-1:000000000000:table/log/stream/2026-03-01T12:00:00.000"));
    assert_eq!(table.latest_stream_label(), Some("2026-03-01T12:00:00.000"));
}

#[tokio::test(start_paused = true)]
async fn calls_and_their_capacity_are_tallied() {
    let mut config = config(Store::Memory);
    config.roles.push(role("reader", json!({ "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*" })));
    let local = Local::open(config).await.unwrap();
    let client = dynamodb(&local, "admin");
    for number in 0..3 {
        client
            .put_item()
            .table_name("log")
            .item("PK", AttributeValue::S("a".to_owned()))
            .item("SK", AttributeValue::S(number.to_string()))
            .item("value", AttributeValue::S("x".repeat(1500)))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .unwrap();
    }
    let reading = local.meter().of("PutItem", "log");
    assert_eq!((reading.calls, reading.errors, reading.capacity), (3, 0, 6.0));
}

#[tokio::test(start_paused = true)]
async fn a_scan_in_parts_meets_every_item_once_whatever_its_pages() {
    let local = Local::open(config(Store::Memory)).await.unwrap();
    let client = dynamodb(&local, "admin");
    for number in 0..60 {
        put(&client, "log", &format!("stream-{}", number % 20), &format!("{number:03}"), "x").await;
    }
    let mut met = vec![];
    for part in 0..3 {
        let mut after = None;
        loop {
            let scan = client.scan().table_name("log").segment(part).total_segments(3).limit(7).set_exclusive_start_key(after);
            let page = scan.send().await.unwrap();
            let key = |item: &HashMap<String, AttributeValue>| (item["PK"].as_s().unwrap().clone(), item["SK"].as_s().unwrap().clone());
            met.extend(page.items().iter().map(key));
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
    }
    // The items of one partition side by side, in order.
    let streams: Vec<_> = met.chunk_by(|one, next| one.0 == next.0).collect();
    assert_eq!(streams.len(), 20);
    assert!(streams.iter().all(|items| items.len() == 3 && items.is_sorted()));
}
