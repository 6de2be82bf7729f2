//! Whatever is changed behind the system's back, the check of that name finds it.

use annals_ledger::item::{Content, LedgerItem};
use annals_ledger::objects::{Objects, checkpoint_path};
use annals_ledger::signer::Signer;
use annals_ledger::summary::Sought;
use annals_reads::Item;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::fixture::{Fixture, LEDGER, LOG, deliver};

/// Three streams of three commits over two days, four batches a day, signed twice.
async fn world() -> (Fixture, Vec<Item>) {
    let fixture = Fixture::new().await;
    let sequencer = fixture.sequencer();
    let mut items = vec![];
    for stream in 1..=3 {
        let commits = fixture.commits(stream, 3).await;
        for part in commits.chunks(2) {
            fixture.clock.advance(60);
            assert!(deliver(&sequencer, &fixture.records(part)).await);
        }
        items.extend(commits);
        fixture.clock.advance(30_000);
        fixture.signer().sign().await.unwrap();
    }
    assert_eq!(fixture.verify().await.unwrap().entries, 9);
    (fixture, items)
}

/// Ledger items by key, batches only.
async fn batches(fixture: &Fixture) -> Vec<Item> {
    let mut batches: Vec<_> = fixture.stored().await.into_iter().filter(|item| item.contains_key("e")).collect();
    batches.sort_by_key(|item| item["SK"].as_s().unwrap().clone());
    batches
}

async fn put(fixture: &Fixture, item: &Item) {
    fixture.client.put_item().table_name(LEDGER).set_item(Some(item.clone())).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_changed_commit_is_found_though_it_is_its_streams_newest() {
    let (fixture, items) = world().await;
    fixture.change(LOG, &items[2], "a", AttributeValue::S("mallory".into())).await;
    assert_eq!(fixture.found().await, "commit-hash");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_newest_commit_is_found() {
    let (fixture, items) = world().await;
    fixture.delete(LOG, &items[8]).await;
    assert_eq!(fixture.found().await, "commit-lost");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_never_reached_the_ledger_is_found_when_it_has_had_time() {
    let (fixture, _) = world().await;
    fixture.commits(9, 1).await;
    assert_eq!(fixture.verify().await.unwrap().waiting, 1);
    fixture.clock.advance(3600);
    assert_eq!(fixture.found().await, "commit-unsequenced");
}

#[tokio::test(start_paused = true)]
async fn deleted_ledger_items_are_found() {
    let (fixture, _) = world().await;
    let batches = batches(&fixture).await;
    fixture.delete(LEDGER, &batches[1]).await;
    assert_eq!(fixture.found().await, "ledger-order");
    put(&fixture, &batches[1]).await;
    fixture.verify().await.unwrap();
    // The newest: what was signed tells.
    fixture.delete(LEDGER, &batches[5]).await;
    assert_eq!(fixture.found().await, "checkpoint-beyond-ledger");
    put(&fixture, &batches[5]).await;
    let opening = fixture.stored().await.into_iter().find(|item| item["PK"].as_s().unwrap() == "EPOCHS").unwrap();
    fixture.delete(LEDGER, &opening).await;
    assert_eq!(fixture.found().await, "ledger-directory");
    put(&fixture, &opening).await;
    let seal = fixture.stored().await.into_iter().find(|item| item.contains_key("x")).unwrap();
    fixture.delete(LEDGER, &seal).await;
    assert!(["ledger-order", "checkpoint-beyond-ledger"].contains(&fixture.found().await));
}

#[tokio::test(start_paused = true)]
async fn entries_that_change_places_are_found() {
    let (fixture, _) = world().await;
    let batches = batches(&fixture).await;
    // The first two items hold two entries and one: exchange two of equal size.
    let (one, other) = (&batches[0], &batches[2]);
    for (place, content) in [(one, other), (other, one)] {
        fixture.change(LEDGER, place, "e", content["e"].clone()).await;
    }
    assert_eq!(fixture.found().await, "ledger-summary");
    // With their summaries, so that each item holds together.
    for (place, content) in [(one, other), (other, one)] {
        fixture.change(LEDGER, place, "f", content["f"].clone()).await;
    }
    assert_eq!(fixture.found().await, "checkpoint-root");
}

#[tokio::test(start_paused = true)]
async fn a_byte_of_the_entries_is_found() {
    let (fixture, _) = world().await;
    let batch = batches(&fixture).await.remove(0);
    let mut bytes = batch["e"].as_b().unwrap().as_ref().to_vec();
    // Of a hash.
    bytes[10] ^= 1;
    fixture.change(LEDGER, &batch, "e", AttributeValue::B(bytes.into())).await;
    assert_eq!(fixture.found().await, "checkpoint-root");
    fixture.change(LEDGER, &batch, "e", AttributeValue::B(vec![1, 2, 3].into())).await;
    assert_eq!(fixture.found().await, "ledger-item");
    fixture.change(LEDGER, &batch, "e", batch["e"].clone()).await;
    fixture.change(LEDGER, &batch, "t", AttributeValue::S("2026-01-02T09:00:00.000000Z".into())).await;
    assert_eq!(fixture.found().await, "ledger-order");
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_hides_its_entries_is_found() {
    let (fixture, _) = world().await;
    let (one, other) = (batches(&fixture).await.remove(0), batches(&fixture).await.remove(2));
    fixture.change(LEDGER, &one, "f", other["f"].clone()).await;
    assert_eq!(fixture.found().await, "ledger-summary");
}

#[tokio::test(start_paused = true)]
async fn a_commit_with_two_positions_is_found() {
    let fixture = Fixture::new().await;
    let items = fixture.commits(1, 1).await;
    assert!(deliver(&fixture.sequencer(), &fixture.records(&items)).await);
    // As a writer without the redelivery check would.
    let batch = LedgerItem::from_item(&batches(&fixture).await[0]).unwrap();
    put(&fixture, &LedgerItem { position: batch.position.plus(1), ..batch }.to_item()).await;
    assert_eq!(fixture.found().await, "sequenced-twice");
}

#[tokio::test(start_paused = true)]
async fn a_forked_ledger_is_found_by_its_checkpoints() {
    let (fixture, _) = world().await;
    // Another history, sequenced and signed by whoever holds the key, with the checkpoints of the first.
    let fork = Fixture::new().await;
    for stream in 4..=6 {
        let commits = fork.commits(stream, 3).await;
        assert!(deliver(&fork.sequencer(), &fork.records(&commits)).await);
    }
    let size = 9;
    Signer::new(fork.table(), fork.objects.clone(), fixture.key.clone()).sign().await.unwrap();
    let ours = fixture.objects.read(&checkpoint_path(size)).await.unwrap().unwrap();
    let theirs = fork.objects.read(&checkpoint_path(size)).await.unwrap().unwrap();
    assert_ne!(ours, theirs);
    let verifier = annals_ledger::verify::Verifier { table: fork.table(), objects: &*fixture.objects, key: Some(fixture.key.verifier()) };
    let found = verifier.walk([1; 32]).await.unwrap().err().unwrap();
    assert_eq!(found.check, "checkpoint-root");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_under_another_key_is_found() {
    let (fixture, _) = world().await;
    let other = Fixture::new().await;
    let stranger = annals_ledger::checkpoint::LedgerKey::generate(fixture.key.origin().clone(), &annals_kit::ids::SeededIds::new(99));
    let head = annals_verify::checkpoint::TreeHead { size: 1, root: tlog_tiles::EMPTY_HASH };
    fixture.objects.insert(&checkpoint_path(1), &stranger.sign(head).unwrap()).await.unwrap();
    assert_eq!(fixture.found().await, "checkpoint-signature");
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_told_of_tampering_is_listed() {
    let (fixture, items) = world().await;
    let changed = fixture.record("MODIFY", &items[0]);
    assert!(deliver(&fixture.sequencer(), &[changed]).await);
    let verified = fixture.verify().await.unwrap();
    assert_eq!(verified.irregular.len(), 1);
    assert_eq!(verified.irregular[0].1.pk, *items[0]["PK"].as_s().unwrap());
}

/// A summary never passes over an item that holds what is sought, and passes over most that do not.
#[tokio::test(start_paused = true)]
async fn summaries_pass_over_what_does_not_hold_it() {
    let (fixture, items) = world().await;
    let (mut held, mut passed) = (0, 0);
    for batch in batches(&fixture).await {
        let batch = LedgerItem::from_item(&batch).unwrap();
        let Content::Batch { summary, .. } = &batch.content else { unreachable!("seals have no e") };
        for item in &items {
            let sought = Sought::Stream(item["PK"].as_s().unwrap().parse().unwrap());
            let holds = batch.entries().unwrap().iter().any(|entry| sought.is(&entry.fact));
            assert!(summary.may_hold(&sought) || !holds);
            held += usize::from(holds);
            passed += usize::from(!summary.may_hold(&sought));
        }
    }
    assert_eq!((held, passed), (18, 36), "six items, nine commits of three streams; none seems to hold what it does not");
}
