//! Queue mappings: which messages come again, and when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_local::{Function, FunctionError, Local, Queue, QueueMapping, Store};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{config, failure};

type Answer = Result<Value, FunctionError>;

/// The seconds between the invocations of a function that answers a message of a queue with a visibility timeout of 5 seconds like this,
/// until it is done with it.
async fn waits(answers: Vec<Answer>) -> Vec<u64> {
    let mut config = config(Store::Memory);
    let visibility_timeout = Duration::from_secs(5);
    config.queues = vec![Queue { visibility_timeout, max_receive_count: u32::MAX, ..Queue::new("mail", None) }];
    config.queue_mappings = vec![QueueMapping { backoff: Duration::from_secs(1), ..QueueMapping::new("send", "mail", "send") }];
    let local = Local::open(config).await.unwrap();
    let (invoked, answers) = (Arc::new(Mutex::new(vec![])), Mutex::new(answers.into_iter()));
    let noted = invoked.clone();
    local.install(Function::new("send", move |_, _| {
        noted.lock().unwrap().push(Instant::now());
        let answer = answers.lock().unwrap().next().unwrap_or_else(|| Ok(json!({})));
        async move { answer }
    }));
    local.send("mail", "hello").unwrap();
    local.settle().await;
    let invoked = invoked.lock().unwrap();
    invoked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_comes_again_after_twice_the_time_and_no_later_than_its_visibility_ends() {
    assert_eq!(waits((0..5).map(|_| Err(failure())).collect()).await, [1, 2, 4, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_reports_no_message_of_it_fails_whole() {
    let reports = [json!("all"), json!({ "itemIdentifier": "x" }), json!([{ "itemIdentifier": "x" }]), json!([{}]), json!([7])];
    for report in reports {
        assert_eq!(waits(vec![Ok(json!({ "batchItemFailures": report }))]).await, [1], "{report}");
    }
    for fine in [json!(null), json!([])] {
        assert_eq!(waits(vec![Ok(json!({ "batchItemFailures": fine }))]).await, [0; 0], "{fine}");
    }
}
