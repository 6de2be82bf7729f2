//! What does not hold, and which check found it.
//!
//! | check | what it found |
//! |---|---|
//! | `proof-format` | a proof's file is not of its form |
//! | `checkpoint-signature` | the checkpoint is not signed by the key, or is of another ledger |
//! | `inclusion` | the tree of the checkpoint does not have this leaf at this position |
//! | `extension` | the later tree does not begin with the earlier one |
//! | `leaf-format` | an entry is not a ledger's leaf |
//! | `order` | positions or times do not follow each other |
//! | `population` | an entry is missing, is there twice, or is too many |
//! | `commit-format` | a commit is not one |
//! | `commit-hash` | a commit is not what was sequenced |
//! | `commit-fields` | a leaf says of its commit what the commit does not say of itself |
//! | `chain` | a commit does not name the hash of the one before it in its stream |
//! | `root` | the entries do not give the signed root |

use std::fmt;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// What is wrong, and where.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is shown may come from a file that someone prepared.
        let what: String = self.what.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        write!(f, "[{}] {what}", self.check)
    }
}

impl std::error::Error for Finding {}
