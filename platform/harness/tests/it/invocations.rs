//! What a process is told and answers; which process has which invocation.

use std::time::Duration;

use serde_json::json;

use crate::{files, misbehaving, pid, told, until};

#[tokio::test]
async fn a_process_is_told_what_lambda_tells() {
    let harness = misbehaving().with(|function| function.with_timeout(Duration::from_secs(5)).with_memory(256)).open().await;
    let before = harness.clock().now().micros() / 1000;
    let answer = harness.invoke(json!({ "a": "ü\n" })).await.unwrap();
    assert_eq!(answer["event"], json!({ "a": "ü\n" }));
    assert_eq!(answer["arn"], "arn:aws:lambda:eu-west-1:000000000000:function:misbehaving");
    assert_eq!(answer["memory"], 256);
    let deadline = answer["deadline"].as_i64().unwrap();
    assert!(deadline >= before + 5000 && deadline <= harness.clock().now().micros() / 1000 + 5000, "{deadline} is five seconds on");
    assert_eq!(answer["request_id"].as_str().unwrap().len(), 36);
    assert!(answer["traced"].as_str().unwrap().starts_with("Root=1-"), "{answer}");
    // Nothing of this process's environment.
    let variables = answer["variables"].as_array().unwrap();
    assert!(variables.contains(&json!("NEEDED")) && variables.contains(&json!("AWS_LAMBDA_FUNCTION_VERSION")));
    assert!(!variables.iter().any(|name| name.as_str().unwrap().starts_with("CARGO")), "{variables:?}");
}

#[tokio::test]
async fn one_process_has_one_invocation_after_the_other() {
    let harness = misbehaving().open().await;
    let first = harness.invoke(told("answer")).await.unwrap();
    let failed = harness.invoke(told("fail")).await.unwrap_err();
    assert_eq!(failed.message, "as told");
    let panicked = harness.invoke(told("panic")).await.unwrap_err();
    assert!(panicked.message.contains("as told"), "{panicked}");
    let second = harness.invoke(told("answer")).await.unwrap();
    assert_eq!(pid(&first), pid(&second));
    assert_ne!(first["request_id"], second["request_id"]);
    let timings = &harness.local.function_timings()[0];
    assert_eq!(timings.cold.map(|cold| cold.count), Some(1), "{timings}");
    assert_eq!(timings.warm.map(|warm| warm.count), Some(1), "{timings}");
    println!("{timings}");
}

#[tokio::test]
async fn an_answer_over_six_megabytes_is_an_error_and_the_process_goes_on() {
    let harness = misbehaving().open().await;
    let first = harness.invoke(told("answer")).await.unwrap();
    assert_eq!(harness.invoke(told("answer much")).await.unwrap_err().kind, "Function.ResponseSizeTooLarge");
    assert_eq!(pid(&harness.invoke(told("answer")).await.unwrap()), pid(&first));
}

#[tokio::test]
async fn as_many_processes_as_invocations_and_no_more_than_reserved() {
    let harness = misbehaving().with(|function| function.with_concurrency(2)).open().await;
    let folder = tempfile::tempdir().unwrap();
    let (entered, release) = (folder.path().join("entered"), folder.path().join("release"));
    std::fs::create_dir(&entered).unwrap();
    let wait = json!({ "do": "wait", "entered": entered, "release": release });
    let (held, throttled) = tokio::join!(async { tokio::join!(harness.invoke(wait.clone()), harness.invoke(wait.clone())) }, async {
        until(|| files(&entered) == 2).await;
        let throttled = harness.invoke(told("answer")).await.unwrap_err();
        std::fs::write(&release, "").unwrap();
        throttled
    },);
    assert_eq!((throttled.kind.as_str(), throttled.message.as_str()), ("TooManyRequestsException", "Rate Exceeded."));
    let (first, second) = (pid(&held.0.unwrap()), pid(&held.1.unwrap()));
    assert_ne!(first, second);
    // The one used last is used next, again and again.
    let next = pid(&harness.invoke(told("answer")).await.unwrap());
    assert!(next == first || next == second);
    assert_eq!(pid(&harness.invoke(told("answer")).await.unwrap()), next);
}

#[tokio::test]
async fn over_http_too_many_at_a_time_are_sent_away_and_a_stream_waits_its_turn() {
    let harness = misbehaving().with(|function| function.with_concurrency(1)).route("POST", "/do").following("subscriptions").open().await;
    let folder = tempfile::tempdir().unwrap();
    let (entered, release) = (folder.path().join("entered"), folder.path().join("release"));
    std::fs::create_dir(&entered).unwrap();
    let row = json!({ "do": "wait", "entered": entered, "release": release });
    let (held, (status, said)) = tokio::join!(harness.invoke(row), async {
        until(|| files(&entered) == 1).await;
        let running = harness.local.start();
        harness.put("subscriptions", json!({ "PK": "SUB#1", "SK": "META" })).await;
        let sent_away = harness.http(http::Request::post("/do"), "{}").await;
        std::fs::write(&release, "").unwrap();
        harness.local.settle().await;
        running.stop().await;
        sent_away
    });
    held.unwrap();
    assert_eq!(status, 503, "{said}");
    assert_eq!(harness.local.discarded().len(), 0);
    assert_eq!(harness.local.iterator_age("misbehaving"), None, "the stream had its turn");
}
