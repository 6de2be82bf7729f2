//! What the log feeds, as the reconciler sees it: projections with their rows and the bus, and whatever else is derived from the log.

use std::pin::Pin;
use std::sync::Arc;

use annals_kit::{StreamId, Version};
use annals_log::StreamHead;
use serde::{Deserialize, Serialize};

/// A future that can be kept.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Vec<Found>> + Send + 'a>>;

/// Takes commits from the log, and can be told by which streams it may lack some.
pub trait Consumer: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Compares what it has of each stream with the stream's head and, where the mode says so, takes what it lacks from the log; one
    /// finding each, in their order. Safe to repeat, and beside its usual feeding.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a>;
}

impl<C: Consumer> Consumer for Arc<C> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        (**self).reconcile(heads, mode)
    }
}

/// What to do about what is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only say so.
    Look,
    /// Feed it.
    Mend,
}

/// How a consumer stands to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It does not read streams of this type.
    NotRead,
    /// It has every commit.
    Complete,
    /// It lacked this many commits, or its row was of an older revision (0), and has been given them.
    Mended {
        /// How many.
        commits: u64,
    },
    /// It lacks this many commits, or its row is of an older revision (0).
    Lacks {
        /// How many.
        commits: u64,
    },
    /// It cannot read this version and waits there; a person decides.
    Parked {
        /// The version.
        version: u64,
    },
    /// It could not be compared or fed now.
    Failed {
        /// Why.
        reason: String,
    },
}

/// How many streams stand how; what is worth a name has one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Commits of the log that were met.
    pub commits: u64,
    /// Streams that were met.
    pub streams: u64,
    /// Streams of which a consumer lacked something, whatever became of it.
    pub lacking: u64,
    /// The commits that were lacking, as far as they are known.
    pub lacking_commits: u64,
    /// Streams that have been mended.
    pub mended: u64,
    /// Streams that are parked.
    pub parked: u64,
    /// The first streams that lacked something or are parked.
    pub named: Vec<Named>,
}

/// A stream that stands badly, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The stream.
    pub stream: String,
    /// Who lacked something.
    pub consumer: String,
    /// How it stands.
    pub found: String,
}

/// How many streams a tally names.
const MOST_NAMED: usize = 20;

impl Tally {
    /// Counts one consumer's finding.
    pub(crate) fn note(&mut self, consumer: &str, head: &StreamHead, found: &Found) {
        let said = match found {
            Found::NotRead | Found::Complete | Found::Failed { .. } => return,
            Found::Mended { commits } => {
                self.lacking += 1;
                self.lacking_commits += commits;
                self.mended += 1;
                format!("lacked {commits} commits up to version {}, has them now", head.version)
            }
            Found::Lacks { commits } => {
                self.lacking += 1;
                self.lacking_commits += commits;
                format!("lacks {commits} commits up to version {}", head.version)
            }
            Found::Parked { version } => {
                self.parked += 1;
                format!("parked at version {version}")
            }
        };
        self.name(&head.stream, consumer, said);
    }

    fn name(&mut self, stream: &StreamId, consumer: &str, found: String) {
        if self.named.len() < MOST_NAMED {
            self.named.push(Named { stream: stream.to_string(), consumer: consumer.to_owned(), found });
        }
    }

    /// Adds another part's counts.
    pub(crate) fn add(&mut self, other: Self) {
        self.commits += other.commits;
        self.streams += other.streams;
        self.lacking += other.lacking;
        self.lacking_commits += other.lacking_commits;
        self.mended += other.mended;
        self.parked += other.parked;
        self.named.extend(other.named);
        self.named.truncate(MOST_NAMED);
    }
}

/// The versions above `version` up to `head`.
pub(crate) fn lacking(version: u64, head: Version) -> u64 {
    head.get().saturating_sub(version)
}
