//! Prints what packaged binaries take of a processor to start, and fails over the budget: `cargo run -p annals-harness --example cold-start --
//! target/x86_64-unknown-linux-gnu/function/create-subscription`.
//!
//! Each is started by itself under the runtime API, several times. To the first `/next`: with clients for AWS over HTTPS, certificate authorities
//! and all. To the first answer: of create-subscription, a subscription in the log, over loopback; of others, the refusal of an event that is
//! none, which is what an answer takes without calls.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use annals_harness::{Harness, Stage};
use annals_kit::Generation;
use annals_lambda::machine::MachineIds;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use serde_json::json;

const TO_NEXT: Duration = Duration::from_millis(10);
const TO_ANSWER: Duration = Duration::from_millis(15);
const STARTS: usize = 15;
/// What functions ask for in their environment.
const VARIABLES: [(&str, &str); 13] = [
    ("ANNALS_BUS", "annals"),
    ("ANNALS_HASH_KEY", "secret"),
    ("ANNALS_IDENTITY_KEY", "secret"),
    ("ANNALS_IDENTITY_URL", "http://127.0.0.1:1"),
    ("ANNALS_LEDGER_OBJECTS", "/tmp"),
    ("ANNALS_LEDGER_ORIGIN", "annals.example"),
    ("ANNALS_MAIL_FROM", "billing@annals.example"),
    ("ANNALS_PUBLIC_URL", "http://127.0.0.1:1"),
    ("ANNALS_PUSH_APPLICATION", "arn:aws:sns:eu-west-1:000000000000:app/GCM/annals"),
    ("ANNALS_SERVICE_KEYS", "notifications:00000000000000000000000000000000"),
    ("ANNALS_VAULT_KEY", "alias/vault"),
    ("ANNALS_WEBHOOK_SECRET", "secret"),
    ("ANNALS_WEBHOOK_TENANT", "demo"),
];

#[tokio::main]
async fn main() -> ExitCode {
    let mut over = false;
    for binary in std::env::args_os().skip(1).map(PathBuf::from) {
        let (mut to_next, mut to_answer) = (vec![], vec![]);
        for _ in 0..STARTS {
            to_next.extend(first(stage(&binary).over_https()).await.0);
            to_answer.extend(first(stage(&binary)).await.1);
        }
        let (next, answer) = (median(to_next), median(to_answer));
        over |= next > TO_NEXT || answer > TO_ANSWER;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let name = name(&binary);
        println!(
            "{name}: CPU to the first /next {:.2} ms of 10, to the first answer {:.2} ms of 15; medians of {STARTS}",
            ms(next),
            ms(answer)
        );
    }
    if over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn name(binary: &Path) -> &str {
    binary.file_name().and_then(|name| name.to_str()).expect("a function's binary is called as the function is")
}

fn stage(binary: &Path) -> Stage {
    let stage = Stage::of(name(binary), &binary.display().to_string()).route("POST", "/v1/subscriptions");
    let stage = VARIABLES.iter().fold(stage, |stage, (name, value)| stage.variable(name, value));
    match name(binary).strip_suffix("-signer") {
        Some(service) => stage.variable("ANNALS_LEDGER_KEY", ledger_key(service).secret_text()),
        None => stage,
    }
}

/// A key for a service's ledger; of this run only.
fn ledger_key(service: &str) -> LedgerKey {
    LedgerKey::generate(Origin::new("annals.example", service, Generation::default()), &MachineIds)
}

/// What a new environment took to its first `/next` and to its first answer, whatever that was.
async fn first(stage: Stage) -> (Option<Duration>, Option<Duration>) {
    let harness: Harness = stage.open().await;
    let asked = json!({ "customer_id": "ada", "plan": "pro", "price": { "amount": 4900, "currency": "EUR" }, "interval": "month" });
    harness.http(http::Request::post("/v1/subscriptions").header("idempotency-key", "k"), &asked.to_string()).await;
    let timings = harness.local.function_timings().remove(0);
    (timings.cpu_to_next.map(|spread| spread.median), timings.cpu_to_answer.map(|spread| spread.median))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    *times.get(times.len() / 2).expect("the binary starts, and the machine tells what it takes")
}
