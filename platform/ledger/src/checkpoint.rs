//! Signs checkpoints: a tree's size and root (C2SP tlog-checkpoint, signed-note, Ed25519). What checks them is in `annals-verify`.

use annals_kit::{Generation, Ids};
use annals_verify::checkpoint::{TreeHead, VerifierKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use signed_note::{Note, Signer as _, StandardSigner};
use tlog_tiles::Checkpoint;

/// The algorithm byte of Ed25519 in signed-note keys.
const ED25519: u8 = 1;

/// Names a ledger for ever: `<host>/ledger/<service>/<generation>`. A restore from backup is another ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The ledger of `service` at `host`, a domain of whoever runs it.
    pub fn new(host: &str, service: &str, generation: Generation) -> Self {
        Self(format!("{host}/ledger/{service}/{}", generation.0))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What signs a ledger's checkpoints.
#[derive(Clone)]
pub struct LedgerKey {
    origin: Origin,
    text: String,
    signer: StandardSigner,
}

/// The text is not a key of this ledger.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an Ed25519 key of {0} in signed-note form")]
pub struct NotAKey(String);

/// The checkpoint cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint cannot be signed: {0}")]
pub struct NotSigned(String);

impl LedgerKey {
    /// A new key.
    pub fn generate(origin: Origin, ids: &dyn Ids) -> Self {
        let mut seed = [0; 32];
        seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&ids.random().to_le_bytes()));
        let key = SigningKey::from_bytes(&seed);
        let public = [&[ED25519], key.verifying_key().as_bytes().as_slice()].concat();
        let id = signed_note::key_id(origin.as_str(), &public);
        let text = format!("PRIVATE+KEY+{}+{id:08x}+{}", origin.as_str(), STANDARD.encode([&[ED25519], seed.as_slice()].concat()));
        Self::from_text(origin, &text).expect("a key that is spelt as signed-note says")
    }

    /// The key in this text, `PRIVATE+KEY+<origin>+<id>+<key>`.
    pub fn from_text(origin: Origin, text: &str) -> Result<Self, NotAKey> {
        let signer = StandardSigner::new(text.trim()).ok().filter(|signer| signer.name() == origin.as_str());
        let signer = signer.ok_or_else(|| NotAKey(origin.as_str().to_owned()))?;
        Ok(Self { origin, text: text.trim().to_owned(), signer })
    }

    /// The text: a secret.
    pub fn secret_text(&self) -> &str {
        &self.text
    }

    /// The origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key that checks what this one signs.
    pub fn verifier(&self) -> VerifierKey {
        // Four parts before it; the key itself is base64 and may hold a plus.
        let secret = self.text.splitn(5, '+').nth(4).and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
        let seed: [u8; 32] = secret.get(1..).and_then(|seed| seed.try_into().ok()).expect("from_text has read the key");
        let text = signed_note::new_ed25519_verifier_key(self.origin.as_str(), &SigningKey::from_bytes(&seed).verifying_key());
        VerifierKey::from_text(&text).expect("a key that signed-note has spelt")
    }

    /// The signed checkpoint.
    pub fn sign(&self, head: TreeHead) -> Result<Vec<u8>, NotSigned> {
        let failed = |error: &dyn std::fmt::Display| NotSigned(error.to_string());
        let checkpoint = Checkpoint::new(self.origin.as_str(), head.size, head.root, "").map_err(|error| failed(&error))?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|error| failed(&error))?;
        note.add_sigs(&[&self.signer]).map_err(|error| failed(&error))?;
        Ok(note.to_bytes())
    }
}
