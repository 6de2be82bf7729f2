//! Proofs made of tiles verify with a public key alone, and tiles that were changed give none.

use annals_ledger::Position;
use annals_ledger::objects::{Memory, Objects, checkpoint_path};
use annals_ledger::proofs::{ProofError, Proofs};
use annals_ledger::tree::tile_path;
use annals_log::canonical;
use annals_reads::Item;
use annals_verify::period::{self, PeriodProof};
use annals_verify::{extension::Extension, inclusion, proof::Proof};

use crate::fixture::{Fixture, deliver};

/// 600 commits of four streams, signed after each of these many.
async fn signed(sizes: &[u64]) -> (Fixture, Vec<Item>) {
    let fixture = Fixture::new().await;
    let (sequencer, mut items, mut before) = (fixture.sequencer(), vec![], 0);
    for (stream, size) in (1..).zip(sizes) {
        let commits = fixture.commits(stream, size - before).await;
        assert!(deliver(&sequencer, &fixture.records(&commits)).await);
        fixture.signer().sign().await.unwrap();
        items.extend(commits);
        before = *size;
    }
    (fixture, items)
}

#[tokio::test(start_paused = true)]
async fn every_commit_is_proven_to_whoever_has_the_key() {
    let (fixture, items) = signed(&[1, 3, 257, 600]).await;
    let (key, entries) = (fixture.key.verifier(), fixture.entries().await);
    for until in [3, 257, 600] {
        let proofs = Proofs::newest(&*fixture.objects, &key, Some(until)).await.unwrap().unwrap();
        for (entry, item) in entries.iter().zip(&items).take(until as usize).step_by(if until > 300 { 37 } else { 1 }) {
            let file = proofs.inclusion(entry).await.unwrap().to_bytes();
            let commit = canonical::bytes(item).unwrap();
            let included = inclusion::verify(&key, &file, &commit).unwrap();
            assert_eq!((included.position, included.head.size), (entry.position.get(), until));
            // Another commit's proof is none.
            let other = canonical::bytes(&items[(entry.position.get() as usize + 1) % items.len()]).unwrap();
            assert_eq!(inclusion::verify(&key, &file, &other).unwrap_err().check, "commit-hash");
            let mut moved = Proof::from_bytes(&file).unwrap();
            moved.index = (moved.index + 1) % until;
            assert_eq!(inclusion::verify(&key, &moved.to_bytes(), &commit).unwrap_err().check, "inclusion");
        }
        let beyond = proofs.inclusion(&entries[599]).await;
        assert_eq!(beyond.is_err(), until < 600, "what is not signed has no proof yet");
    }
}

#[tokio::test(start_paused = true)]
async fn every_earlier_checkpoint_is_extended() {
    let (fixture, _) = signed(&[1, 3, 256, 257, 600]).await;
    let key = fixture.key.verifier();
    let proofs = Proofs::newest(&*fixture.objects, &key, None).await.unwrap().unwrap();
    for size in [1, 3, 256, 257, 600] {
        let old = fixture.objects.read(&checkpoint_path(size)).await.unwrap().unwrap();
        let file = proofs.extension(key.open(&old).unwrap()).await.unwrap().to_bytes();
        let (before, now) = Extension::from_bytes(&file).unwrap().verify(&key, &old).unwrap();
        assert_eq!((before.size, now.size), (size, 600));
        assert_eq!(proofs.root(size).await.unwrap(), before.root);
    }
    // Another history of the same size is no beginning of this one.
    let fork = Fixture::new().await;
    let commits = fork.commits(9, 3).await;
    assert!(deliver(&fork.sequencer(), &fork.records(&commits)).await);
    annals_ledger::signer::Signer::new(fork.table(), fork.objects.clone(), fixture.key.clone()).sign().await.unwrap();
    let forked = fork.objects.read(&checkpoint_path(3)).await.unwrap().unwrap();
    assert!(matches!(proofs.extension(key.open(&forked).unwrap()).await, Err(ProofError::Disagrees(_))));
    let honest = proofs.extension(key.open(&fixture.objects.read(&checkpoint_path(3)).await.unwrap().unwrap()).unwrap()).await.unwrap();
    assert_eq!(honest.verify(&key, &forked).unwrap_err().check, "extension");
}

/// The file of a period.
async fn exported(fixture: &Fixture, items: &[Item], first: u64, end: u64) -> (PeriodProof, Vec<u8>) {
    let proofs = Proofs::newest(&*fixture.objects, &fixture.key.verifier(), None).await.unwrap().unwrap();
    let mut file = vec![];
    for entry in &fixture.entries().await[first as usize..end as usize] {
        file.extend(entry.leaf());
        file.push(b'\t');
        file.extend(canonical::bytes(&items[entry.position.get() as usize]).unwrap());
        file.push(b'\n');
    }
    (proofs.period(Position::new(first), Position::new(end)).await.unwrap(), file)
}

#[tokio::test(start_paused = true)]
async fn a_period_verifies_whole_and_in_no_other_way() {
    let (fixture, items) = signed(&[3, 257, 600]).await;
    let key = fixture.key.verifier();
    for (first, end) in [(0, 600), (0, 1), (5, 5), (1, 3), (255, 257), (256, 513), (599, 600), (0, 0)] {
        let (proof, file) = exported(&fixture, &items, first, end).await;
        let proof = PeriodProof::from_bytes(&proof.to_bytes()).unwrap();
        let period = period::verify(&key, &proof, &file[..]).unwrap();
        assert_eq!((period.commits, period.first, period.end), (end - first, first, end));
    }
}

#[tokio::test(start_paused = true)]
async fn tiles_that_were_changed_prove_nothing() {
    let (fixture, _) = signed(&[300]).await;
    let (key, entries) = (fixture.key.verifier(), fixture.entries().await);
    let (mut paths, objects) = (vec![], Memory::default());
    for tile in annals_ledger::tree::Edge::tiles(300) {
        paths.push(tile_path(&tile));
    }
    paths.extend(["tile/0/000".to_owned(), checkpoint_path(300)]);
    for path in &paths {
        let mut bytes = fixture.objects.read(path).await.unwrap().unwrap();
        if path.starts_with("tile/") {
            bytes.chunks_mut(32).for_each(|hash| hash[3] ^= 1);
        }
        objects.insert(path, &bytes).await.unwrap();
    }
    let proofs = Proofs::newest(&objects, &key, None).await.unwrap().unwrap();
    assert!(matches!(proofs.inclusion(&entries[10]).await, Err(ProofError::Disagrees(_))));
    assert!(matches!(proofs.root(200).await, Err(ProofError::Disagrees(_))));
}
