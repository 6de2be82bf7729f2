//! Golden bytes, made by an independent program: a failure here means that stored ledgers or signed leaves can no longer be read.

use annals_kit::{Generation, Version};
use annals_ledger::checkpoint::{LedgerKey, Origin, TreeHead, VerifierKey};
use annals_ledger::fact::{CommitFact, Fact, Irregular, Irregularity};
use annals_ledger::summary::Summary;
use annals_ledger::{Entry, Position, block};
use proptest::prelude::*;
use uuid::Uuid;

const BLOCK: &str = "0103000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0102030405060708090a0b0c0d0e0f10000000000000000000000000000000070000000000000000000000000000000063d4f0f40b533630b448334a3630d03500025d7310616100e542812163d38d037bbfbf5ac2c692929a9bcf915f905a9458925fc4c40734c0dfd3d935de333838d4d585cbcf3fc435ded1c5c5d585913d38d449393129790dd3c1165bd6fc928cd422e6c49444464e67473f67571f1f5717665690f515220698c050d4109b2800";
const SUMMARY: &str = "01000649abbbd074e0000649abbbd81601de8df9c63ed7c8194076c928b21534";
const LEAF: &str = r#"{"actor":"operator","correlation":"01020304-0506-0708-090a-0b0c0d0e0f10","events":["INVOICE_ISSUED","NOTE_ADDED"],"hash":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","kind":"commit","position":41,"recorded_at":"2026-01-31T09:30:00.000001Z","sequenced_at":"2026-01-31T09:30:01.000000Z","stream":"INV#018f2c00-0000-7000-8000-000000000001","tenant":"demo","version":1}"#;
const LEAF_HASH: &str = "b1bd37cbc71cd5b65769487350e1b4658f8a27b2c09e717e8acc965b34c0c198";
const IRREGULAR: &str = r#"{"hash":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","key":["INV#x","00000000000000000001"],"kind":"changed","position":43,"record":"100000000000000000001","sequenced_at":"2026-01-31T09:30:01.000000Z"}"#;
const IRREGULAR_HASH: &str = "b79d22954eb96d3b312c467262c06b84f0414235e87cf8500febdba3da329553";

fn facts() -> Vec<Fact> {
    let first = CommitFact {
        stream: "INV#018f2c00-0000-7000-8000-000000000001".parse().unwrap(),
        version: Version::FIRST,
        tenant: "demo".parse().unwrap(),
        recorded_at: "2026-01-31T09:30:00.000001Z".parse().unwrap(),
        actor: "operator".parse().unwrap(),
        correlation: Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        events: vec!["INVOICE_ISSUED".into(), "NOTE_ADDED".into()],
        hash: std::array::from_fn(|i| i as u8),
    };
    let second = CommitFact {
        stream: "SUB#abc".parse().unwrap(),
        version: Version::new(300).unwrap(),
        tenant: "other".parse().unwrap(),
        recorded_at: "2026-01-31T09:29:59.500000Z".parse().unwrap(),
        actor: "ada".parse().unwrap(),
        correlation: Uuid::from_u128(7),
        events: vec!["CANCELLED".into()],
        hash: [0xff; 32],
    };
    let third = Irregular {
        kind: Irregularity::Changed,
        pk: "INV#x".into(),
        sk: "00000000000000000001".into(),
        record: "100000000000000000001".into(),
        hash: [0x0a; 32],
    };
    vec![Fact::Commit(first), Fact::Commit(second), Fact::Irregular(third)]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_stored_block_is_read_for_ever() {
    assert_eq!(block::decode(&bytes(BLOCK)).unwrap(), facts());
    assert_eq!(block::decode(&block::encode(&facts())).unwrap(), facts());
    // All but what is compressed is the same bytes.
    let raw = 2 + 3 * 48;
    assert_eq!(block::encode(&facts())[..raw], bytes(BLOCK)[..raw]);
}

#[test]
fn a_stored_summary_is_read_for_ever() {
    assert_eq!(hex(&Summary::of(&facts()).to_bytes()), SUMMARY);
    assert_eq!(Summary::from_bytes(&bytes(SUMMARY)), Some(Summary::of(&facts())));
}

#[test]
fn a_leaf_is_the_same_bytes_for_ever() {
    let sequenced_at = "2026-01-31T09:30:01.000000Z".parse().unwrap();
    let entry = |place: usize| Entry { position: Position::new(41 + place as u64), sequenced_at, fact: facts().remove(place) };
    assert_eq!(String::from_utf8(entry(0).leaf()).unwrap(), LEAF);
    assert_eq!(hex(&entry(0).leaf_hash().0), LEAF_HASH);
    assert_eq!(String::from_utf8(entry(2).leaf()).unwrap(), IRREGULAR);
    assert_eq!(hex(&entry(2).leaf_hash().0), IRREGULAR_HASH);
}

#[test]
fn a_checkpoint_opens_with_its_key_and_origin_alone() {
    let origin = Origin::new("annals.example", "billing", Generation(2));
    let key = LedgerKey::generate(origin.clone(), &annals_kit::ids::SeededIds::new(1));
    let head = TreeHead { size: 9, root: tlog_tiles::EMPTY_HASH };
    let signed = key.sign(head).unwrap();
    let text = String::from_utf8(signed.clone()).unwrap();
    assert!(text.starts_with(
        "annals.example/ledger/billing/2\n9\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u{2014} annals.example/ledger/billing/2 "
    ));
    let verifier = VerifierKey::from_text(origin.clone(), key.verifier().text()).unwrap();
    assert_eq!(verifier.open(&signed).unwrap(), head);
    assert_eq!(LedgerKey::from_text(origin, key.secret_text()).unwrap().sign(head).unwrap(), signed);
    assert!(verifier.open(text.replace("\n9\n", "\n8\n").as_bytes()).is_err());
    let other = Origin::new("annals.example", "billing", Generation(3));
    assert!(LedgerKey::from_text(other, key.secret_text()).is_err(), "a restore is another ledger");
}

proptest! {
    /// Law: no bytes make a reader of blocks or summaries panic.
    #[test]
    fn reading_is_total(noise in prop::collection::vec(any::<u8>(), 0..400), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let _ = block::decode(&noise);
        let _ = Summary::from_bytes(&noise);
        let mut damaged = bytes(BLOCK);
        let at = at.index(damaged.len());
        damaged[at] ^= 1 << bit;
        let _ = block::decode(&damaged);
    }
}

/// `infra/ledger-key annals-dev/ledger/billing/0` printed it; it has signed nothing but this.
#[test]
fn a_key_that_the_script_for_aws_has_made_is_read() {
    let origin = Origin::new("annals-dev", "billing", Generation(0));
    let text = "PRIVATE+KEY+annals-dev/ledger/billing/0+76226e0e+AcKaH0VzD8YPiPzqJQ1ZO/BfGgABzL56m20eWB9C9+OX";
    let key = LedgerKey::from_text(origin, text).unwrap();
    let head = TreeHead { size: 1, root: tlog_tiles::EMPTY_HASH };
    assert_eq!(key.verifier().open(&key.sign(head).unwrap()).unwrap(), head);
}
