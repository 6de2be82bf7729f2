//! A period made by hand: it verifies, and whatever is changed in it, the check of that name finds it.

use annals_verify::checkpoint::VerifierKey;
use annals_verify::period::{self, Period, PeriodError, PeriodProof};
use annals_verify::tree::Frontier;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use signed_note::{Note, Signer as _, StandardSigner};
use tlog_tiles::{Checkpoint, Hash};

const ORIGIN: &str = "annals.example/ledger/billing/0";

/// One entry's line.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    leaf: String,
    commit: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Commits of three streams, in turn.
fn lines(count: usize) -> Vec<Line> {
    let (mut lines, mut newest): (Vec<Line>, Vec<Option<String>>) = (vec![], vec![None; 3]);
    for position in 0..count {
        let (stream, version) = (position % 3, position / 3 + 1);
        let link = newest[stream].as_ref().map(|hash| format!("\"h\":\"{hash}\",")).unwrap_or_default();
        let id = STANDARD.encode([7u8; 16]);
        let time = format!("2026-01-01T00:00:{:02}.000000Z", position % 60);
        let commit = format!(
            "{{\"PK\":\"SUB#{stream}\",\"SK\":\"{version:020}\",\"a\":\"ada\",\"c\":\"{id}\",\"e\":[{{\"p\":{{\"n\":{position}}},\"t\":\"HAPPENED\",\"v\":1}}],\"g\":0,{link}\"o\":\"demo\",\"r\":\"{id}\",\"t\":\"{time}\"}}"
        );
        let hash = Sha256::digest(&commit);
        newest[stream] = Some(STANDARD.encode(hash));
        let leaf = format!(
            "{{\"actor\":\"ada\",\"correlation\":\"07070707-0707-0707-0707-070707070707\",\"events\":[\"HAPPENED\"],\"hash\":\"{}\",\"kind\":\"commit\",\"position\":{position},\"recorded_at\":\"{time}\",\"sequenced_at\":\"2026-01-01T00:01:00.000000Z\",\"stream\":\"SUB#{stream}\",\"tenant\":\"demo\",\"version\":{version}}}",
            hex(&hash)
        );
        lines.push(Line { leaf, commit });
    }
    lines
}

fn root(lines: &[Line]) -> Hash {
    let mut tree = Frontier::default();
    lines.iter().for_each(|line| tree.push(tlog_tiles::record_hash(line.leaf.as_bytes())));
    tree.root()
}

fn key() -> (SigningKey, VerifierKey) {
    let key = SigningKey::from_bytes(&[3; 32]);
    let text = signed_note::new_ed25519_verifier_key(ORIGIN, &key.verifying_key());
    (key, VerifierKey::from_text(&text).unwrap())
}

/// The proof of the whole of `lines`, signed.
fn proof(lines: &[Line]) -> PeriodProof {
    let (key, _) = key();
    let public = [&[1u8], key.verifying_key().as_bytes().as_slice()].concat();
    let id = signed_note::key_id(ORIGIN, &public);
    let secret = format!("PRIVATE+KEY+{ORIGIN}+{id:08x}+{}", STANDARD.encode([&[1u8], key.as_bytes().as_slice()].concat()));
    let signer = StandardSigner::new(&secret).unwrap();
    assert_eq!(signer.name(), ORIGIN);
    let checkpoint = Checkpoint::new(ORIGIN, lines.len() as u64, root(lines), "").unwrap();
    let mut note = Note::new(&checkpoint.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    PeriodProof { first: 0, end: lines.len() as u64, left: vec![], extends: vec![], checkpoint: note.to_bytes() }
}

fn verified(proof: &PeriodProof, lines: &[Line]) -> Result<Period, &'static str> {
    let file: String = lines.iter().map(|line| format!("{}\t{}\n", line.leaf, line.commit)).collect();
    period::verify(&key().1, proof, file.as_bytes()).map_err(|error| match error {
        PeriodError::Found(finding) => finding.check,
        PeriodError::Read(error) => panic!("{error}"),
    })
}

#[test]
fn a_whole_period_verifies() {
    let lines = lines(40);
    let period = verified(&proof(&lines), &lines).unwrap();
    assert_eq!((period.commits, period.streams, period.begun_before, period.torn), (40, 3, 0, 0));
}

#[test]
fn each_change_is_found_by_the_check_of_its_name() {
    let (good, proof_of_good) = (lines(40), proof(&lines(40)));
    let found = |change: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = good.clone();
        change(&mut lines);
        verified(&proof_of_good, &lines).unwrap_err()
    };
    assert_eq!(found(&|lines| _ = lines.pop()), "population");
    assert_eq!(found(&|lines| lines.push(lines[0].clone())), "population");
    assert_eq!(found(&|lines| _ = lines.remove(7)), "order");
    assert_eq!(found(&|lines| lines.swap(3, 4)), "order");
    assert_eq!(found(&|lines| lines[5].commit = lines[5].commit.replace("\"ada\"", "\"eve\"")), "commit-hash");
    assert_eq!(found(&|lines| lines[5].leaf = lines[5].leaf.replace("\"ada\"", "\"eve\"")), "commit-fields");
    assert_eq!(found(&|lines| lines[5].commit = lines[6].commit.clone()), "commit-hash");
    assert_eq!(found(&|lines| lines[5].leaf.insert(1, ' ')), "root");
    assert_eq!(found(&|lines| lines[9].leaf = lines[9].leaf.replace("00:01:00", "00:00:59")), "order");
    // A commit that was rewritten with its leaf: the next of its stream still names the old one.
    let rewritten = |lines: &mut Vec<Line>| {
        let commit = lines[5].commit.replace("\"n\":5", "\"n\":6");
        let (old, new) = (hex(&Sha256::digest(&lines[5].commit)), hex(&Sha256::digest(&commit)));
        lines[5] = Line { leaf: lines[5].leaf.replace(&old, &new), commit };
    };
    assert_eq!(found(&rewritten), "chain");
    // The newest of its stream: nothing but the root vouches for it.
    let newest = |lines: &mut Vec<Line>| {
        let commit = lines[39].commit.replace("\"n\":39", "\"n\":40");
        let (old, new) = (hex(&Sha256::digest(&lines[39].commit)), hex(&Sha256::digest(&commit)));
        lines[39] = Line { leaf: lines[39].leaf.replace(&old, &new), commit };
    };
    assert_eq!(found(&newest), "root");
    let mut forged = proof(&good);
    forged.checkpoint = proof(&lines(39)).checkpoint;
    assert_eq!(verified(&forged, &good).unwrap_err(), "population");
    let text = String::from_utf8(proof_of_good.checkpoint.clone()).unwrap();
    forged.checkpoint = text.replace("\n40\n", "\n41\n").into_bytes();
    assert_eq!(verified(&forged, &good).unwrap_err(), "checkpoint-signature");
}

#[test]
fn a_commit_twice_under_two_positions_is_found() {
    let mut lines = lines(9);
    let again = Line { leaf: lines[8].leaf.replace("\"position\":8", "\"position\":9"), commit: lines[8].commit.clone() };
    lines.push(again);
    assert_eq!(verified(&proof(&lines), &lines).unwrap_err(), "population");
}

#[test]
fn commits_that_overtook_each_other_chain_all_the_same() {
    let mut lines = lines(9);
    // Version 3 of a stream before its version 2.
    let (two, three) = (lines[3].clone(), lines[6].clone());
    lines[3] = Line { leaf: three.leaf.replace("\"position\":6", "\"position\":3"), commit: three.commit };
    lines[6] = Line { leaf: two.leaf.replace("\"position\":3", "\"position\":6"), commit: two.commit };
    assert_eq!(verified(&proof(&lines), &lines).unwrap().torn, 0);
    let whole = lines.clone();
    lines.truncate(5);
    assert_eq!(verified(&proof(&lines), &lines).unwrap().torn, 1, "version 2 is in another period");
    assert_eq!(whole.len(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Law: no bytes make a reader panic, and none but the signed ones verify.
    #[test]
    fn a_changed_byte_is_found_and_reading_is_total(at in any::<prop::sample::Index>(), bit in 0u8..8, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let lines = lines(12);
        let mut file: Vec<u8> = lines.iter().flat_map(|line| format!("{}\t{}\n", line.leaf, line.commit).into_bytes()).collect();
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(period::verify(&key().1, &proof(&lines), &file[..]).is_err(), "byte {}", at);
        let _ = PeriodProof::from_bytes(&noise);
        let _ = annals_verify::proof::Proof::from_bytes(&noise);
        let _ = annals_verify::extension::Extension::from_bytes(&noise);
        let _ = period::verify(&key().1, &proof(&lines), &noise[..]);
        let read = PeriodProof::from_bytes(&proof(&lines).to_bytes());
        prop_assert_eq!(read, Ok(proof(&lines)));
    }
}
