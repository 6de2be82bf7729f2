//! Dead letters from a failed email to the operator who sends them back: recorded before they move, once, and no email twice.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use annals::cli::{Cli, Command};
use annals::commands;
use annals::outcome::{Answer, CouldNotTell};
use annals::session::Session;
use annals_local::{Call, Fault, Faults};
use clap::Parser;
use serde_json::Value;

use crate::world::{World, notice};

/// Breaks the mail provider, and single calls of SQS.
#[derive(Default)]
struct Broken {
    mail: AtomicBool,
    /// The number of the SendMessage, from 1, after which its answer is lost; 0 for none.
    lose_send: AtomicU32,
    sends: AtomicU32,
}

impl Faults for Broken {
    fn plan(&self, call: &Call<'_>) -> Fault {
        match (call.service, call.operation) {
            ("ses", _) if self.mail.load(Ordering::SeqCst) => Fault::Throttle,
            ("sqs", "SendMessage") if self.sends.fetch_add(1, Ordering::SeqCst) + 1 == self.lose_send.load(Ordering::SeqCst) => {
                Fault::LoseResponse
            }
            _ => Fault::None,
        }
    }
}

/// A system with `count` receipts that could not be sent, as dead letters.
async fn with_letters(count: usize) -> (World, Arc<Broken>) {
    let broken = Arc::new(Broken::default());
    let world = World::with_faults(Some(broken.clone())).await;
    broken.mail.store(true, Ordering::SeqCst);
    for number in 0..count {
        let subscription = world.subscribe(&format!("k{number}"), "ada").await;
        let invoice = world.invoice(&subscription).await;
        assert_eq!(world.webhook(&notice(&format!("evt_{number}"), "invoice.paid", &invoice, 4900, 1)).await.status, 200);
    }
    world.settle().await;
    assert_eq!((depth(&world), world.system.local().mail().unwrap().len()), (count, 0));
    broken.mail.store(false, Ordering::SeqCst);
    (world, broken)
}

fn depth(world: &World) -> usize {
    world.system.local().queue_depth("send-email-dlq")
}

async fn ask(world: &World, arguments: &[&str]) -> Result<Answer, CouldNotTell> {
    let command = Cli::parse_from(["annals", "dlq"].iter().chain(arguments)).command.unwrap();
    assert!(matches!(command, Command::Dlq(_)));
    commands::ask(&Session::of(world.system.clone()), command, Path::new("unused")).await
}

const REDRIVE: [&str; 5] = ["redrive", "send-email-dlq", "--reason", "the provider was down", "--yes"];

/// The facts on the queue's stream: type and payload.
async fn facts(world: &World) -> Vec<(String, Value)> {
    let items = world.items("notifications-log").await;
    let mut commits: Vec<_> = items
        .iter()
        .filter(|item| item["PK"].as_s().unwrap() == "DLQ#send-email-dlq")
        .map(|item| annals_log::Commit::from_item(item).unwrap())
        .collect();
    commits.sort_by_key(|commit| commit.version);
    let events = commits.into_iter().flat_map(|commit| {
        assert_eq!((commit.actor.as_str(), commit.tenant.as_str()), ("operator", "operations"));
        commit.events
    });
    events.map(|event| (event.event_type, event.payload.into())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failed_email_becomes_a_letter_and_after_a_redrive_one_email() {
    let (world, _) = with_letters(1).await;
    assert_eq!(ask(&world, &["list"]).await.unwrap(), Answer::No, "there is something to look at");
    assert_eq!(ask(&world, &["show", "send-email-dlq"]).await.unwrap(), Answer::No);
    // A preview moves nothing, records nothing and holds nothing back.
    assert_eq!(ask(&world, &REDRIVE[..4]).await.unwrap(), Answer::No);
    assert_eq!((depth(&world), facts(&world).await.len()), (1, 0));
    assert_eq!(ask(&world, &REDRIVE).await.unwrap(), Answer::Yes);
    world.settle().await;
    assert_eq!((depth(&world), world.system.local().mail().unwrap().len()), (0, 1));
    let facts = facts(&world).await;
    assert_eq!(facts.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["DEAD_LETTERS_REDRIVEN", "DEAD_LETTERS_MOVED"]);
    let recorded = &facts[0].1;
    assert_eq!((&recorded["queue"], &recorded["target"], &recorded["count"]), (&"send-email-dlq".into(), &"send-email".into(), &1.into()));
    assert_eq!(recorded["reason"], "the provider was down");
    assert!(recorded["letters"][0]["event_id"].as_str().unwrap().contains("INV#"), "{recorded}");
    assert_eq!((&facts[1].1["redrive_id"], &facts[1].1["moved"]), (&recorded["redrive_id"], &1.into()));
    assert_eq!(ask(&world, &["list"]).await.unwrap(), Answer::Yes);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_done_is_not_repeated_by_a_redrive() {
    let (world, _) = with_letters(1).await;
    let letter = world.system.local().peek("send-email-dlq", 1).remove(0);
    assert_eq!(ask(&world, &REDRIVE).await.unwrap(), Answer::Yes);
    world.settle().await;
    assert_eq!(world.system.local().mail().unwrap().len(), 1);
    // The same letter again, as where it was redriven and found its way back.
    world.system.local().send("send-email-dlq", &letter.body).unwrap();
    assert_eq!(ask(&world, &REDRIVE).await.unwrap(), Answer::Yes);
    world.settle().await;
    assert_eq!((depth(&world), world.system.local().mail().unwrap().len()), (0, 1));
    let emails = world.items("notifications-log").await.iter().filter(|item| item["PK"].as_s().unwrap().starts_with("NOTE#")).count();
    assert_eq!(facts(&world).await.len(), 4, "two redrives, each a fact");
    assert!(emails > 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_redrive_is_finished_by_the_next_under_the_same_fact() {
    let (mut world, broken) = with_letters(3).await;
    world.pause().await;
    broken.sends.store(0, Ordering::SeqCst);
    broken.lose_send.store(2, Ordering::SeqCst);
    let interrupted = ask(&world, &REDRIVE).await.unwrap_err();
    assert!(interrupted.what.contains("send-email"), "{}", interrupted.what);
    assert_eq!(facts(&world).await.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["DEAD_LETTERS_REDRIVEN"]);
    // The letters that were in hand are held for a minute: until then no one can tell whether they are gone.
    let early = ask(&world, &REDRIVE).await.unwrap_err();
    assert!(early.what.contains("held by another receiver"), "{}", early.what);
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    assert_eq!(ask(&world, &REDRIVE).await.unwrap(), Answer::Yes);
    let facts = facts(&world).await;
    assert_eq!(facts.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["DEAD_LETTERS_REDRIVEN", "DEAD_LETTERS_MOVED"]);
    assert_eq!((&facts[0].1["count"], &facts[1].1["gone"]), (&3.into(), &1.into()));
    // The letter whose answer was lost was sent twice; its email is sent once.
    assert_eq!(world.system.local().queue_depth("send-email"), 4);
    world.resume();
    world.settle().await;
    assert_eq!((depth(&world), world.system.local().mail().unwrap().len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn letters_are_chosen_by_id_type_and_number() {
    let (world, _) = with_letters(3).await;
    let id = world.system.local().peek("send-email-dlq", 3)[1].message_id.clone();
    let redrive = async |more: &[&str]| ask(&world, &[&REDRIVE[..], more].concat()).await.unwrap();
    assert_eq!(redrive(&["--type", "PAYMENT_FAILED"]).await, Answer::Yes);
    assert_eq!((depth(&world), facts(&world).await.len()), (3, 0), "nothing fits, nothing is recorded");
    assert_eq!(redrive(&["--message", &id]).await, Answer::Yes);
    assert!(depth(&world) == 2 && world.system.local().peek("send-email-dlq", 3).iter().all(|letter| letter.message_id != id));
    assert_eq!(redrive(&["--type", "PAYMENT_RECEIVED", "--limit", "1"]).await, Answer::Yes);
    assert_eq!(depth(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_redriven_is_refused_with_what_there_is() {
    let world = World::new().await;
    let unknown = ask(&world, &["show", "send-email"]).await.unwrap_err();
    assert!(
        unknown.what.contains("no queue of dead letters") && unknown.next.contains("send-email-dlq"),
        "{} {}",
        unknown.what,
        unknown.next
    );
    let reason = ask(&world, &["redrive", "send-email-dlq", "--reason", " ", "--yes"]).await.unwrap_err();
    assert!(reason.what.contains("--reason"), "{}", reason.what);
}

/// Runs the program on a directory: exit code and what it printed.
fn program(directory: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let output = Process::new(env!("CARGO_BIN_EXE_annals")).arg("--data").arg(directory).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_program_reaches_a_running_system_and_one_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Process::new(env!("CARGO_BIN_EXE_annals"));
    let up = up.arg("--data").arg(directory.path()).args(["up", "--empty", "--port", "0", "--dynamodb-port", "0"]).stdout(Stdio::piped());
    let mut up = up.spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("DynamoDB")), "it says where it listens");
    let (code, remote) = program(directory.path(), &["dlq", "list", "--json"]);
    up.kill().unwrap();
    up.wait().unwrap();
    let queues: Vec<Value> = remote.lines().map(|line| serde_json::from_str(line).expect(&remote)).collect();
    assert_eq!(code, 0, "{remote}");
    assert!(queues.iter().any(|queue| queue["queue"] == "send-email-dlq" && queue["depth"] == 0 && queue["service"] == "notifications"));
    assert_eq!(program(directory.path(), &["dlq", "list", "--json"]), (0, remote), "the same, in a process of its own");
    let (code, said) = program(directory.path(), &["dlq", "redrive", "send-email-dlq", "--reason", "x"]);
    assert_eq!(code, 1);
    assert!(said.contains("nothing was moved; add --yes"), "{said}");
}
