//! Checks one stream as it is stored: versions without gaps, times that do not go back, hashes that chain.
//!
//! The newest commit's own content has no successor to vouch for it; the ledger does.

use std::fmt;

use annals_kit::{StreamId, Timestamp, Version};
use annals_reads::Item;

use crate::commit::{Commit, CommitHash};
use crate::log::key_text;

/// Walks a stream's items, oldest first.
#[derive(Debug)]
pub struct Chain {
    stream: StreamId,
    last: Option<Link>,
}

#[derive(Debug)]
struct Link {
    version: Version,
    recorded_at: Timestamp,
    hash: CommitHash,
}

/// The first thing wrong with a stream, and the key of the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The stream.
    pub stream: StreamId,
    /// The key of the bad item, as `PK=… SK=…`.
    pub item: String,
    /// What is wrong with it.
    pub reason: String,
    /// The last version that verifies; `None` if the first does not.
    pub good_until: Option<Version>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.item, self.reason)?;
        match self.good_until {
            Some(version) => write!(f, "; 1-{version} verify"),
            None => Ok(()),
        }
    }
}

impl Chain {
    /// Before the first item of `stream`.
    pub fn new(stream: StreamId) -> Self {
        Self { stream, last: None }
    }

    /// The last version that was found good.
    pub fn good_until(&self) -> Option<Version> {
        self.last.as_ref().map(|link| link.version)
    }

    /// Checks the next item.
    pub fn check(&mut self, item: &Item) -> Result<(), Broken> {
        let expected = Version::after(self.good_until());
        let commit = Commit::from_item(item).map_err(|error| self.broken(expected, error.reason))?;
        if commit.stream != self.stream || commit.version != expected {
            return Err(self.broken(expected, format!("missing; the next item is {}", key_text(&commit.stream, commit.version))));
        }
        let hash = CommitHash::of(item).map_err(|error| self.broken(expected, error.to_string()))?;
        if let Some(last) = &self.last {
            if commit.previous != Some(last.hash) {
                let recorded = commit.previous.map_or("nothing".to_owned(), |hash| hash.to_string());
                // The link names the item before: its content is what the hash no longer fits.
                return Err(self.broken(last.version, format!("has hash {}, recorded in version {expected} as {recorded}", last.hash)));
            }
            if commit.recorded_at < last.recorded_at {
                return Err(self.broken(
                    expected,
                    format!("recorded at {}, before version {} at {}", commit.recorded_at, last.version, last.recorded_at),
                ));
            }
        }
        self.last = Some(Link { version: commit.version, recorded_at: commit.recorded_at, hash });
        Ok(())
    }

    fn broken(&self, version: Version, reason: String) -> Broken {
        let good_until = Version::new(version.get() - 1);
        Broken { stream: self.stream.clone(), item: key_text(&self.stream, version), reason, good_until }
    }
}
