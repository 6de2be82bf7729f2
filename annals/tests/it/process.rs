//! The real program: killed at any moment, started twice, on bad directories and taken ports.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals_kit::Clock;
use annals_lambda::Web;
use annals_lambda::machine::MachineClock;
use annals_lambda::web::TcpWeb;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::world::{first_period, notice, subscription};

const KILLS: usize = 20;
/// How long anything may take before the test says that it never came.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn annals(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    command.arg("--data").arg(directory).env_remove("ANNALS_LOG");
    command
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Output {
    annals(directory).args(arguments).output().unwrap()
}

/// A running system, killed when dropped.
pub(crate) struct Up {
    pub(crate) process: Child,
    pub(crate) api: String,
}

impl Up {
    fn start(directory: &Path) -> Self {
        Self::start_with(&mut annals(directory), &[])
    }

    pub(crate) fn start_with(command: &mut Command, options: &[&str]) -> Self {
        let mut process =
            command.args(["up", "--empty", "--port", "0", "--dynamodb-port", "0"]).args(options).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let api = lines.map(Result::unwrap).find_map(|line| line.trim().strip_prefix("API").map(|url| url.trim().to_owned()));
        Self { process, api: api.expect("it says where it listens") }
    }

    /// SIGKILL: no handler, no goodbye.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the clients were told, over all lives of the process.
#[derive(Default)]
pub(crate) struct Acknowledged {
    pub(crate) subscriptions: BTreeMap<String, String>,
    pub(crate) paid: BTreeMap<String, String>,
}

/// One client: subscribe, invoice, pay, again and again until the process dies.
async fn client(web: Arc<Keyed>, api: String, secret: String, name: String, answered: Arc<watch::Sender<usize>>) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    web.contact(&api, &name).await;
    for n in 0.. {
        let key = format!("{name}-{n}");
        let Some(created) = post(&web, &api, "/v1/subscriptions", &key, None, subscription(&name).to_string()).await else { break };
        let subscription = created["id"].as_str().unwrap().to_owned();
        acknowledged.subscriptions.insert(key.clone(), subscription.clone());
        let path = format!("/v1/subscriptions/{subscription}/invoices");
        let Some(invoice) = post(&web, &api, &path, &format!("{key}-invoice"), None, first_period(&created)).await else { break };
        let invoice = invoice["id"].as_str().unwrap().to_owned();
        let body = notice(&format!("evt_{}", key.replace('-', "_")), "invoice.paid", &invoice, 4900, 1);
        let signature = billing_service::signature::sign(&body, &secret, MachineClock.now());
        let body = String::from_utf8(body).unwrap();
        let Some(paid) = post(&web, &api, "/v1/webhooks/stripe", &key, Some(signature), body).await else { break };
        assert_eq!(paid["outcome"], "recorded", "{paid}");
        acknowledged.paid.insert(key, invoice);
        answered.send_modify(|count| *count += 1);
    }
    acknowledged
}

/// HTTP as the owner of the demo organisation, whose key the data directory has.
pub(crate) struct Keyed {
    web: TcpWeb,
    key: String,
}

impl Keyed {
    pub(crate) fn of(directory: &Path) -> Self {
        let text = std::fs::read_to_string(directory.join("credentials")).unwrap();
        let section = text.split("[demo-owner]").nth(1).unwrap();
        let secret = section.lines().find_map(|line| line.strip_prefix("aws_secret_access_key = ")).unwrap();
        let founding = annals::system::demo::founding("demo", secret.parse().unwrap());
        Self { web: TcpWeb::loopback(), key: format!("Bearer {}", founding.key()) }
    }

    pub(crate) async fn call(&self, mut request: http::Request<Bytes>) -> Result<http::Response<Bytes>, annals_lambda::web::BoxError> {
        request.headers_mut().insert("authorization", self.key.parse().unwrap());
        self.web.call(request).await
    }

    /// Says how a customer is reached; one who is not known gets no email.
    pub(crate) async fn contact(&self, api: &str, customer: &str) {
        let body = format!(r#"{{"email":"{customer}@customers.example"}}"#);
        let request = http::Request::put(format!("{api}/v1/contacts/{customer}")).header("idempotency-key", customer);
        // A process that dies before it answers is asked no more.
        let _ = self.call(request.body(Bytes::from(body)).unwrap()).await;
    }
}

/// The answer's body where it was 2xx; `None` when the process is gone or busy.
async fn post(web: &Keyed, api: &str, path: &str, key: &str, signature: Option<String>, body: String) -> Option<Value> {
    let mut request = http::Request::post(format!("{api}{path}")).header("idempotency-key", key);
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    let answer = web.call(request.body(Bytes::from(body)).unwrap()).await.ok()?;
    assert!(answer.status().is_success() || answer.status() == 503, "{}: {:?}", answer.status(), answer.body());
    answer.status().is_success().then(|| serde_json::from_slice(answer.body()).unwrap())
}

async fn get(web: &Keyed, api: &str, path: &str) -> Option<Value> {
    let answer = web.call(http::Request::get(format!("{api}{path}")).body(Bytes::new()).unwrap()).await.unwrap();
    (answer.status() == 200).then(|| serde_json::from_slice(answer.body()).unwrap())
}

/// The secret the provider signs with, as the data directory has it.
pub(crate) fn webhook_secret(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join("credentials")).unwrap();
    let section = text.split("[stripe-webhook]").nth(1).unwrap();
    section.lines().find_map(|line| line.strip_prefix("aws_secret_access_key = ")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_in_traffic_it_loses_nothing_acknowledged_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for life in 0..KILLS {
        let up = Up::start(directory.path());
        let (web, secret) = (Arc::new(Keyed::of(directory.path())), webhook_secret(directory.path()));
        let (answered, mut answers) = tokio::sync::watch::channel(0);
        let answered = Arc::new(answered);
        let clients: Vec<_> = (0..4)
            .map(|n| tokio::spawn(client(web.clone(), up.api.clone(), secret.clone(), format!("c{n}-{life}"), answered.clone())))
            .collect();
        // Killed after another amount of work each time, the other clients in the middle of theirs.
        let enough = 1 + (life * 7) % 40;
        tokio::time::timeout(PATIENCE, answers.wait_for(|count| *count >= enough)).await.expect("it answers").unwrap();
        up.kill();
        for client in clients {
            let told = client.await.unwrap();
            acknowledged.subscriptions.extend(told.subscriptions);
            acknowledged.paid.extend(told.paid);
        }
    }
    assert!(acknowledged.paid.len() > KILLS, "there was traffic: {} payments", acknowledged.paid.len());

    let up = Up::start(directory.path());
    let web = Keyed::of(directory.path());
    for subscription in acknowledged.subscriptions.values() {
        let seen = get(&web, &up.api, &format!("/v1/subscriptions/{subscription}?min_version=1")).await;
        assert!(seen.is_some(), "the acknowledged subscription {subscription} is lost");
    }
    caught_up(&web, &up.api, directory.path(), &acknowledged).await;
    let verified = run(directory.path(), &["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // The reconciler of the last life may look before a slow machine has delivered what twenty others left behind, and says so; it must not
    // be needed, and nothing else may be wrong.
    let alarms = String::from_utf8(run(directory.path(), &["alarms"]).stdout).unwrap();
    let wrong: Vec<_> = alarms.lines().filter(|line| line.starts_with("ALARM") && !line.contains(" stream-lacking-")).collect();
    assert!(wrong.is_empty(), "{alarms}");
}

/// Waits until every payment has its row and its one email, then checks that there is no second one.
pub(crate) async fn caught_up(web: &Keyed, api: &str, directory: &Path, acknowledged: &Acknowledged) {
    let deadline = Instant::now() + PATIENCE;
    let mut waiting: Vec<&String> = acknowledged.paid.values().collect();
    loop {
        let mut still = vec![];
        for invoice in waiting {
            let row = get(web, api, &format!("/v1/invoices/{invoice}")).await;
            if row.is_none_or(|row| row["status"] != "paid") {
                still.push(invoice);
            }
        }
        let receipts = receipts(directory);
        let missing: Vec<_> = acknowledged.paid.values().filter(|invoice| !receipts.contains_key(*invoice)).collect();
        if still.is_empty() && missing.is_empty() {
            assert!(receipts.values().all(|count| *count == 1), "a receipt was sent twice: {receipts:?}");
            return;
        }
        assert!(Instant::now() < deadline, "never came: rows of {still:?}, receipts of {missing:?}");
        waiting = still;
        tokio::task::yield_now().await;
    }
}

/// How many emails there are about each invoice.
fn receipts(directory: &Path) -> BTreeMap<String, usize> {
    let mut receipts = BTreeMap::new();
    for entry in std::fs::read_dir(directory.join("outbox")).into_iter().flatten() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default().replace("=\r\n", "");
        if let Some(invoice) = text.split("invoice ").nth(1).and_then(|rest| rest.get(..36)) {
            *receipts.entry(invoice.to_owned()).or_default() += 1;
        }
    }
    receipts
}

#[test]
fn a_second_process_on_the_same_directory_says_so_and_commands_use_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path());
    let second = run(directory.path(), &["up", "--empty", "--port", "0", "--dynamodb-port", "0"]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(said.starts_with("error: the data directory ") && said.contains(&format!("in use by process {}", up.process.id())), "{said}");
    assert!(run(directory.path(), &["verify"]).status.success());
}

#[test]
fn a_taken_port_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for arguments in
        [["up", "--empty", "--port", &port, "--dynamodb-port", "0"], ["up", "--empty", "--port", "0", "--dynamodb-port", &port]]
    {
        let refused = run(directory.path(), &arguments);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{said}");
    }
}

#[test]
fn a_directory_that_cannot_be_one_says_so() {
    let directory = tempfile::tempdir().unwrap();
    // Works for root as well, whom permissions do not stop.
    let file = directory.path().join("file");
    std::fs::write(&file, "text").unwrap();
    for path in [file.as_path(), &file.join("below")] {
        let refused = run(path, &["verify"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2));
        assert!(said.starts_with("error: cannot ") && said.contains(&path.display().to_string()), "{said}");
    }
}

#[test]
fn a_corrupt_database_says_so_and_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(directory.path(), &["verify"]).status.success());
    let database = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "db") && path.file_name().is_some_and(|name| name != "host.db"));
    let database = database.expect("the embedded database is a file of the directory");
    for beside in ["dynamodb.db-wal", "dynamodb.db-shm"] {
        let _ = std::fs::remove_file(directory.path().join(beside));
    }
    let garbage = vec![0x5a; 8192];
    std::fs::write(&database, &garbage).unwrap();
    let refused = run(directory.path(), &["verify"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains(&database.display().to_string()) && said.contains("restore it"), "{said}");
    assert_eq!(std::fs::read(&database).unwrap(), garbage);
}

#[test]
fn it_stops_cleanly_at_a_signal_and_takes_back_what_it_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path());
    assert!(directory.path().join("running.json").exists());
    let signalled = Command::new("kill").args(["-INT", &up.process.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    assert_eq!(up.process.wait().unwrap().code(), Some(0));
    assert!(!directory.path().join("running.json").exists());
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut process =
        annals(directory.path()).args(["up", "--empty", "--port", "0", "--dynamodb-port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let api = lines.find_map(|line| line.trim().strip_prefix("API").map(|url| url.trim().to_owned())).unwrap();
    // A request that never ends: the server waits for it.
    let mut open = std::net::TcpStream::connect(api.trim_start_matches("http://")).unwrap();
    open.write_all(b"POST /v1/subscriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n").unwrap();
    // The server asks for the body, so it is in it.
    let mut asked = [0; 12];
    open.read_exact(&mut asked).unwrap();
    let interrupt = || Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(interrupt().success());
    assert!(lines.any(|line| line.starts_with("Stopping.")));
    assert!(interrupt().success());
    assert_eq!(process.wait().unwrap().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_hold_ids_in_json_and_no_secrets_bodies_or_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let mut up = Up::start_with(annals(directory.path()).env("ANNALS_LOG", "info").stderr(std::fs::File::create(&log).unwrap()), &[]);
    let (web, secret) = (Keyed::of(directory.path()), webhook_secret(directory.path()));
    web.contact(&up.api, "marker-customer").await;
    let created = post(&web, &up.api, "/v1/subscriptions", "k", None, subscription("marker-customer").to_string()).await.unwrap();
    let path = format!("/v1/subscriptions/{}/invoices", created["id"].as_str().unwrap());
    let invoice = post(&web, &up.api, &path, "i", None, first_period(&created)).await.unwrap()["id"].as_str().unwrap().to_owned();
    for body in [
        notice("evt_1", "invoice.paid", &invoice, 4900, 1),
        br#"{"id":"evt_2","type":"t","created":1,"data":{"object":{"email":"marker-body"}}}"#.to_vec(),
    ] {
        let signature = billing_service::signature::sign(&body, &secret, MachineClock.now());
        post(&web, &up.api, "/v1/webhooks/stripe", "w", Some(signature), String::from_utf8(body).unwrap()).await.unwrap();
    }
    let paid = BTreeMap::from([("k".to_owned(), invoice.clone())]);
    caught_up(&web, &up.api, directory.path(), &Acknowledged { paid, ..Default::default() }).await;
    assert!(Command::new("kill").args(["-INT", &up.process.id().to_string()]).status().unwrap().success());
    up.process.wait().unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(
        lines.iter().any(|line| line["fields"]["stream"] == format!("INV#{invoice}") && line["fields"]["command"].is_string()),
        "{text}"
    );
    for secret in [secret.as_str(), "marker-body", "marker-customer", "@customers.example", "4900"] {
        assert!(!text.contains(secret), "the log holds {secret}");
    }
}

#[test]
fn help_names_every_command_and_a_wrong_stream_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let help = String::from_utf8(run(directory.path(), &["--help"]).stdout).unwrap();
    for command in ["up", "history", "show", "verify", "reconcile", "pay", "replay-webhooks", "unmatched", "status", "alarms"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let wrong = run(directory.path(), &["history", "SUB"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().starts_with("error: `SUB` is not a stream"));
    let missing = run(directory.path(), &["history", "SUB#1"]);
    assert_eq!((missing.status.code(), String::from_utf8(missing.stdout).unwrap().as_str()), (Some(1), "no: SUB#1 has no commit\n"));
}
