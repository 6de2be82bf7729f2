//! Personal data on disk: before an erasure it is plain in the outbox alone; afterwards every copy that is left is on the certificate.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use annals::outcome::Answer;
use annals_local::{Call, Fault, Faults};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::erasure::{BODY, EMAIL, NAME, command, two_people};
use crate::people::PASSWORD;
use crate::process::run;
use crate::world::{World, notice};

const CUSTOMER: &str = "marker-customer@customers.example";

/// A mail provider that takes nothing that tells of failed payments: those become dead letters.
struct RefusesRetryNotices;

impl Faults for RefusesRetryNotices {
    fn plan(&self, call: &Call<'_>) -> Fault {
        let raw = call.body["Content"]["Raw"]["Data"].as_str().unwrap_or_default();
        let text = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, raw).unwrap_or_default();
        let is_one = call.service == "ses" && String::from_utf8_lossy(&text).contains("did not go through");
        if is_one { Fault::Throttle } else { Fault::None }
    }
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The files in which a text stands, in whatever case, also within base64, which hides nothing.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| holds(&std::fs::read(path).unwrap(), text);
    let mut found: Vec<_> = files(folder).into_iter().filter(holds).collect();
    found.sort();
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let bytes = bytes.to_ascii_lowercase();
    let is_in = |text: &str| {
        let text = text.to_ascii_lowercase();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    is_in(text) || (0..3).any(|before| is_in(&as_base64(text, before)))
}

/// What base64 makes of a text that stands behind so many bytes, without the letters that its neighbours have a part in.
fn as_base64(text: &str, before: usize) -> String {
    let bytes = [&vec![0; before], text.as_bytes()].concat();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, &bytes);
    let of_text = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    encoded[of_text].to_owned()
}

/// The export of the day on which everything happens, of an organisation in a service.
fn day<'a>((service, tenant): (&'a str, &'a str), out: &'a Path, form: &'a str) -> [&'a str; 11] {
    ["audit", "day", "2026-01-01", "--service", service, "--tenant", tenant, "--out", out.to_str().unwrap(), "--form", form]
}

#[tokio::test(start_paused = true)]
async fn markers_stand_in_the_outbox_alone_and_what_is_left_after_erasure_is_on_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (data, exports) = (folder.path().join("data"), folder.path().join("exports"));
    let logged = Logged::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(logged.clone()).finish();
    // With one dispatcher alone, what a thread without it makes of a place is kept for all threads: that nothing there is logged.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let logging = tracing::subscriber::set_default(subscriber);
    let mut world = World::in_directory(&data, Some(Arc::new(RefusesRetryNotices))).await;
    let person = two_people(&world).await;
    let failed = world.invoice(&world.subscribe("k2", "marker-customer").await).await;
    assert_eq!(world.webhook(&notice("evt_9", "invoice.payment_failed", &failed, 0, 1)).await.status, 200);
    world.sign().await;
    assert!(world.system.local().queue_depth("send-email-dlq") > 0, "a dead letter is about them");
    for (service, tenant) in [("billing", "demo"), ("identity", "demo"), ("identity", person.organisation.as_str())] {
        for form in ["csv", "jsonl", "parquet"] {
            let out = exports.join(format!("{service}-{tenant}-{form}"));
            let day = day((service, tenant), &out, form);
            assert_eq!(command(&world, &day).await, Answer::Yes, "{day:?}");
        }
    }
    world.pause().await;
    drop(logging);
    let logged = logged.0.lock().unwrap().clone();
    assert!(holds(&logged, "signed up"), "something is logged");
    assert!(files(&exports).len() >= 18 && files(&data).len() > 10);

    // Before: tables and their WAL, streams, archive, dead letters, ledgers, snapshots, exports, logs.
    for marker in [EMAIL, NAME, PASSWORD, BODY, CUSTOMER] {
        let found = holding(folder.path(), marker);
        assert!(found.iter().all(|path| path.starts_with(data.join("outbox"))), "{marker} stands plain in {found:?}");
        assert!(!holds(&logged, marker), "{marker} is logged");
    }
    assert!(!holding(&data, EMAIL).is_empty() && !holding(&data, CUSTOMER).is_empty(), "mail is plain");
    world.system.clone().close();
    drop(world);

    // After: nothing but the emails that the certificates list, for an operator to delete.
    let mut listed = vec![];
    for (who, tenant) in [("marker-customer", "demo"), (&person.id, &person.organisation)] {
        let output = run(&data, &["erase", who, "--tenant", tenant, "--yes", "--json"]);
        let certificate: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let emails = certificate["emails"].as_array().unwrap().iter();
        listed.extend(emails.map(|path| PathBuf::from(path.as_str().unwrap()).file_name().unwrap().to_owned()));
        assert!(!certificate["streams"].as_array().unwrap().is_empty() && certificate["backups_lapse"] != json!([]), "{certificate}");
    }
    for (service, tenant) in [("billing", "demo"), ("identity", &person.organisation)] {
        let out = exports.join(format!("{service}-after"));
        let output = run(&data, &day((service, tenant), &out, "jsonl"));
        assert!(output.status.success() && out.is_dir(), "{output:?}");
    }
    for marker in [EMAIL, NAME, PASSWORD, BODY, CUSTOMER] {
        for path in holding(folder.path(), marker) {
            assert!(listed.iter().any(|name| path.file_name() == Some(name)), "{marker} is left in {path:?}, which no certificate lists");
        }
    }
}

/// The names of the files in the outbox that go to one of these addresses.
fn mail_to(data: &Path, addresses: &[&str]) -> BTreeSet<String> {
    let to = addresses.iter().flat_map(|address| holding(&data.join("outbox"), address));
    to.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Erases somebody and says which emails are left of them.
fn erase(data: &Path, who: &str, tenant: &str) -> BTreeSet<String> {
    let output = run(data, &["erase", who, "--tenant", tenant, "--yes", "--json"]);
    let certificate: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let emails = certificate["emails"].as_array().unwrap().iter();
    emails.map(|path| Path::new(path.as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_lists_emails_to_former_addresses_and_invitations_also_when_nothing_opens_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut world = World::in_directory(&data, None).await;
    let subscription = world.subscribe("k", "moves").await;
    let path = "/v1/contacts/moves";
    for (n, address) in [(1, "former@customers.example"), (2, "newer@customers.example")] {
        assert_eq!(world.ask(&world.demo(), "PUT", path, &json!({ "email": address })).await.status, 200);
        let invoice = world.invoice(&subscription).await;
        let failed = notice(&format!("evt_{n}"), "invoice.payment_failed", &invoice, 0, n);
        assert_eq!(world.webhook(&failed).await.status, 200);
        world.settle().await;
    }
    let ada = world.person("ada@example.com", "Ada").await;
    let invitation = world.invite(&ada, "bob@example.com", "finance").await;
    world.settle().await;
    let bob = world.accept(&ada, &invitation, "bob@example.com").await;
    world.settle().await;
    world.pause().await;
    world.system.clone().close();
    drop(world);

    let customers = ["former@customers.example", "newer@customers.example"];
    assert!(customers.iter().chain(&["bob@example.com"]).all(|address| !mail_to(&data, &[address]).is_empty()));
    // The second time as where the first was interrupted when the keys were gone; an account's id may be written in capitals.
    for bob in [bob.id.to_uppercase(), bob.id] {
        assert_eq!(erase(&data, "moves", "demo"), mail_to(&data, &customers));
        assert_eq!(erase(&data, &bob, &ada.organisation), mail_to(&data, &["bob@example.com"]));
    }
    assert!(!mail_to(&data, &["ada@example.com"]).is_empty());
}
