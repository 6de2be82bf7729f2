//! Injected faults reach the SDK as the network's and AWS's would.

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use annals_local::{Batch, BatchFault, Call, Fault, Faults, Local, Store, StreamMapping};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use serde_json::json;
use support::{Seen, config, dynamodb, put};

/// Faults for calls and batches, used up in order.
#[derive(Default)]
struct Planned {
    calls: Mutex<VecDeque<Fault>>,
    batches: Mutex<VecDeque<BatchFault>>,
}

impl Faults for Planned {
    fn plan(&self, call: &Call<'_>) -> Fault {
        assert_eq!((call.service, call.table, call.role), ("dynamodb", Some("log"), "admin"));
        self.calls.lock().unwrap().pop_front().unwrap_or_default()
    }

    fn batch(&self, batch: &Batch<'_>) -> BatchFault {
        if batch.records.is_empty() { BatchFault::None } else { self.batches.lock().unwrap().pop_front().unwrap_or_default() }
    }
}

async fn open(calls: Vec<Fault>, batches: Vec<BatchFault>) -> (Local, aws_sdk_dynamodb::Client) {
    let mut config = config(Store::Memory);
    config.faults = Some(Arc::new(Planned { calls: Mutex::new(calls.into()), batches: Mutex::new(batches.into()) }));
    config.stream_mappings = vec![StreamMapping { bisect: false, ..StreamMapping::new("projector", "log", "project") }];
    let local = Local::open(config).await.unwrap();
    let once = dynamodb(&local, "admin").config().to_builder().retry_config(RetryConfig::disabled()).build();
    (local, aws_sdk_dynamodb::Client::from_conf(once))
}

/// Items the log holds after one put under a fault, and how the put ended.
async fn put_under(fault: Fault) -> (i32, Result<(), String>) {
    let (_local, client) = open(vec![fault], Vec::new()).await;
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let put = client.put_item().table_name("log").item("PK", text("a")).item("SK", text("1")).send().await;
    let result = put.map(drop).map_err(|error| match error {
        SdkError::DispatchFailure(_) => "connection".to_owned(),
        error => error.into_service_error().code().unwrap_or_default().to_owned(),
    });
    (client.scan().table_name("log").send().await.unwrap().count(), result)
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_did_nothing_and_a_lost_response_did_all() {
    assert_eq!(put_under(Fault::LoseRequest).await, (0, Err("connection".to_owned())));
    assert_eq!(put_under(Fault::LoseResponse).await, (1, Err("connection".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn throttling_and_internal_errors_did_nothing() {
    assert_eq!(put_under(Fault::Throttle).await, (0, Err("ProvisionedThroughputExceededException".to_owned())));
    assert_eq!(put_under(Fault::InternalError).await, (0, Err("InternalServerError".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_late_response_comes_late() {
    let began = tokio::time::Instant::now();
    assert_eq!(put_under(Fault::Delay(Duration::from_secs(3))).await, (1, Ok(())));
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn batches_are_redelivered_stalled_and_reordered() {
    let stall = BatchFault::Stall(Duration::from_secs(60));
    let (local, client) = open(Vec::new(), vec![BatchFault::Redeliver, BatchFault::Reorder(vec![2, 0]), stall]).await;
    let seen = Seen::default();
    local.install(seen.function("project", |_, _| Ok(json!({}))));
    for value in ["a", "b", "c"] {
        put(&client, "log", "s", value, value).await;
    }
    let began = tokio::time::Instant::now();
    local.settle().await;
    assert_eq!(seen.values(), ["a", "b", "c", "c", "a", "b"]);
    put(&client, "log", "s", "d", "d").await;
    local.settle().await;
    assert_eq!(seen.values().last().unwrap(), "d");
    assert!(began.elapsed().as_secs() >= 60);
}

/// Holds two calls until both are there; how many came while the other waited.
#[derive(Default)]
struct Meeting {
    came: Mutex<usize>,
    both: Condvar,
}

impl Faults for Meeting {
    fn plan(&self, _: &Call<'_>) -> Fault {
        let mut came = self.came.lock().unwrap();
        *came += 1;
        self.both.notify_all();
        // A minute is for a failing test alone: those that meet do not wait for it.
        let (_came, waited) = self.both.wait_timeout_while(came, Duration::from_secs(60), |came| *came < 2).unwrap();
        if waited.timed_out() { Fault::InternalError } else { Fault::None }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_has_under_way_at_the_same_time_runs_at_the_same_time() {
    let mut config = config(Store::Memory);
    config.faults = Some(Arc::new(Meeting::default()));
    let local = Local::open(config).await.unwrap();
    let once = dynamodb(&local, "admin").config().to_builder().retry_config(RetryConfig::disabled()).build();
    let client = aws_sdk_dynamodb::Client::from_conf(once);
    let describe = || client.describe_table().table_name("log").send();
    let (one, other) = tokio::join!(describe(), describe());
    assert!(one.is_ok() && other.is_ok(), "{one:?}, {other:?}");
}
