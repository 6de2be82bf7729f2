//! Processes that do not start, do not answer, or end: what the invocation is answered, and that the next one has a new process.

use std::process::Command;
use std::time::Duration;

use annals_harness::Stage;

use crate::{misbehaving, pid, runs, told, until};

#[tokio::test]
async fn what_a_process_cannot_start_with_is_the_invocations_answer() {
    let harness = Stage::of("misbehaving", env!("CARGO_BIN_EXE_misbehaving")).open().await;
    for _ in 0..2 {
        let error = harness.invoke(told("answer")).await.unwrap_err();
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("Function.InitError", "the environment variable NEEDED is not set"));
    }
    assert_eq!(harness.local.function_timings()[0].cold, None);
}

#[tokio::test]
async fn a_process_that_ends_instead_of_starting_says_how() {
    let harness = misbehaving().variable("MISBEHAVE", "exit").open().await;
    let error = harness.invoke(told("answer")).await.unwrap_err();
    assert_eq!(error.kind, "Runtime.ExitError");
    assert!(error.message.ends_with("Error: Runtime exited with error: exit status 3"), "{error}");
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_named() {
    let harness = Stage::of("absent", "/nowhere/absent").open().await;
    let error = harness.invoke(told("answer")).await.unwrap_err();
    assert_eq!(error.kind, "Runtime.InvalidEntrypoint");
    assert!(error.message.contains("/nowhere/absent"), "{error}");
}

#[tokio::test]
async fn over_its_time_a_process_is_killed_and_the_next_event_has_a_new_one() {
    let harness = misbehaving().with(|function| function.with_timeout(Duration::from_millis(1500))).open().await;
    let first = pid(&harness.invoke(told("answer")).await.unwrap());
    let error = harness.invoke(told("hang")).await.unwrap_err();
    assert_eq!(error.kind, "Sandbox.Timedout");
    assert!(error.message.ends_with("Error: Task timed out after 1.50 seconds"), "{error}");
    assert!(!runs(first), "it was killed");
    let second = pid(&harness.invoke(told("answer")).await.unwrap());
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_process_that_ends_with_its_event_in_hand_is_an_error_and_the_next_event_has_a_new_one() {
    let harness = misbehaving().open().await;
    for (told_to, how) in [("exit", "with error: exit status 7"), ("exit well", "without providing a reason")] {
        let first = pid(&harness.invoke(told("answer")).await.unwrap());
        let error = harness.invoke(told(told_to)).await.unwrap_err();
        assert_eq!(error.kind, "Runtime.ExitError");
        assert!(error.message.ends_with(&format!("Error: Runtime exited {how}")), "{error}");
        assert_ne!(pid(&harness.invoke(told("answer")).await.unwrap()), first);
    }
}

#[tokio::test]
async fn a_process_that_ends_between_two_events_is_nobodys_error() {
    let harness = misbehaving().open().await;
    let first = pid(&harness.invoke(told("answer")).await.unwrap());
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    until(|| !runs(first)).await;
    assert_ne!(pid(&harness.invoke(told("answer")).await.unwrap()), first);
}

#[tokio::test]
async fn ended_by_the_account_processes_go_and_a_later_event_has_one_that_goes_with_it() {
    let harness = misbehaving().open().await;
    let first = pid(&harness.invoke(told("answer")).await.unwrap());
    harness.local.end_processes();
    until(|| !runs(first)).await;
    let second = pid(&harness.invoke(told("answer")).await.unwrap());
    until(|| !runs(second)).await;
}
