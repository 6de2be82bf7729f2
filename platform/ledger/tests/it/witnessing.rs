//! A witness takes what extends the tree that it has seen, and nothing else; silence of five minutes is an alarm.

use std::sync::{Arc, Mutex};

use annals_kit::Generation;
use annals_kit::ids::SeededIds;
use annals_lambda::web::Answering;
use annals_lambda::{Host, Metric, Metrics, Web};
use annals_ledger::function::{SignerDeps, sign};
use annals_ledger::objects::{Memory, Objects};
use annals_ledger::proofs::Proofs;
use annals_ledger::witness::{Witness, WitnessError};
use annals_verify::checkpoint::{TreeHead, VerifierKey};
use annals_verify::witness::{Judged, judge};
use bytes::Bytes;
use chrono::TimeDelta;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use crate::fixture::{Fixture, LEDGER, deliver};

/// A witness as C2SP has it, over HTTP; it may be down.
struct Notary {
    key: VerifierKey,
    seen: Mutex<Option<TreeHead>>,
    down: Mutex<bool>,
}

impl Notary {
    fn of(fixture: &Fixture) -> Arc<Self> {
        Arc::new(Self { key: fixture.key.verifier(), seen: Mutex::default(), down: Mutex::default() })
    }

    fn size(&self) -> u64 {
        self.seen.lock().unwrap().map_or(0, |seen| seen.size)
    }
}

impl Web for Notary {
    fn call(&self, request: http::Request<Bytes>) -> Answering<'_> {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/w/add-checkpoint"));
        let mut seen = self.seen.lock().unwrap();
        let (status, body) = match judge(&self.key, *seen, request.body()) {
            _ if *self.down.lock().unwrap() => (503, String::new()),
            Judged::Taken { head, .. } => {
                *seen = Some(head);
                (200, "\u{2014} witness.example AAAA\n".to_owned())
            }
            Judged::Conflict { size } => (409, format!("{size}\n")),
            Judged::Malformed => (400, String::new()),
            Judged::Unsigned => (403, String::new()),
            Judged::Forked => (422, String::new()),
        };
        Box::pin(async move { Ok(http::Response::builder().status(status).body(Bytes::from(body)).unwrap()) })
    }
}

fn witness(notary: &Arc<Notary>) -> Witness {
    Witness::new(notary.clone(), "http://witness.example/w/")
}

async fn grow(fixture: &Fixture, stream: u32, versions: u64) {
    let items = fixture.commits(stream, versions).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    fixture.signer().sign().await.unwrap();
}

async fn show(fixture: &Fixture, witness: &Witness) -> Result<(), WitnessError> {
    let proofs = Proofs::newest(&*fixture.objects, &fixture.key.verifier(), None).await.unwrap().unwrap();
    witness.show(&proofs, &*fixture.objects).await
}

#[tokio::test(start_paused = true)]
async fn a_witness_takes_what_extends_what_it_has_seen() {
    let fixture = Fixture::new().await;
    let notary = Notary::of(&fixture);
    let first = witness(&notary);
    for (stream, versions, size) in [(1, 1, 1), (2, 7, 8), (3, 300, 308)] {
        grow(&fixture, stream, versions).await;
        show(&fixture, &first).await.unwrap();
        assert_eq!(notary.size(), size);
        show(&fixture, &first).await.unwrap();
    }
    assert!(fixture.objects.read("cosignatures/00000000000000000308").await.unwrap().is_some());
    // One that does not know what the witness has seen asks.
    grow(&fixture, 4, 3).await;
    show(&fixture, &witness(&notary)).await.unwrap();
    show(&fixture, &witness(&notary)).await.unwrap();
    assert_eq!(notary.size(), 311);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_and_a_fork_are_refused() {
    let fixture = Fixture::new().await;
    let notary = Notary::of(&fixture);
    grow(&fixture, 1, 5).await;
    show(&fixture, &witness(&notary)).await.unwrap();
    // The same key over another history: shorter, as long, and longer.
    for versions in [3, 5, 9] {
        let fork = Fixture::new().await;
        let items = fork.commits(7, versions).await;
        assert!(deliver(&fork.sequencer(), &fork.records(&items)).await);
        annals_ledger::signer::Signer::new(fork.table(), fork.objects.clone(), fixture.key.clone()).sign().await.unwrap();
        let proofs = Proofs::newest(&*fork.objects, &fixture.key.verifier(), None).await.unwrap().unwrap();
        let refused = witness(&notary).show(&proofs, &Memory::default()).await;
        // One of equal size is found when it is shown from there.
        let told = matches!(refused, Err(WitnessError::Disagrees { .. }));
        assert!(told, "{versions}: {refused:?}");
    }
    assert_eq!(notary.size(), 5);
}

/// What was counted.
#[derive(Default)]
struct Counted(Mutex<Vec<Metric>>);

impl Metrics for Counted {
    fn count(&self, _: &'static str, metric: Metric, _: u64, _: &str) {
        self.0.lock().unwrap().push(metric);
    }

    fn time(&self, _: &'static str, _: Metric, _: TimeDelta, _: &str) {}
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_more_than_five_minutes_is_an_alarm() {
    let fixture = Fixture::new().await;
    let (notary, counted) = (Notary::of(&fixture), Arc::new(Counted::default()));
    let host = Host {
        account: fixture.account(),
        metrics: counted.clone(),
        clock: fixture.clock.clone(),
        ids: Arc::new(SeededIds::new(5)),
        generation: Generation::default(),
    };
    let deps = SignerDeps::new(&host, "billing", LEDGER, access_patterns::billing(), fixture.objects.clone(), fixture.key.clone());
    let deps = deps.with_witness(witness(&notary));
    let run = async || sign(LambdaEvent::new(Value::Null, Context::default()), &deps).await.unwrap();
    let counts = |metric: Metric| counted.0.lock().unwrap().iter().filter(|counted| **counted == metric).count();
    let append = async |stream: u32| {
        let items = fixture.commits(stream, 1).await;
        assert!(deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    };
    append(1).await;
    fixture.clock.advance(60);
    assert_eq!(run().await, json!({ "size": 1, "entries": 1, "witnessed": "yes" }));
    assert_eq!(counts(Metric::LedgerBehind), 0);
    // The signer has stood still.
    append(2).await;
    fixture.clock.advance(301);
    run().await;
    assert_eq!(counts(Metric::LedgerBehind), 1);
    // The witness does not answer: after five minutes that is an alarm as well.
    *notary.down.lock().unwrap() = true;
    append(3).await;
    run().await;
    fixture.clock.advance(299);
    run().await;
    assert_eq!(counts(Metric::LedgerBehind), 1);
    fixture.clock.advance(2);
    run().await;
    assert_eq!(counts(Metric::LedgerBehind), 2);
    *notary.down.lock().unwrap() = false;
    assert_eq!(run().await["witnessed"], "yes");
    // It has seen more than there is: somebody else signs with this key, or an older copy was restored.
    *notary.seen.lock().unwrap() = Some(TreeHead { size: 9, root: tlog_tiles::EMPTY_HASH });
    append(4).await;
    run().await;
    assert_eq!((counts(Metric::LedgerRefused), notary.size()), (1, 9));
}
