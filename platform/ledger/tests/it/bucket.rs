//! The bucket against S3 as its guide describes it: conditional writes, listing in the order of keys, and nothing that is not signed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use annals_lambda::Web;
use annals_lambda::web::Answering;
use annals_ledger::bucket::Bucket;
use annals_ledger::objects::{Kept, Objects, checkpoint_path};
use annals_ledger::signer::Signer;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, deliver};

const PLACE: &str = "s3://annals-ledger/billing/0";

/// A bucket on AWS: keys and bodies, and how often it was asked.
#[derive(Default)]
struct S3 {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<usize>,
}

impl S3 {
    fn put(&self, request: &http::Request<Bytes>) -> (u16, Vec<u8>) {
        assert_eq!(request.headers()["if-none-match"], "*", "nothing is overwritten");
        assert!(request.headers().contains_key("x-amz-checksum-sha256"), "a bucket with Object Lock wants a checksum");
        let mut objects = self.objects.lock().unwrap();
        let key = request.uri().path().to_owned();
        if objects.contains_key(&key) {
            return (412, b"<Error><Code>PreconditionFailed</Code></Error>".to_vec());
        }
        objects.insert(key, request.body().to_vec());
        (200, vec![])
    }

    fn list(&self, query: &str) -> (u16, Vec<u8>) {
        let asked: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let value = |name: &str| asked[name].replace("%2F", "/");
        let (prefix, after, most) = (value("prefix"), value("start-after"), value("max-keys").parse::<usize>().unwrap());
        let objects = self.objects.lock().unwrap();
        let keys: Vec<_> = objects.keys().map(|key| &key[1..]).filter(|key| key.starts_with(&prefix) && **key > *after).collect();
        let listed: String = keys.iter().take(most).map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
        let body = format!("<ListBucketResult><IsTruncated>{}</IsTruncated>{listed}</ListBucketResult>", keys.len() > most);
        (200, body.into_bytes())
    }
}

impl Web for S3 {
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
        *self.asked.lock().unwrap() += 1;
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(authorization.contains("/s3/aws4_request, SignedHeaders=") && authorization.contains("host"), "{authorization}");
        let digest: String = Sha256::digest(request.body()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(request.headers()["x-amz-content-sha256"].to_str().unwrap(), digest);
        assert_eq!(request.uri().host(), Some("annals-ledger.s3.eu-west-1.amazonaws.com"));
        let (status, body) = match (request.method().as_str(), request.uri().query()) {
            ("PUT", _) => self.put(&request),
            (_, Some(query)) => self.list(query),
            _ => match self.objects.lock().unwrap().get(request.uri().path()) {
                Some(body) => (200, body.clone()),
                None => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
        };
        Box::pin(async move { Ok(http::Response::builder().status(status).body(Bytes::from(body)).unwrap()) })
    }
}

fn bucket(s3: &Arc<S3>, fixture: &Fixture) -> Bucket {
    let account = annals_lambda::Account { region: "eu-west-1".into(), ..fixture.account() };
    Bucket::at(PLACE, s3.clone(), account, fixture.clock.clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_object_is_written_once() {
    let (s3, fixture) = (Arc::<S3>::default(), Fixture::new().await);
    let bucket = bucket(&s3, &fixture);
    assert_eq!(bucket.read("vkey").await.unwrap(), None);
    assert_eq!(bucket.insert("vkey", b"one").await.unwrap(), Kept::Same);
    assert_eq!(bucket.insert("vkey", b"one").await.unwrap(), Kept::Same, "an answer was lost, and it is sent again");
    assert_eq!(bucket.insert("vkey", b"two").await.unwrap(), Kept::Other);
    assert_eq!(bucket.read("vkey").await.unwrap().unwrap(), b"one");
    assert!(s3.objects.lock().unwrap().contains_key("/billing/0/vkey"));
    assert!(Bucket::at("/var/ledger", s3, fixture.account(), fixture.clock.clone()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_signer_goes_on_from_a_bucket_after_a_cold_start() {
    let (s3, fixture) = (Arc::<S3>::default(), Fixture::new().await);
    let sequencer = fixture.sequencer();
    for stream in 1..=5 {
        let items = fixture.commits(stream, 3).await;
        assert!(deliver(&sequencer, &fixture.records(&items)).await);
        let signer = Signer::new(fixture.table(), Arc::new(bucket(&s3, &fixture)), fixture.key.clone());
        let signed = signer.sign().await.unwrap();
        assert_eq!((signed.entries, signed.head.unwrap().size), (3, u64::from(stream) * 3));
    }
    let bucket = bucket(&s3, &fixture);
    assert_eq!(bucket.checkpoints().await.unwrap(), [3, 6, 9, 12, 15]);
    assert_eq!(bucket.newest_checkpoint().await.unwrap(), Some(15));
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_many_checkpoints_is_found_without_listing_them() {
    let (s3, fixture) = (Arc::<S3>::default(), Fixture::new().await);
    let cold = bucket(&s3, &fixture);
    assert_eq!(cold.newest_checkpoint().await.unwrap(), None);
    // Sizes that grow unevenly, more than a page of them.
    let sizes: Vec<u64> = (1..=2500u64).map(|number| number * number % 97 + number * 1000).collect();
    for size in &sizes {
        s3.objects.lock().unwrap().insert(format!("/billing/0/{}", checkpoint_path(*size)), vec![]);
    }
    assert_eq!(cold.newest_checkpoint().await.unwrap(), sizes.last().copied());
    assert_eq!(cold.checkpoints().await.unwrap(), sizes);
    let before = *s3.asked.lock().unwrap();
    assert_eq!(cold.newest_checkpoint().await.unwrap(), sizes.last().copied());
    assert_eq!(*s3.asked.lock().unwrap() - before, 1, "one request where nothing is new");
    assert_eq!(bucket(&s3, &fixture).newest_checkpoint().await.unwrap(), sizes.last().copied());
    assert!(*s3.asked.lock().unwrap() - before < 70);
}
