//! Prints how many bytes of commits a core verifies a second, beside what hashing them alone takes, which no verifier can go below:
//! `cargo run --release -p annals-verify --example verify-rate`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use annals_verify::checkpoint::VerifierKey;
use annals_verify::period::{self, PeriodProof};
use annals_verify::tree::Frontier;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use signed_note::{Note, StandardSigner};
use tlog_tiles::Checkpoint;

const ORIGIN: &str = "annals.example/ledger/billing/0";
/// Commits of the period: some 700 bytes each, as an invoice's are, of streams of eight.
const COMMITS: usize = 400_000;

fn main() {
    let (mut file, mut tree, mut newest) = (Vec::new(), Frontier::default(), HashMap::new());
    for position in 0..COMMITS {
        let (leaf, commit) = entry(position, &mut newest);
        tree.push(tlog_tiles::record_hash(leaf.as_bytes()));
        file.extend_from_slice(format!("{leaf}\t{commit}\n").as_bytes());
    }
    let key = SigningKey::from_bytes(&[3; 32]);
    let public = [&[1u8], key.verifying_key().as_bytes().as_slice()].concat();
    let secret = STANDARD.encode([&[1u8], key.as_bytes().as_slice()].concat());
    let text = format!("PRIVATE+KEY+{ORIGIN}+{:08x}+{secret}", signed_note::key_id(ORIGIN, &public));
    let signer = StandardSigner::new(&text).expect("the key is spelt as signed-note says");
    let checkpoint = Checkpoint::new(ORIGIN, COMMITS as u64, tree.root(), "").expect("the origin is one");
    let mut note = Note::new(&checkpoint.to_bytes(), &[]).expect("a checkpoint is a note");
    note.add_sigs(&[&signer]).expect("the key signs");
    let proof = PeriodProof { first: 0, end: COMMITS as u64, left: vec![], extends: vec![], checkpoint: note.to_bytes() };
    let verifier = VerifierKey::from_text(&signed_note::new_ed25519_verifier_key(ORIGIN, &key.verifying_key())).expect("the key is one");
    for _ in 0..3 {
        let begun = Instant::now();
        let period = period::verify(&verifier, &proof, &file[..]).expect("the period is what was signed");
        let (seconds, hashing) = (begun.elapsed().as_secs_f64(), seconds_to_hash(&file));
        println!(
            "{} commits of {} bytes on average: {:.0} MB of commits a second on one core, {:.0} commits a second; hashing alone {:.0} MB, ratio {:.2}",
            period.commits,
            period.bytes / period.commits,
            period.bytes as f64 / seconds / 1e6,
            period.commits as f64 / seconds,
            period.bytes as f64 / hashing / 1e6,
            hashing / seconds
        );
    }
}

/// What it takes to hash the leaf and the commit of every line, and to build the tree.
fn seconds_to_hash(file: &[u8]) -> f64 {
    let (begun, mut tree) = (Instant::now(), Frontier::default());
    let mut begin = 0;
    for end in memchr::memchr_iter(b'\n', file) {
        let line = &file[std::mem::replace(&mut begin, end + 1)..end];
        let tab = memchr::memchr(b'\t', line).expect("a line has a leaf and a commit");
        tree.push(tlog_tiles::record_hash(&line[..tab]));
        black_box(Sha256::digest(&line[tab + 1..]));
    }
    black_box(tree.root());
    begun.elapsed().as_secs_f64()
}

/// The leaf and the commit at a position.
fn entry(position: usize, newest: &mut HashMap<usize, String>) -> (String, String) {
    let (stream, version) = (position / 64 * 8 + position % 8, position / 8 % 8 + 1);
    let link = if version == 1 { String::new() } else { format!("\"h\":\"{}\",", newest[&stream]) };
    let id = STANDARD.encode((position as u128).to_be_bytes());
    let correlation = format!("{position:032x}");
    let correlation: Vec<_> = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &correlation[part]).into();
    let correlation = correlation.join("-");
    let time = format!("2026-01-01T{:02}:{:02}:{:02}.000000Z", position / 360_000, position / 6_000 % 60, position / 100 % 60);
    let payload = format!(
        "{{\"amount\":{{\"amount\":4900,\"currency\":\"EUR\"}},\"customer_id\":\"cus_{stream:024}\",\"invoice_id\":\"{correlation}\",\"note\":\"{}\",\"period_end\":\"2026-02-01\",\"period_start\":\"2026-01-01\",\"subscription_id\":\"{correlation}\"}}",
        "paid by bank transfer, reference as on the invoice; ".repeat(3)
    );
    let commit = format!(
        "{{\"PK\":\"INV#{stream:036}\",\"SK\":\"{version:020}\",\"a\":\"operator\",\"c\":\"{id}\",\"e\":[{{\"p\":{payload},\"t\":\"PAYMENT_RECEIVED\",\"v\":1}}],\"g\":0,{link}\"o\":\"demo\",\"r\":\"{id}\",\"t\":\"{time}\"}}"
    );
    let hash = Sha256::digest(&commit);
    newest.insert(stream, STANDARD.encode(hash));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let leaf = format!(
        "{{\"actor\":\"operator\",\"correlation\":\"{correlation}\",\"events\":[\"PAYMENT_RECEIVED\"],\"hash\":\"{hex}\",\"kind\":\"commit\",\"position\":{position},\"recorded_at\":\"{time}\",\"sequenced_at\":\"{time}\",\"stream\":\"INV#{stream:036}\",\"tenant\":\"demo\",\"version\":{version}}}"
    );
    (leaf, commit)
}
