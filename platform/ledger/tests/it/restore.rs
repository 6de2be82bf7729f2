//! Rehearses docs/runbooks/restore.md: a log restored to a point in time goes on under a new generation, which cites where the old one ended; and
//! an erased person stays erased.

use annals_kit::{EventId, Generation};
use annals_ledger::objects::{Kept, Objects, checkpoint_path};
use annals_ledger::signer::{SignError, Signer};
use annals_log::insert::{Inserted, insert};
use annals_log::{Commit, CommitHash};
use annals_reads::Item;
use annals_vault::KeyError;
use annals_verify::checkpoint::TreeHead;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, LOG, commit, deliver};

/// Three commits, sequenced and signed; the backup was made after the second.
async fn before() -> (Fixture, Vec<Item>, TreeHead) {
    let old = Fixture::new().await;
    let items = old.commits(1, 3).await;
    assert!(deliver(&old.sequencer(), &old.records(&items)).await);
    let head = old.signer().sign().await.unwrap().head.unwrap();
    (old, items, head)
}

/// A new account with what the backup has, in its log and its ledger.
async fn restored(generation: Generation, backup: &[Item]) -> Fixture {
    let new = Fixture::of(generation).await;
    for item in backup {
        assert!(matches!(insert(&new.client.clone().into(), LOG, item.clone()).await, Inserted::Written));
    }
    assert!(deliver(&new.sequencer(), &new.records(backup)).await);
    new
}

/// What the new ledger's folder says first: where it comes from.
async fn cite(new: &Fixture, old: &Fixture, head: TreeHead) -> Kept {
    let checkpoint = old.objects.read(&checkpoint_path(head.size)).await.unwrap().unwrap();
    let cited = json!({
        "restored_to": "2026-01-01T23:50:00Z",
        "from": old.key.origin().as_str(),
        "last_checkpoint": String::from_utf8(checkpoint).unwrap(),
    });
    new.objects.insert("restored", cited.to_string().as_bytes()).await.unwrap()
}

fn first_event(item: &Item) -> EventId {
    Commit::from_item(item).unwrap().event_id(0)
}

#[tokio::test(start_paused = true)]
async fn a_restored_log_goes_on_as_another_ledger_which_cites_the_last_checkpoint() {
    let (old, items, head) = before().await;
    let new = restored(Generation(1), &items[..2]).await;
    assert_eq!(cite(&new, &old, head).await, Kept::Same);
    let signed = new.signer().sign().await.unwrap().head.unwrap();
    assert_eq!(signed.size, 2);
    assert_ne!(new.key.origin(), old.key.origin());
    assert_eq!(new.verify().await.unwrap().entries, 2);

    // Whoever has the old checkpoint sees that the log went back: it is signed by the old key, longer, and cited where the new ledger begins.
    let cited = new.objects.read("restored").await.unwrap().unwrap();
    let cited: serde_json::Value = serde_json::from_slice(&cited).unwrap();
    let checkpoint = cited["last_checkpoint"].as_str().unwrap().as_bytes();
    let last = old.key.verifier().open(checkpoint).unwrap();
    assert_eq!((last.size, last.root), (head.size, head.root));
    assert!(new.key.verifier().open(checkpoint).is_err(), "it is no checkpoint of the new ledger");
    // Nobody rewrites where it came from.
    assert_eq!(new.objects.insert("restored", b"nowhere").await.unwrap(), Kept::Other);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_used_again_is_another_event() {
    let (_, items, _) = before().await;
    let new = restored(Generation(1), &items[..2]).await;
    let previous = CommitHash::of(&items[1]).unwrap();
    let again = Commit { generation: Generation(1), ..commit(1, 3, Some(previous), new.clock.truth()) }.to_item().unwrap();
    assert!(matches!(insert(&new.client.clone().into(), LOG, again.clone()).await, Inserted::Written));
    assert!(deliver(&new.sequencer(), &new.records(std::slice::from_ref(&again))).await);
    assert_eq!(new.signer().sign().await.unwrap().head.unwrap().size, 3);
    // A consumer that has seen the third commit of before the restore does not take this one for it.
    assert_ne!(first_event(&again), first_event(&items[2]));
    assert_eq!(first_event(&items[1]).generation, Generation(0), "what was restored keeps its ids");
}

/// Without a new generation the signer refuses: the last checkpoint knows more than the ledger has.
#[tokio::test(start_paused = true)]
async fn a_restore_that_forgets_the_generation_is_refused() {
    let (old, items, _) = before().await;
    let new = restored(Generation(0), &items[..2]).await;
    let signer = Signer::new(new.table(), old.objects.clone(), old.key.clone());
    assert!(matches!(signer.sign().await, Err(SignError::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_erased_person_stays_erased_when_the_tombstones_are_replayed() {
    let person = Uuid::from_u128(7);
    let (old, new) = (Fixture::new().await, Fixture::of(Generation(1)).await);
    old.vault().key(&person).await.unwrap();
    let backup = old.client.scan().table_name("billing-vault").limit(10).send().await.unwrap().items()[0].clone();
    erase(&old, &backup).await;
    assert!(matches!(old.vault().key(&person).await, Err(KeyError::Erased)));

    // The backup is from before the erasure: the key is back.
    new.client.put_item().table_name("billing-vault").set_item(Some(backup)).send().await.unwrap();
    // So what was erased since is erased again, before anybody reads.
    let tombstones = old.client.scan().table_name("billing-vault").limit(10).send().await.unwrap();
    for tombstone in tombstones.items().iter().filter(|item| item.contains_key("erased_at")) {
        erase(&new, tombstone).await;
    }
    assert!(matches!(new.vault().key(&person).await, Err(KeyError::Erased)), "nor is a new one made");
}

/// As `erase_person_key` of the matrix: the wrapped key goes, and the time of it stays.
async fn erase(fixture: &Fixture, item: &Item) {
    let call = fixture.client.update_item().table_name("billing-vault").key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
    // A name of DynamoDB's own language, so it is spelt indirectly.
    let call = call.update_expression("SET erased_at = :now REMOVE #wrapped").expression_attribute_names("#wrapped", "wrapped");
    call.expression_attribute_values(":now", AttributeValue::S(fixture.clock.truth().to_string())).send().await.unwrap();
}
