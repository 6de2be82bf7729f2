//! Identity's projector and reconciler as Lambda runs them, and the law of its rows.

use annals_harness::histories::{rows_are_the_folds, told};
use annals_harness::{EVERYBODY, Stage};
use annals_kit::StreamId;
use annals_kit::ids::SeededIds;
use annals_lambda::Metric;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use identity::organisation::{Found, OrganisationCreated, OrganisationEvent};
use identity::user::{Address, CreateUser, UserCreated};
use identity_projectors::rows::Members;
use proptest::prelude::*;
use serde_json::json;

const LOG: &str = "users-log";
const ROWS: &str = "users";

fn found() -> (StreamId, Found) {
    let created = OrganisationCreated { organisation_id: "acme".parse().unwrap(), name: "Acme".into() };
    ("ORG#acme".parse().unwrap(), Found { created, owner: EVERYBODY })
}

fn signed_up() -> CreateUser {
    let created = UserCreated {
        user_id: EVERYBODY,
        organisation_id: "acme".parse().unwrap(),
        email: "sealed".into(),
        email_hash: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        name: "sealed".into(),
    };
    CreateUser { created, address: Address::Verified }
}

#[tokio::test]
async fn identity_projector() {
    let stage = Stage::of("identity-projector", env!("CARGO_BIN_EXE_identity-projector")).variable("ANNALS_BUS", "annals").following(LOG);
    let harness = stage.open().await;
    let (stream, found) = found();
    harness.append_to(LOG, &stream, &found).await;
    harness.append(LOG, EVERYBODY, &signed_up()).await;
    harness.local.settle().await;
    // The organisation, its member, the stamp of its members, and the person.
    assert_eq!(harness.count(ROWS).await, 4);
    let mut types: Vec<_> = harness.published().iter().map(|event| event["detail-type"].as_str().unwrap().to_owned()).collect();
    types.sort();
    assert_eq!(types, ["MEMBER_JOINED", "ORGANISATION_CREATED", "USER_CREATED", "USER_VERIFIED"]);
    harness.refuses_what_is_no_event().await;
}

#[tokio::test]
async fn identity_reconciler() {
    let stage = Stage::of("identity-reconciler", env!("CARGO_BIN_EXE_identity-reconciler")).variable("ANNALS_BUS", "annals");
    let harness = stage.open().await;
    // No projector has seen it.
    harness.append(LOG, EVERYBODY, &signed_up()).await;
    let report = harness.invoke(json!({})).await.unwrap();
    assert_eq!(report["finished"].as_bool(), Some(true), "{report}");
    // Its row, and the ledger.
    assert_eq!((harness.counted(Metric::StreamLacking), harness.count(ROWS).await > 0), (2, true));
}

#[tokio::test]
async fn identity_signer() {
    let objects = tempfile::tempdir().unwrap();
    std::fs::create_dir(objects.path().join("checkpoints")).unwrap();
    let key = LedgerKey::generate(Origin::new("ledger.example", "identity", annals_kit::Generation(0)), &SeededIds::new(7));
    let harness = Stage::of("identity-signer", env!("CARGO_BIN_EXE_identity-signer"))
        .variable("ANNALS_LEDGER_KEY", key.secret_text())
        .variable("ANNALS_LEDGER_OBJECTS", objects.path().to_str().unwrap())
        .variable("ANNALS_LEDGER_ORIGIN", "ledger.example")
        .open()
        .await;
    assert_eq!(harness.invoke(json!({})).await.unwrap(), json!({ "size": 0, "entries": 0, "witnessed": null }));
}

#[tokio::test]
async fn identity_ledger() {
    let harness = Stage::of("identity-ledger", env!("CARGO_BIN_EXE_identity-ledger")).following(LOG).open().await;
    harness.append(LOG, EVERYBODY, &signed_up()).await;
    harness.local.settle().await;
    assert!(harness.count("users-ledger").await > 0);
    harness.refuses_what_is_no_event().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Law: the members that are stored are the fold of each organisation's stream, however its commits were delivered.
    #[test]
    fn members_are_the_folds(told in told::<OrganisationEvent>("identity")) {
        rows_are_the_folds::<Members>("identity", LOG, &told);
    }
}
