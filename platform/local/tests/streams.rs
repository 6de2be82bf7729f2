//! Streams to functions: order, partial failures, retries, discards, restarts.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use annals_local::{Function, Local, Store, StreamMapping, Trim};
use serde_json::json;
use support::{Seen, config, dynamodb, failure, put};
use tokio::time::Instant;

fn with_mapping(store: Store, change: impl FnOnce(&mut StreamMapping)) -> annals_local::Config {
    let mut config = config(store);
    let mut mapping = StreamMapping::new("projector", "log", "project");
    change(&mut mapping);
    config.stream_mappings = vec![mapping];
    config
}

#[tokio::test(start_paused = true)]
async fn records_arrive_in_order_in_the_form_of_lambdas_events() {
    let local = Local::open(with_mapping(Store::Memory, |_| {})).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({ "batchItemFailures": [] }))));
    let client = dynamodb(&local, "admin");
    for number in 0..250 {
        put(&client, "log", &format!("stream-{}", number % 7), &format!("{number:03}"), &number.to_string()).await;
    }
    local.settle().await;
    assert_eq!(seen.values(), (0..250).map(|number| number.to_string()).collect::<Vec<_>>());
    let event: aws_lambda_events::event::dynamodb::Event = serde_json::from_value(seen.batches()[0].clone()).unwrap();
    let record = &event.records[0];
    assert_eq!(record.event_name, "INSERT");
    assert_eq!(record.aws_region, "eu-west-1");
    assert_eq!(record.change.sequence_number.as_deref().map(str::len), Some(21));
    assert_eq!(record.change.approximate_creation_date_time.to_string(), "2026-03-01 12:00:00 UTC");
    assert_eq!(
        record.event_source_arn.as_deref(),
        Some("arn:aws:dynamodb:eu-west-1:000000000000:table/log/stream/2026-03-01T12:00:00.000")
    );
}

#[tokio::test(start_paused = true)]
async fn a_put_that_changes_nothing_makes_no_record() {
    let local = Local::open(with_mapping(Store::Memory, |_| {})).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!(null))));
    let client = dynamodb(&local, "admin");
    put(&client, "log", "a", "1", "x").await;
    put(&client, "log", "a", "1", "x").await;
    put(&client, "log", "a", "1", "y").await;
    local.settle().await;
    assert_eq!(seen.values(), ["x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn delivery_goes_on_from_the_lowest_record_reported() {
    let local = Local::open(with_mapping(Store::Memory, |_| {})).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |number, event| {
        let identifier = |index: usize| event["Records"][index]["dynamodb"]["SequenceNumber"].clone();
        Ok(match number {
            0 => json!({ "batchItemFailures": [{ "itemIdentifier": identifier(3) }, { "itemIdentifier": identifier(1) }] }),
            _ => json!({ "batchItemFailures": [] }),
        })
    }));
    let client = dynamodb(&local, "admin");
    for value in ["a", "b", "c", "d"] {
        put(&client, "log", "stream", value, value).await;
    }
    local.settle().await;
    assert_eq!(seen.values(), ["a", "b", "c", "d", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_identifier_brings_the_whole_batch_again() {
    let local = Local::open(with_mapping(Store::Memory, |mapping| mapping.bisect = false)).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |number, _| {
        Ok(if number == 0 { json!({ "batchItemFailures": [{ "itemIdentifier": "12345" }] }) } else { json!({}) })
    }));
    let client = dynamodb(&local, "admin");
    put(&client, "log", "s", "1", "a").await;
    put(&client, "log", "s", "2", "b").await;
    local.settle().await;
    assert_eq!(seen.values(), ["a", "b", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_record_is_isolated_discarded_and_raised_and_the_others_go_on() {
    let local = Local::open(with_mapping(Store::Memory, |mapping| mapping.max_retries = Some(2))).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, event| {
        let poisoned = event["Records"].as_array().unwrap().iter().any(|record| record["dynamodb"]["NewImage"]["value"]["S"] == "bad");
        if poisoned { Err(failure()) } else { Ok(json!({})) }
    }));
    let client = dynamodb(&local, "admin");
    for value in ["a", "b", "bad", "c", "d"] {
        put(&client, "log", "s", value, value).await;
    }
    local.settle().await;
    let discarded = local.discarded();
    assert_eq!(discarded.len(), 1);
    assert_eq!((discarded[0].reason.as_str(), discarded[0].attempts), ("RetryAttemptsExhausted", 3));
    assert_eq!(discarded[0].records.as_array().unwrap().len(), 1);
    assert_eq!(discarded[0].records[0]["dynamodb"]["NewImage"]["value"]["S"], "bad");
    assert_eq!(local.alarms().unwrap()[0].name, "records-discarded-projector");
    let handled = seen.batches().into_iter().filter(|batch| !batch.to_string().contains("bad"));
    let handled: Vec<_> = handled.flat_map(|batch| batch["Records"].as_array().unwrap().clone()).collect();
    let handled: Vec<_> = handled.iter().map(|record| record["dynamodb"]["NewImage"]["value"]["S"].as_str().unwrap()).collect();
    assert_eq!(handled, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_batch() {
    let local = Local::open(with_mapping(Store::Memory, |_| {})).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |number, _| if number == 0 { panic!("planned") } else { Ok(json!({})) }));
    put(&dynamodb(&local, "admin"), "log", "s", "1", "a").await;
    local.settle().await;
    assert_eq!(seen.values(), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_the_checkpoint_is() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let seen = Seen::default();
    for round in 0..3 {
        let local = Local::open(with_mapping(store(), |_| {})).await.unwrap();
        local.install(seen.function("project", |_, _| Ok(json!({}))));
        let client = dynamodb(&local, "admin");
        for number in 0..5 {
            put(&client, "log", "s", &format!("{round}-{number}"), &format!("{round}-{number}")).await;
        }
        if round != 1 {
            local.settle().await;
        }
    }
    let expected: Vec<_> = (0..3).flat_map(|round| (0..5).map(move |number| format!("{round}-{number}"))).collect();
    assert_eq!(seen.values(), expected);
}

#[tokio::test(start_paused = true)]
async fn children_of_a_split_shard_come_after_it_and_keep_the_order_of_each_key() {
    let mut config = with_mapping(Store::Memory, |mapping| mapping.batch_size = 3);
    config.shards = 2;
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    let client = dynamodb(&local, "admin");
    for number in 0..60 {
        if number % 20 == 10 {
            assert!(local.split_shards("log") >= 2);
        }
        put(&client, "log", &format!("key-{}", number % 10), &format!("{number:03}"), &format!("{}:{number:03}", number % 10)).await;
    }
    local.settle().await;
    let values = seen.values();
    assert_eq!(values.len(), 60);
    for key in 0..10 {
        let of_key: Vec<_> = values.iter().filter(|value| value.starts_with(&format!("{key}:"))).collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_lets_records_gather_until_it_ends_or_the_batch_is_full() {
    let local = Local::open(with_mapping(Store::Memory, |mapping| {
        mapping.window = Duration::from_secs(10);
        mapping.batch_size = 3;
    }));
    let local = local.await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    let client = dynamodb(&local, "admin");
    let running = local.start();
    let began = Instant::now();
    put(&client, "log", "s", "1", "a").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    put(&client, "log", "s", "2", "b").await;
    assert!(seen.batches().is_empty());
    local.settle().await;
    assert_eq!((seen.batches().len(), began.elapsed().as_secs()), (1, 10));
    for value in ["c", "d", "e"] {
        put(&client, "log", "s", value, value).await;
    }
    local.settle().await;
    assert_eq!((seen.batches().len(), began.elapsed().as_secs()), (2, 10), "a full batch does not wait");
    assert_eq!(seen.values(), ["a", "b", "c", "d", "e"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_over_the_age_limit_are_discarded_and_newer_ones_handled() {
    let local = Local::open(with_mapping(Store::Memory, |mapping| mapping.max_record_age = Some(Duration::from_secs(3600)))).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    let client = dynamodb(&local, "admin");
    put(&client, "log", "s", "1", "old").await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(local.iterator_age("projector"), Some(Duration::from_secs(3600)));
    put(&client, "log", "s", "2", "new").await;
    tokio::time::advance(Duration::from_secs(1)).await;
    local.settle().await;
    assert_eq!((seen.values(), local.iterator_age("projector")), (vec!["new".to_owned()], None));
    let discarded = local.discarded();
    assert_eq!((discarded.len(), discarded[0].reason.as_str()), (1, "RecordAgeExceeded"));
    assert_eq!(discarded[0].records[0]["dynamodb"]["NewImage"]["value"]["S"], "old");
}

#[tokio::test(start_paused = true)]
async fn records_no_filter_matches_count_as_handled() {
    let filter = json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { "value": { "S": [{ "prefix": "w" }] } } } });
    let local = Local::open(with_mapping(Store::Memory, |mapping| mapping.filters = vec![filter])).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    let client = dynamodb(&local, "admin");
    for (key, value) in [("1", "wanted"), ("2", "other"), ("1", "wrong kind"), ("3", "wanted too")] {
        put(&client, "log", "s", key, value).await;
    }
    local.settle().await;
    assert_eq!((seen.values(), local.iterator_age("projector")), (vec!["wanted".to_owned(), "wanted too".to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn unread_records_are_kept_unless_trimmed_as_aws_does_which_is_an_alarm() {
    for (trim, expected) in [(Trim::OncePassed, vec!["a"]), (Trim::AsAws, vec![])] {
        let mut config = with_mapping(Store::Memory, |_| {});
        config.trim = trim;
        let local = Local::open(config).await.unwrap();
        let seen = Seen::default();
        local.install(seen.function("project", |_, _| Ok(json!({}))));
        put(&dynamodb(&local, "admin"), "log", "s", "1", "a").await;
        tokio::time::advance(Duration::from_secs(25 * 3600)).await;
        local.trim();
        local.settle().await;
        assert_eq!(
            (seen.values(), local.alarms().unwrap().len()),
            (expected.into_iter().map(str::to_owned).collect(), usize::from(trim == Trim::AsAws))
        );
    }
}

/// A function that notes which batches are under way together, and takes a second for each.
fn slow(seen: &Seen, most: Arc<AtomicUsize>) -> Function {
    let (seen, now) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    Function::new("project", move |event, _| {
        let (seen, most, now) = (seen.clone(), most.clone(), now.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            seen.push(event);
            Ok(json!({}))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_parallelization_factor_handles_batches_of_a_shard_together_and_keeps_the_order_of_each_item() {
    for factor in [1, 4] {
        let local = Local::open(with_mapping(Store::Memory, |mapping| {
            mapping.parallelization_factor = factor;
            mapping.batch_size = 2;
        }));
        let local = local.await.unwrap();
        let (seen, most) = (Seen::default(), Arc::new(AtomicUsize::new(0)));
        local.install(slow(&seen, most.clone()));
        let client = dynamodb(&local, "admin");
        for number in 0..60 {
            put(&client, "log", "s", &format!("item-{}", number % 12), &format!("{}:{number:03}", number % 12)).await;
        }
        local.settle().await;
        assert_eq!((most.load(Ordering::SeqCst), seen.values().len()), (factor, 60));
        for item in 0..12 {
            let values = seen.values();
            let of_item: Vec<_> = values.iter().filter(|value| value.starts_with(&format!("{item}:"))).collect();
            assert!(of_item.len() == 5 && of_item.is_sorted(), "{of_item:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_item_holds_up_its_own_lane_and_the_checkpoint_alone() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        Local::open(with_mapping(Store::Directory(directory.path().to_owned()), |mapping| {
            mapping.parallelization_factor = 4;
            mapping.max_retries = None;
            mapping.batch_size = 10;
        }))
    };
    let bad = |event: &serde_json::Value| event.to_string().contains("bad");
    let local = open().await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", move |_, event| if bad(event) { Err(failure()) } else { Ok(json!({})) }));
    let client = dynamodb(&local, "admin");
    put(&client, "log", "s", "poisoned", "bad").await;
    for number in 0..20 {
        put(&client, "log", "s", &format!("item-{number}"), &format!("{number:02}")).await;
    }
    let running = local.start();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let handled = seen.batches().iter().filter(|batch| !bad(batch)).flat_map(|batch| batch["Records"].as_array().unwrap().clone()).count();
    assert!(handled >= 10, "other lanes go on: {handled}");
    running.stop().await;
    drop((client, local));
    // Mended: what the lane held up comes again, and nothing is lost.
    let local = open().await.unwrap();
    let after = Seen::default();
    local.install(after.function("project", |_, _| Ok(json!({}))));
    local.settle().await;
    let mut values = after.values();
    values.sort();
    let mut expected: Vec<_> = (0..20).map(|number| format!("{number:02}")).collect();
    expected.push("bad".to_owned());
    assert_eq!(values, expected, "the checkpoint stood before the poisoned record");
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_lies_in_the_folder_of_failures_as_lambda_leaves_it_in_s3() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = with_mapping(Store::Memory, |mapping| mapping.max_retries = Some(1));
    config.failures = Some(folder.path().to_owned());
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("project", |_, event| if event.to_string().contains("bad") { Err(failure()) } else { Ok(json!({})) }));
    let client = dynamodb(&local, "admin");
    for value in ["a", "bad", "b"] {
        put(&client, "log", "s", value, value).await;
    }
    local.settle().await;
    let day = folder.path().join("aws/lambda/projector/shardId-00000000000000000001-00000000/2026/03/01");
    let files: Vec<_> = std::fs::read_dir(&day).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("2026-03-01T12.00.00-") && name.len() == 20 + 36, "{name}");
    let mut object: serde_json::Value = serde_json::from_slice(&std::fs::read(&files[0]).unwrap()).unwrap();
    let payload: serde_json::Value = serde_json::from_str(object["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["Records"][0]["dynamodb"]["NewImage"]["value"]["S"], "bad");
    assert_eq!(object["requestContext"]["requestId"].as_str().map(str::len), Some(36));
    let number = payload["Records"][0]["dynamodb"]["SequenceNumber"].clone();
    let arn = payload["Records"][0]["eventSourceARN"].clone();
    object["payload"].take();
    object["requestContext"]["requestId"].take();
    let expected = json!({
        "requestContext": {
            "requestId": null, "functionArn": "arn:aws:lambda:eu-west-1:000000000000:function:project",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 2,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
        "version": "1.0",
        "timestamp": "2026-03-01T12:00:00.100Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000001-00000000", "startSequenceNumber": number, "endSequenceNumber": number,
            "approximateArrivalOfFirstRecord": "2026-03-01T12:00:00Z", "approximateArrivalOfLastRecord": "2026-03-01T12:00:00Z",
            "batchSize": 1, "streamArn": arn,
        },
        "payload": null,
    });
    assert_eq!(object, expected);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_not_there_uses_up_no_retries() {
    let local = Local::open(with_mapping(Store::Memory, |mapping| mapping.max_retries = Some(1))).await.unwrap();
    put(&dynamodb(&local, "admin"), "log", "s", "1", "a").await;
    let running = local.start();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(local.discarded().is_empty());
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    local.settle().await;
    assert_eq!(seen.values(), ["a"]);
    running.stop().await;
}

#[tokio::test]
async fn a_mapping_that_aws_would_refuse_is_refused() {
    for (factor, batch) in [(0, 1), (11, 1), (1, 0), (1, 10_001)] {
        let local = Local::open(with_mapping(Store::Memory, |mapping| {
            mapping.parallelization_factor = factor;
            mapping.batch_size = batch;
        }));
        assert!(local.await.is_err(), "factor {factor}, batch {batch}");
    }
}
