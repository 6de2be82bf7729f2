//! The bucket: written once, locked, listed, whatever the number of checkpoints.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use annals_kit::Clock;
use annals_lambda::Web;
use annals_lambda::web::Answering;
use annals_ledger::objects::{Kept, Objects, checkpoint_path};
use annals_ledger::s3::Bucket;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::TimeDelta;
use http::{Request, Response};
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, TestClock};

/// S3 as its API reference has it, as far as three operations go; lists at most two names an answer.
#[derive(Default)]
struct S3 {
    objects: Mutex<BTreeMap<String, Bytes>>,
    calls: Mutex<usize>,
}

impl S3 {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        *self.calls.lock().unwrap() += 1;
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let hex: String = Sha256::digest(request.body()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header("x-amz-content-sha256"), hex);
        let authorization = header("authorization");
        assert!(authorization.contains("/eu-west-1/s3/aws4_request"), "{authorization}");
        let told = |status: u16, body: &str| Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        let key = request.uri().path().strip_prefix("/ledger-proofs/").expect("the bucket's own path").to_owned();
        let mut objects = self.objects.lock().unwrap();
        match request.method().as_str() {
            "PUT" => {
                for signed in ["if-none-match", "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"] {
                    assert!(authorization.contains(signed), "{signed} is not signed");
                }
                assert_eq!((header("if-none-match"), header("x-amz-object-lock-mode")), ("*".into(), "COMPLIANCE".into()));
                assert_eq!(header("x-amz-object-lock-retain-until-date"), "2037-01-02T23:50:00Z");
                assert_eq!(header("x-amz-checksum-sha256"), STANDARD.encode(Sha256::digest(request.body())));
                if objects.contains_key(&key) {
                    return told(412, "<Error><Code>PreconditionFailed</Code></Error>");
                }
                objects.insert(key, request.body().clone());
                told(200, "")
            }
            _ if key.is_empty() => told(200, &list(&objects, request.uri().query().unwrap())),
            _ => match objects.get(&key) {
                Some(bytes) => Response::new(bytes.clone()),
                None => told(404, "<Error><Code>NoSuchKey</Code></Error>"),
            },
        }
    }
}

fn list(objects: &BTreeMap<String, Bytes>, query: &str) -> String {
    let parameter = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().replace("%2F", "/")
    };
    assert_eq!(parameter("list-type"), "2");
    let (prefix, after) = (parameter("prefix"), parameter("start-after"));
    let most = parameter("max-keys").parse::<usize>().unwrap().min(2);
    let names: Vec<_> = objects.keys().filter(|key| key.starts_with(&prefix) && **key > after).collect();
    let keys: String = names.iter().take(most).map(|name| format!("<Contents><Key>{name}</Key><Size>1</Size></Contents>")).collect();
    format!("<ListBucketResult><IsTruncated>{}</IsTruncated>{keys}</ListBucketResult>", names.len() > most)
}

impl Web for S3 {
    fn call(&self, request: Request<Bytes>) -> Answering<'_> {
        let answer = self.answer(&request);
        Box::pin(async move { Ok(answer) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_keeps_what_is_inserted_and_nothing_else() {
    let (fixture, s3, clock) = (Fixture::new().await, Arc::new(S3::default()), Arc::new(TestClock::default()));
    assert_eq!(clock.now().to_string(), "2026-01-01T23:50:00.000000Z");
    let mut account = fixture.account();
    (account.region, account.endpoint) = ("eu-west-1".into(), Some("http://s3.example".into()));
    let bucket = Bucket::new(s3.clone(), account, clock, "ledger-proofs", "billing", TimeDelta::days(11 * 366 - 7));
    assert_eq!((bucket.newest_checkpoint().await.unwrap(), bucket.read("vkey").await.unwrap()), (None, None));
    for size in [9, 1_000_000_000_000, 10, 2, 70_000] {
        assert_eq!(bucket.insert(&checkpoint_path(size), size.to_string().as_bytes()).await.unwrap(), Kept::Same);
    }
    assert_eq!(bucket.insert(&checkpoint_path(9), b"9").await.unwrap(), Kept::Same);
    assert_eq!(bucket.insert(&checkpoint_path(9), b"nine").await.unwrap(), Kept::Other);
    assert_eq!(bucket.read(&checkpoint_path(9)).await.unwrap().unwrap(), b"9");
    assert_eq!(bucket.checkpoints().await.unwrap(), [2, 9, 10, 70_000, 1_000_000_000_000]);
    *s3.calls.lock().unwrap() = 0;
    assert_eq!(bucket.newest_checkpoint().await.unwrap(), Some(1_000_000_000_000));
    assert!(*s3.calls.lock().unwrap() < 100);
    assert!(s3.objects.lock().unwrap().keys().all(|key| key.starts_with("billing/checkpoints/")));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_is_signed_into_a_bucket() {
    let (fixture, s3) = (Fixture::new().await, Arc::new(S3::default()));
    let mut account = fixture.account();
    (account.region, account.endpoint) = ("eu-west-1".into(), Some("http://s3.example".into()));
    let bucket = Bucket::new(s3, account, Arc::new(TestClock::default()), "ledger-proofs", "", TimeDelta::days(11 * 366 - 7));
    let objects: Arc<dyn Objects> = Arc::new(bucket);
    let items = fixture.commits(1, 300).await;
    assert!(crate::fixture::deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    let signer = annals_ledger::signer::Signer::new(fixture.table(), objects.clone(), fixture.key.clone());
    assert_eq!(signer.sign().await.unwrap().entries, 300);
    assert_eq!(signer.sign().await.unwrap().entries, 0);
    let proofs = annals_ledger::proofs::Proofs::newest(&*objects, &fixture.key.verifier(), None).await.unwrap().unwrap();
    proofs.inclusion(&fixture.entries().await[120]).await.unwrap();
}
