//! The real program with every function as processes of its own binary: the whole path, and functions killed in traffic.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use annals_kit::Clock;
use annals_lambda::machine::MachineClock;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::process::{Acknowledged, Keyed, PATIENCE, Up, annals, caught_up, run, webhook_secret};
use crate::world::{first_period, notice, subscription};

const FUNCTIONS: [&str; 6] =
    ["create-subscription", "generate-invoice", "process-webhook", "read-billing", "billing-projector", "send-email"];
const CLIENTS: usize = 3;
/// How many functions are killed, one after another, each after another payment.
const KILLS: usize = 10;

/// A system whose functions are processes. Testing the workspace builds their binaries; where some are missing the program builds them.
fn start(directory: &Path) -> Up {
    let folder = Path::new(env!("CARGO_BIN_EXE_annals")).parent().unwrap();
    let built = FUNCTIONS.iter().all(|name| folder.join(name).is_file());
    let option = if built { format!("--lambda-processes={}", folder.display()) } else { "--lambda-processes".to_owned() };
    Up::start_with(&mut annals(directory), &[&option])
}

/// The running processes whose parent is `parent`: number and (the first 15 bytes of the) name.
fn children(parent: u32) -> Vec<(u32, String)> {
    let stats = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let (state, its_parent) = (fields.next()?, fields.next()?);
        (state != "Z" && its_parent == parent.to_string()).then(|| (id, name.to_owned()))
    });
    stats.collect()
}

/// One client: subscribe, invoice, pay, again and again until told to stop; what is not acknowledged is asked again with the same key.
async fn client(
    web: Arc<Keyed>,
    api: String,
    secret: String,
    name: String,
    paid: Arc<watch::Sender<usize>>,
    enough: usize,
) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    web.contact(&api, &name).await;
    for n in 0.. {
        let key = format!("{name}-{n}");
        let subscription = post(&web, &api, "/v1/subscriptions", &key, None, subscription(&name).to_string()).await;
        let id = subscription["id"].as_str().unwrap().to_owned();
        acknowledged.subscriptions.insert(key.clone(), id.clone());
        let period = first_period(&subscription);
        let invoice = post(&web, &api, &format!("/v1/subscriptions/{id}/invoices"), &format!("{key}-i"), None, period).await;
        let invoice = invoice["id"].as_str().unwrap().to_owned();
        let body = notice(&format!("evt_{}", key.replace('-', "_")), "invoice.paid", &invoice, 4900, 1);
        let taken = post(&web, &api, "/v1/webhooks/stripe", &key, Some(&secret), String::from_utf8(body).unwrap()).await;
        assert!(matches!(taken["outcome"].as_str(), Some("recorded" | "known")), "{taken}");
        acknowledged.paid.insert(key, invoice);
        paid.send_modify(|count| *count += 1);
        if *paid.borrow() >= enough {
            break;
        }
    }
    acknowledged
}

/// Posts until it is acknowledged.
async fn post(web: &Keyed, api: &str, path: &str, key: &str, secret: Option<&str>, body: String) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut request = http::Request::post(format!("{api}{path}")).header("idempotency-key", key);
        if let Some(secret) = secret {
            request = request.header("stripe-signature", billing_service::signature::sign(body.as_bytes(), secret, MachineClock.now()));
        }
        let answer = web.call(request.body(Bytes::from(body.clone())).unwrap()).await.unwrap();
        if answer.status().is_success() {
            return serde_json::from_slice(answer.body()).unwrap();
        }
        assert!(answer.status().is_server_error(), "{}: {:?}", answer.status(), answer.body());
        assert!(Instant::now() < deadline, "{path} was never acknowledged: {:?}", answer.body());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_killed_in_traffic_lose_nothing_acknowledged_and_double_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let up = start(directory.path());
    let (web, secret) = (Arc::new(Keyed::of(directory.path())), webhook_secret(directory.path()));
    let (paid, mut payments) = watch::channel(0);
    let paid = Arc::new(paid);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| tokio::spawn(client(web.clone(), up.api.clone(), secret.clone(), format!("c{n}"), paid.clone(), KILLS + 5)))
        .collect();
    for kill in 0..KILLS {
        tokio::time::timeout(PATIENCE, payments.wait_for(|count| *count > kill)).await.expect("payments go on").unwrap();
        // Another function each time, so that each is hit where it happens to be.
        let wanted: String = FUNCTIONS[kill % FUNCTIONS.len()].chars().take(15).collect();
        for (id, _) in children(up.process.id()).iter().filter(|(_, name)| *name == wanted) {
            let _ = std::process::Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    }
    let mut acknowledged = Acknowledged::default();
    for client in clients {
        let told = client.await.unwrap();
        acknowledged.subscriptions.extend(told.subscriptions);
        acknowledged.paid.extend(told.paid);
    }
    caught_up(&web, &up.api, directory.path(), &acknowledged).await;
    for command in ["verify", "alarms"] {
        let said = run(directory.path(), &[command]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    }
    // Every function ran in processes of its own, and none of them outlives the program, however that ends.
    let running = children(up.process.id());
    for function in FUNCTIONS {
        assert!(running.iter().any(|(_, name)| function.starts_with(name.as_str())), "{function} is not among {running:?}");
    }
    up.kill();
    let deadline = Instant::now() + PATIENCE;
    while running.iter().any(|(id, name)| is_still(*id, name)) {
        assert!(Instant::now() < deadline, "some are left of {running:?}");
        tokio::task::yield_now().await;
    }
}

/// Whether a process still runs under this number and name.
fn is_still(id: u32, name: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.contains(&format!("({name})")) && !stat.contains(") Z ")
}

#[test]
fn binaries_that_are_not_there_are_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let option = format!("--lambda-processes={}", directory.path().display());
    let refused = run(directory.path(), &["up", "--empty", "--port", "0", "--dynamodb-port", "0", &option]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("has no binary of adjust-invoice, ") && said.contains("cargo build --bins -p billing-projectors -p "), "{said}");
    let misplaced = run(directory.path(), &["--lambda-processes", "verify"]);
    assert_eq!(misplaced.status.code(), Some(2));
}
