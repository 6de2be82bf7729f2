//! Checkpoints: what is signed, on what, and when the signer refuses.

use annals_ledger::objects::{Directory, Kept, Objects, checkpoint_path};
use annals_ledger::signer::{SignError, Signer};
use annals_local::Fault;
use annals_verify::checkpoint::TreeHead;
use annals_verify::tree::Frontier;
use serde_json::Value;

use crate::fixture::{Fixture, LEDGER, deliver};

async fn with_commits(versions: u64) -> (Fixture, annals_ledger::Sequencer) {
    let fixture = Fixture::new().await;
    let sequencer = fixture.sequencer();
    let items = fixture.commits(1, versions).await;
    assert!(deliver(&sequencer, &fixture.records(&items)).await);
    (fixture, sequencer)
}

async fn root(fixture: &Fixture) -> TreeHead {
    let mut frontier = Frontier::default();
    fixture.entries().await.iter().for_each(|entry| frontier.push(entry.leaf_hash()));
    TreeHead { size: frontier.size(), root: frontier.root() }
}

#[tokio::test(start_paused = true)]
async fn each_checkpoint_has_the_root_of_what_a_strong_read_finds() {
    let fixture = Fixture::new().await;
    let (sequencer, signer) = (fixture.sequencer(), fixture.signer());
    assert_eq!(signer.sign().await.unwrap().head, None, "of nothing, nothing is signed");
    for (stream, versions) in [(1, 1), (2, 7), (3, 300), (4, 205), (5, 1)] {
        let items = fixture.commits(stream, versions).await;
        assert!(deliver(&sequencer, &fixture.records(&items)).await);
        let signed = signer.sign().await.unwrap();
        assert_eq!(signed.head, Some(root(&fixture).await));
        assert_eq!(signed.entries, versions);
        assert_eq!(signer.sign().await.unwrap().entries, 0, "nothing is new");
    }
    let verified = fixture.verify().await.unwrap();
    assert_eq!((verified.entries, verified.checkpoints, verified.signed), (514, 5, 514));
}

/// Whether every read of the ledger was strongly consistent.
fn all_strong(fixture: &Fixture) -> bool {
    let asked = fixture.script.asked.lock().unwrap();
    asked
        .iter()
        .filter(|(operation, _)| operation == "Query" || operation == "GetItem")
        .all(|(_, body)| body["ConsistentRead"] == Value::Bool(true))
}

#[tokio::test(start_paused = true)]
async fn the_signer_signs_nothing_that_it_has_not_read_strongly() {
    let (fixture, sequencer) = with_commits(5).await;
    fixture.signer().sign().await.unwrap();
    // An insert that was lost on its way: the writer knows of it, the table does not.
    let items = fixture.commits(2, 3).await;
    fixture.arm(vec![Fault::LoseRequest; 200]);
    assert!(!deliver(&sequencer, &fixture.records(&items)).await);
    fixture.calm();
    fixture.script.asked.lock().unwrap().clear();
    let signed = fixture.signer().sign().await.unwrap();
    assert_eq!((signed.head.unwrap(), signed.entries), (root(&fixture).await, 0));
    assert!(deliver(&sequencer, &fixture.records(&items[..1])).await);
    let signed = fixture.signer().sign().await.unwrap();
    assert_eq!((signed.head.unwrap(), signed.entries), (root(&fixture).await, 1));
    assert!(all_strong(&fixture), "a stale answer may lack what was overtaken, and show what comes after");
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_tiles_and_checkpoint_is_made_good() {
    let (fixture, sequencer) = with_commits(3).await;
    fixture.signer().sign().await.unwrap();
    let tile = fixture.objects.read("tile/0/000.p/3").await.unwrap().unwrap();
    assert_eq!(fixture.objects.insert("tile/0/000.p/3", &tile).await.unwrap(), Kept::Same);
    assert_eq!(fixture.objects.insert("tile/0/000.p/3", b"other").await.unwrap(), Kept::Other);
    // The tiles of five entries are there already, their checkpoint is not.
    let items = fixture.commits(2, 2).await;
    assert!(deliver(&sequencer, &fixture.records(&items)).await);
    let hashes: Vec<u8> = fixture.entries().await.iter().flat_map(|entry| entry.leaf_hash().0).collect();
    fixture.objects.insert("tile/0/000.p/5", &hashes).await.unwrap();
    assert_eq!(fixture.signer().sign().await.unwrap().head, Some(root(&fixture).await));
}

/// The check by which the signer refuses.
async fn refusal(signer: &Signer) -> &'static str {
    match signer.sign().await {
        Err(SignError::Refused { check, .. }) => check,
        other => panic!("it should refuse: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_signer_refuses_a_ledger_that_lost_what_was_signed() {
    let (fixture, sequencer) = with_commits(2).await;
    let items = fixture.commits(2, 2).await;
    assert!(deliver(&sequencer, &fixture.records(&items)).await);
    fixture.signer().sign().await.unwrap();
    let stored = fixture.stored().await;
    let newest = stored.iter().find(|item| item["SK"].as_s().unwrap().ends_with("02")).unwrap();
    fixture.delete(LEDGER, newest).await;
    assert_eq!(refusal(&fixture.signer()).await, "checkpoint-beyond-ledger");
    // And one that was written anew, with other content.
    let other = fixture.commits(3, 5).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&other)).await);
    assert_eq!(refusal(&fixture.signer()).await, "leaf");
}

#[tokio::test(start_paused = true)]
async fn the_signer_refuses_checkpoints_and_tiles_that_are_not_its_own() {
    let (fixture, _) = with_commits(2).await;
    fixture.objects.insert(&checkpoint_path(1), b"annals.example/ledger/billing/0\n1\nAAAA\n\n").await.unwrap();
    assert_eq!(refusal(&fixture.signer()).await, "checkpoint-signature");

    let (fixture, _) = with_commits(2).await;
    fixture.objects.insert("tile/0/000.p/2", &[7; 64]).await.unwrap();
    assert_eq!(refusal(&fixture.signer()).await, "tile");
}

#[tokio::test]
async fn a_directory_keeps_what_is_inserted_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Directory::new(folder.path().join("ledger/billing"));
    assert_eq!(objects.newest_checkpoint().await.unwrap(), None);
    assert_eq!(objects.read("tile/0/000").await.unwrap(), None);
    for size in [9, 10, 2] {
        assert_eq!(objects.insert(&checkpoint_path(size), size.to_string().as_bytes()).await.unwrap(), Kept::Same);
    }
    assert_eq!(objects.insert(&checkpoint_path(9), b"9").await.unwrap(), Kept::Same);
    assert_eq!(objects.insert(&checkpoint_path(9), b"nine").await.unwrap(), Kept::Other);
    assert_eq!(objects.read(&checkpoint_path(9)).await.unwrap().unwrap(), b"9");
    assert_eq!(objects.checkpoints().await.unwrap(), [2, 9, 10]);
    assert_eq!(objects.insert("tile/0/000.p/5", b"p").await.unwrap(), Kept::Same);
    assert_eq!(objects.insert("tile/0/000", b"full").await.unwrap(), Kept::Same);
}
