//! A signed tree head (C2SP tlog-checkpoint in a signed-note, Ed25519), and the key that checks it.

use signed_note::{Note, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

/// What a checkpoint says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// What checks a ledger's checkpoints.
#[derive(Clone)]
pub struct VerifierKey {
    text: String,
    verifier: StandardVerifier,
}

/// The text is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an Ed25519 key in signed-note form, <origin>+<id>+<key>")]
pub struct NotAKey;

/// The bytes are not a checkpoint that this key has signed for its origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotACheckpoint(String);

impl VerifierKey {
    /// The key in this text, `<origin>+<id>+<key>`.
    pub fn from_text(text: &str) -> Result<Self, NotAKey> {
        let verifier = StandardVerifier::new(text.trim()).map_err(|_| NotAKey)?;
        Ok(Self { text: text.trim().to_owned(), verifier })
    }

    /// The text, which anyone may have.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The ledger whose checkpoints it checks.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// What a checkpoint says, if this key has signed it for its origin.
    pub fn open(&self, bytes: &[u8]) -> Result<TreeHead, NotACheckpoint> {
        let note = Note::from_bytes(bytes).map_err(|error| NotACheckpoint(format!("is not a signed note: {error}")))?;
        let known = VerifierList::new(vec![Box::new(self.verifier.clone())]);
        note.verify(&known).map_err(|error| NotACheckpoint(format!("has no valid signature of {}: {error}", self.text)))?;
        let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|error| NotACheckpoint(error.to_string()))?;
        if checkpoint.origin() != self.origin() {
            return Err(NotACheckpoint(format!("is of another ledger than {}", self.origin())));
        }
        Ok(TreeHead { size: checkpoint.size(), root: *checkpoint.hash() })
    }
}
