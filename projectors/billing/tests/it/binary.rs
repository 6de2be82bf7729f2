//! Each function's own binary under the Lambda runtime API, on a local account, with its own role.

use annals_harness::Stage;
use annals_kit::Generation;
use annals_kit::ids::SeededIds;
use annals_lambda::Metric;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::checkpoint_path;
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, LOG, ROWS, deliver, issue, record};

#[tokio::test]
async fn billing_projector() {
    let stage = Stage::of("billing-projector", env!("CARGO_BIN_EXE_billing-projector")).variable("ANNALS_BUS", "annals").following(LOG);
    let harness = stage.open().await;
    harness.append(LOG, Uuid::from_u128(7), &issue(7)).await;
    harness.local.settle().await;
    // What the same projections write in this process.
    let fixture = Fixture::new().await;
    let stream = fixture.invoice(7, 1, false).await;
    assert_eq!(deliver(&fixture.projector(), &[record("INSERT", 1, &fixture.items(&stream).await[0])]).await, None);
    let written = fixture.account.sdk_dynamodb().scan().table_name(ROWS).limit(500).send().await.unwrap();
    assert_eq!(harness.count(ROWS).await, written.items().len());
    let types: Vec<_> = harness.published().iter().map(|event| event["detail-type"].clone()).collect();
    assert_eq!(types, [json!("INVOICE_ISSUED")]);
    let counted = (harness.counted(Metric::RowWritten), harness.counted(Metric::EventPublished));
    assert_eq!(counted, (fixture.counts.of(Metric::RowWritten), 1));
    harness.refuses_what_is_no_event().await;
    println!("{}", harness.local.function_timings()[0]);
}

#[tokio::test]
async fn billing_reconciler() {
    let stage = Stage::of("billing-reconciler", env!("CARGO_BIN_EXE_billing-reconciler")).variable("ANNALS_BUS", "annals");
    let harness = stage.open().await;
    // No projector has seen it.
    harness.append(LOG, Uuid::from_u128(7), &issue(7)).await;
    let report = harness.invoke(json!({})).await.unwrap();
    assert_eq!(report["finished"].as_bool(), Some(true), "{report}");
    let readers = Fixture::new().await.readers().await;
    // Every reader of an invoice's stream, and the ledger.
    assert_eq!((harness.counted(Metric::StreamLacking), harness.counted(Metric::CommitLacking)), (readers + 1, readers + 1));
}

#[tokio::test]
async fn billing_signer() {
    let objects = tempfile::tempdir().unwrap();
    std::fs::create_dir(objects.path().join("checkpoints")).unwrap();
    let key = LedgerKey::generate(Origin::new("ledger.example", "billing", Generation(0)), &SeededIds::new(7));
    let harness = Stage::of("billing-signer", env!("CARGO_BIN_EXE_billing-signer"))
        .variable("ANNALS_LEDGER_KEY", key.secret_text())
        .variable("ANNALS_LEDGER_OBJECTS", objects.path().to_str().unwrap())
        .variable("ANNALS_LEDGER_ORIGIN", "ledger.example")
        .open()
        .await;
    assert_eq!(harness.invoke(json!({})).await.unwrap(), json!({ "size": 0, "entries": 0, "witnessed": null }));
    assert_eq!(harness.counted(Metric::LedgerRefused), 0);
    std::fs::write(objects.path().join(checkpoint_path(1)), "signed by no one").unwrap();
    let refused = harness.invoke(json!({})).await.unwrap();
    assert!(refused["refused"].as_str().unwrap().contains("checkpoint-signature"), "{refused}");
    assert_eq!(harness.counted(Metric::LedgerRefused), 1);
}
