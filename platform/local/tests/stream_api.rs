//! The DynamoDB Streams API through the SDK's client.

mod support;

use annals_local::{Config, Local, Store, Trim};
use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType};
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Region};
use aws_sdk_dynamodbstreams::types::{Record, Shard, ShardIteratorType, StreamDescription};
use std::time::Duration;
use support::{config, dynamodb, put};

fn streams(local: &Local) -> aws_sdk_dynamodbstreams::Client {
    aws_sdk_dynamodbstreams::Client::from_conf(
        aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(local.credentials("admin").unwrap())
            .http_client(local.http_client())
            .build(),
    )
}

async fn describe(local: &Local, table: &str) -> Vec<StreamDescription> {
    let client = streams(local);
    let mut described = Vec::new();
    for stream in client.list_streams().table_name(table).send().await.unwrap().streams() {
        let answer = client.describe_stream().stream_arn(stream.stream_arn().unwrap()).send().await.unwrap();
        described.push(answer.stream_description.unwrap());
    }
    described
}

async fn iterator(local: &Local, stream: &str, shard: &str, kind: ShardIteratorType, number: Option<&str>) -> Result<String, String> {
    let request = streams(local).get_shard_iterator().stream_arn(stream).shard_id(shard).shard_iterator_type(kind);
    let answer = request.set_sequence_number(number.map(str::to_owned)).send().await;
    answer.map(|answer| answer.shard_iterator.unwrap()).map_err(|error| format!("{:?}", error.into_service_error()))
}

/// All records of a shard from an iterator on, in pages of two.
async fn read(local: &Local, iterator: String) -> (Vec<Record>, Option<String>) {
    let (mut records, mut next) = (Vec::new(), Some(iterator));
    loop {
        let page = streams(local).get_records().shard_iterator(next.clone().unwrap()).limit(2).send().await.unwrap();
        let ended = page.records().is_empty() || page.next_shard_iterator.is_none();
        records.extend(page.records.unwrap_or_default());
        next = page.next_shard_iterator;
        if ended {
            return (records, next);
        }
    }
}

fn values(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.dynamodb().unwrap().new_image().unwrap()["value"].as_s().unwrap().as_str()).collect()
}

fn number(record: &Record) -> &str {
    record.dynamodb().unwrap().sequence_number().unwrap()
}

async fn open(change: impl FnOnce(&mut Config)) -> (Local, aws_sdk_dynamodb::Client) {
    let mut config = config(Store::Memory);
    change(&mut config);
    let local = Local::open(config).await.unwrap();
    let client = dynamodb(&local, "admin");
    (local, client)
}

#[tokio::test(start_paused = true)]
async fn an_open_shard_has_no_end_and_is_read_from_each_kind_of_iterator() {
    let (local, client) = open(|_| {}).await;
    for value in ["a", "b", "c"] {
        put(&client, "log", "s", value, value).await;
    }
    let stream = describe(&local, "log").await.remove(0);
    assert_eq!((stream.shards().len(), stream.stream_status().unwrap().as_str()), (1, "ENABLED"));
    assert_eq!(stream.key_schema()[0].attribute_name(), "PK");
    let (arn, shard) = (stream.stream_arn().unwrap(), stream.shards()[0].shard_id().unwrap());
    assert_eq!(stream.shards()[0].sequence_number_range().unwrap().ending_sequence_number(), None);
    let (all, next) = read(&local, iterator(&local, arn, shard, ShardIteratorType::TrimHorizon, None).await.unwrap()).await;
    assert_eq!(values(&all), ["a", "b", "c"]);
    let from = |kind, index: usize| iterator(&local, arn, shard, kind, Some(number(&all[index])));
    let (at, _) = read(&local, from(ShardIteratorType::AtSequenceNumber, 1).await.unwrap()).await;
    assert_eq!(values(&at), ["b", "c"]);
    let (after, _) = read(&local, from(ShardIteratorType::AfterSequenceNumber, 1).await.unwrap()).await;
    assert_eq!(values(&after), ["c"]);
    let latest = iterator(&local, arn, shard, ShardIteratorType::Latest, None).await.unwrap();
    put(&client, "log", "s", "d", "d").await;
    assert_eq!(values(&read(&local, latest).await.0), ["d"]);
    assert_eq!(values(&read(&local, next.unwrap()).await.0), ["d"]);
}

#[tokio::test(start_paused = true)]
async fn a_split_closes_the_parent_and_opens_two_children() {
    let (local, client) = open(|_| {}).await;
    for key in 0..20 {
        put(&client, "log", &key.to_string(), "1", "before").await;
    }
    assert_eq!(local.split_shards("log"), 1);
    for key in 0..20 {
        put(&client, "log", &key.to_string(), "2", "after").await;
    }
    let stream = describe(&local, "log").await.remove(0);
    let [parent, left, right] = stream.shards() else { panic!("three shards") };
    assert!(parent.sequence_number_range().unwrap().ending_sequence_number().is_some());
    for child in [left, right] {
        assert_eq!(child.parent_shard_id(), parent.shard_id());
    }
    let (arn, horizon) = (stream.stream_arn().unwrap(), ShardIteratorType::TrimHorizon);
    let id = |shard: &Shard| shard.shard_id().unwrap().to_owned();
    let (of_parent, next) = read(&local, iterator(&local, arn, &id(parent), horizon.clone(), None).await.unwrap()).await;
    assert_eq!((values(&of_parent), next), (vec!["before"; 20], None), "a closed shard ends");
    let (of_left, next) = read(&local, iterator(&local, arn, &id(left), horizon.clone(), None).await.unwrap()).await;
    assert!(next.is_some(), "an open shard goes on");
    let (of_right, _) = read(&local, iterator(&local, arn, &id(right), horizon, None).await.unwrap()).await;
    assert_eq!([values(&of_left), values(&of_right)].concat(), ["after"; 20]);
    assert!(!of_left.is_empty() && !of_right.is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_streams_shards_and_numbers_and_old_iterators_are_refused() {
    let (local, client) = open(|_| {}).await;
    put(&client, "log", "s", "a", "a").await;
    let stream = describe(&local, "log").await.remove(0);
    let (arn, shard) = (stream.stream_arn().unwrap(), stream.shards()[0].shard_id().unwrap());
    let horizon = ShardIteratorType::TrimHorizon;
    let refused = iterator(&local, &arn.replace("/log/", "/other/"), shard, horizon.clone(), None).await.unwrap_err();
    assert!(refused.contains("ResourceNotFound"), "{refused}");
    let refused = iterator(&local, arn, "shardId-00000000000000000009-00000000", horizon.clone(), None).await.unwrap_err();
    assert!(refused.contains("ResourceNotFound"), "{refused}");
    for bad in ["5", "abc", "000000000000000000000", "99999999999999999999999999"] {
        let refused = iterator(&local, arn, shard, ShardIteratorType::AtSequenceNumber, Some(bad)).await.unwrap_err();
        assert!(refused.contains("Invalid SequenceNumber"), "{refused}");
    }
    let old = iterator(&local, arn, shard, horizon, None).await.unwrap();
    tokio::time::advance(Duration::from_secs(15 * 60 + 1)).await;
    let expired = streams(&local).get_records().shard_iterator(old).send().await.unwrap_err().into_service_error();
    assert!(expired.is_expired_iterator_exception());
    let nonsense = streams(&local).get_records().shard_iterator("nonsense").send().await.unwrap_err();
    assert!(format!("{nonsense:?}").contains("Invalid ShardIterator"));
}

#[tokio::test(start_paused = true)]
async fn records_go_after_24_hours() {
    let (local, client) = open(|config| config.trim = Trim::AsAws).await;
    put(&client, "log", "s", "a", "a").await;
    let stream = describe(&local, "log").await.remove(0);
    let (arn, shard) = (stream.stream_arn().unwrap().to_owned(), stream.shards()[0].shard_id().unwrap().to_owned());
    let (records, _) = read(&local, iterator(&local, &arn, &shard, ShardIteratorType::TrimHorizon, None).await.unwrap()).await;
    tokio::time::advance(Duration::from_secs(23 * 3600)).await;
    put(&client, "log", "s", "b", "b").await;
    let before = iterator(&local, &arn, &shard, ShardIteratorType::AtSequenceNumber, Some(number(&records[0]))).await.unwrap();
    local.trim();
    tokio::time::advance(Duration::from_secs(3601)).await;
    local.trim();
    let late = streams(&local).get_records().shard_iterator(before.clone()).send().await;
    assert!(late.unwrap_err().into_service_error().is_expired_iterator_exception(), "an hour is too long for an iterator as well");
    let refused = iterator(&local, &arn, &shard, ShardIteratorType::AtSequenceNumber, Some(number(&records[0]))).await.unwrap_err();
    assert!(refused.contains("TrimmedDataAccess"), "{refused}");
    let (left, _) = read(&local, iterator(&local, &arn, &shard, ShardIteratorType::TrimHorizon, None).await.unwrap()).await;
    assert_eq!(values(&left), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_enabled_again_has_a_new_name_and_no_old_records() {
    let (local, client) = open(|_| {}).await;
    put(&client, "log", "s", "a", "a").await;
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    client.update_table().table_name("log").stream_specification(off).send().await.unwrap();
    let on = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage).build().unwrap();
    client.update_table().table_name("log").stream_specification(on).send().await.unwrap();
    put(&client, "log", "s", "b", "b").await;
    let described = describe(&local, "log").await;
    let [old, new] = &described[..] else { panic!("two streams") };
    assert_ne!(old.stream_arn(), new.stream_arn());
    assert_eq!((old.stream_status().unwrap().as_str(), new.stream_status().unwrap().as_str()), ("DISABLED", "ENABLED"));
    for (stream, expected) in [(old, ["a"]), (new, ["b"])] {
        let shard = stream.shards()[0].shard_id().unwrap();
        let horizon = iterator(&local, stream.stream_arn().unwrap(), shard, ShardIteratorType::TrimHorizon, None).await.unwrap();
        assert_eq!(values(&read(&local, horizon).await.0), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_end_at_a_megabyte() {
    let (local, client) = open(|_| {}).await;
    for number in 0..5 {
        put(&client, "log", "s", &number.to_string(), &"x".repeat(300_000)).await;
    }
    let stream = describe(&local, "log").await.remove(0);
    let (arn, shard) = (stream.stream_arn().unwrap(), stream.shards()[0].shard_id().unwrap());
    let mut next = Some(iterator(&local, arn, shard, ShardIteratorType::TrimHorizon, None).await.unwrap());
    let mut pages = Vec::new();
    while pages.iter().sum::<usize>() < 5 {
        let page = streams(&local).get_records().shard_iterator(next.unwrap()).send().await.unwrap();
        pages.push(page.records().len());
        next = page.next_shard_iterator;
    }
    assert_eq!(pages, [3, 2]);
}
