//! Laws of delivery from streams and queues, whatever functions answer.

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_local::{Config, Function, Local, Queue, QueueMapping, Store, StreamMapping};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{config, dynamodb, failure, put};

/// What a function answers to a batch.
#[derive(Clone, Debug)]
enum Answer {
    Done,
    Fails,
    Panics,
    /// Reports the records at these indexes, counted round the batch.
    Reports(Vec<usize>),
    ReportsNonsense,
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let answer = prop_oneof![
        3 => Just(Answer::Done),
        1 => Just(Answer::Fails),
        1 => Just(Answer::Panics),
        3 => prop::collection::vec(0_usize..20, 1..4).prop_map(Answer::Reports),
        1 => Just(Answer::ReportsNonsense),
    ];
    prop::collection::vec(answer, 0..25)
}

/// A function that answers as planned, then always well, and notes the records it is done with.
fn planned(
    answers: Vec<Answer>,
    identifier: fn(&Value) -> Value,
    value: fn(&Value) -> String,
    ordered: bool,
) -> (Function, Arc<Mutex<Vec<String>>>) {
    let done = Arc::new(Mutex::new(Vec::new()));
    let noted = done.clone();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let function = Function::new("handle", move |event: Value, _| {
        let answer = answers.lock().unwrap().next().unwrap_or(Answer::Done);
        let records = event["Records"].as_array().unwrap().clone();
        let noted = noted.clone();
        async move {
            let failed: BTreeSet<usize> = match &answer {
                Answer::Done => BTreeSet::new(),
                Answer::Fails => return Err(failure()),
                Answer::Panics => panic!("planned"),
                Answer::ReportsNonsense => return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "nonsense" }] })),
                Answer::Reports(indexes) => indexes.iter().map(|index| index % records.len()).collect(),
            };
            let is_done = |index: &usize| match ordered {
                true => failed.first().is_none_or(|lowest| index < lowest),
                false => !failed.contains(index),
            };
            noted.lock().unwrap().extend((0..records.len()).filter(is_done).map(|index| value(&records[index])));
            let failures: Vec<_> = failed.into_iter().map(|index| json!({ "itemIdentifier": identifier(&records[index]) })).collect();
            Ok(json!({ "batchItemFailures": failures }))
        }
    });
    (function, done)
}

/// Runs a law's case under paused time.
fn run<F: Future>(case: impl FnOnce() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { case().await })
}

fn with_stream(bisect: bool, batch_size: usize) -> Config {
    let mut config = config(Store::Memory);
    config.stream_mappings = vec![StreamMapping { bisect, batch_size, max_retries: None, ..StreamMapping::new("m", "log", "handle") }];
    config
}

fn with_queue(pollers: usize, batch_size: usize) -> Config {
    let mut config = config(Store::Memory);
    config.queues = vec![Queue { max_receive_count: u32::MAX, visibility_timeout: Duration::from_secs(5), ..Queue::new("q", None) }];
    config.queue_mappings = vec![QueueMapping { pollers, batch_size, ..QueueMapping::new("m", "q", "handle") }];
    config
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Law: what a function is done with is the stream, whole, in order, each record once.
    #[test]
    fn a_stream_is_handled_whole_and_in_order(answers in answers(), count in 1_usize..30, bisect: bool, batch_size in 1_usize..12) {
        let handled = run(|| async {
            let local = Local::open(with_stream(bisect, batch_size)).await.unwrap();
            let (function, done) = planned(
                answers,
                |record| record["dynamodb"]["SequenceNumber"].clone(),
                |record| record["dynamodb"]["NewImage"]["value"]["S"].as_str().unwrap().to_owned(),
                true,
            );
            local.install(function);
            let client = dynamodb(&local, "admin");
            let running = local.start();
            for number in 0..count {
                put(&client, "log", "s", &format!("{number:03}"), &number.to_string()).await;
            }
            local.settle().await;
            running.stop().await;
            done
        });
        prop_assert_eq!(&*handled.lock().unwrap(), &(0..count).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    /// Law: every message of a queue is handled, once when its handling never outlives its visibility, in any order.
    #[test]
    fn every_message_of_a_queue_is_handled_once(answers in answers(), count in 1_usize..30, pollers in 1_usize..4, batch_size in 1_usize..11) {
        let handled = run(|| async {
            let local = Local::open(with_queue(pollers, batch_size)).await.unwrap();
            let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
            let (function, done) = planned(answers, |record| record["messageId"].clone(), body, false);
            local.install(function);
            let running = local.start();
            for number in 0..count {
                local.send("q", &format!("{number:03}")).unwrap();
            }
            local.settle().await;
            running.stop().await;
            done
        });
        let mut handled = handled.lock().unwrap().clone();
        handled.sort();
        prop_assert_eq!(handled, (0..count).map(|number| format!("{number:03}")).collect::<Vec<_>>());
    }
}
