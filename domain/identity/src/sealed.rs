//! Personal text in states and rows: sealed, with the place that it was sealed for.

use annals_kit::Recorded;
use serde::{Deserialize, Serialize};

/// Text that was sealed, and where: opened with the person's key for the first event of that commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The sealed text.
    pub text: String,
    /// The version of the commit.
    pub version: u64,
}

impl Sealed {
    /// Text that a commit's first event carries.
    pub fn of(text: &str, recorded: Recorded) -> Self {
        Self { text: text.to_owned(), version: recorded.version.get() }
    }
}
