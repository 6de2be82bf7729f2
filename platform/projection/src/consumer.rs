//! What the log feeds, as the reconciler sees it: projections with their rows and the bus, and the ledger.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use annals_kit::{StreamId, Timestamp, Version};
use annals_log::{BoxError, StreamHead};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A commit this young may still be on its way through the stream.
const YOUNG: TimeDelta = TimeDelta::seconds(60);
/// How long a consumer gives a young commit to arrive by itself, before it says that it lacks it.
pub const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// A future that can be kept.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Vec<Found>> + Send + 'a>>;

/// Takes commits from the log, and can be told by which streams it may lack some.
pub trait Consumer: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Compares what it has of each stream with the stream's head and, where the mode says so, takes what it lacks from the log; one
    /// finding each, in their order. Safe to repeat, and beside its usual feeding.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a>;

    /// A walk over the whole log has ended, and this consumer has everything that it met.
    fn walked(&self) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }
}

impl<C: Consumer> Consumer for Arc<C> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        (**self).reconcile(heads, mode)
    }

    fn walked(&self) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        (**self).walked()
    }
}

/// What to do about what is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only say so.
    Look,
    /// Feed it, once what is on its way has had its time.
    Mend,
    /// Feed it at once, from the commits that the walk reads on its way: nearly every stream lacks something.
    Rebuild,
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
    /// What each consumer lacked, by its name; one that has everything is not among them.
    pub consumers: BTreeMap<String, Lacked>,
    /// The first streams that lacked something or are parked.
    pub named: Vec<Named>,
}

/// What one consumer lacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacked {
    /// Streams of which it lacked something, whatever became of it.
    pub streams: u64,
    /// The commits that it lacked, as far as they are known.
    pub commits: u64,
    /// Streams that have been mended.
    pub mended: u64,
    /// Streams that are parked.
    pub parked: u64,
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

impl Lacked {
    fn add(&mut self, other: Self) {
        self.streams += other.streams;
        self.commits += other.commits;
        self.mended += other.mended;
        self.parked += other.parked;
    }
}

impl Tally {
    /// What this consumer lacked.
    pub fn of(&self, consumer: &str) -> Lacked {
        self.consumers.get(consumer).copied().unwrap_or_default()
    }

    /// What all consumers lacked, together: a stream counts for each that lacked something of it.
    pub fn all(&self) -> Lacked {
        let mut all = Lacked::default();
        self.consumers.values().for_each(|lacked| all.add(*lacked));
        all
    }

    /// Counts one consumer's finding.
    pub(crate) fn note(&mut self, consumer: &str, head: &StreamHead, found: &Found) {
        let (lacked, said) = match found {
            Found::NotRead | Found::Complete | Found::Failed { .. } => return,
            Found::Mended { commits } => (
                Lacked { streams: 1, commits: *commits, mended: 1, parked: 0 },
                format!("lacked {commits} commits up to version {}, has them now", head.version),
            ),
            Found::Lacks { commits } => (
                Lacked { streams: 1, commits: *commits, ..Lacked::default() },
                format!("lacks {commits} commits up to version {}", head.version),
            ),
            Found::Parked { version } => (Lacked { parked: 1, ..Lacked::default() }, format!("parked at version {version}")),
        };
        self.consumers.entry(consumer.to_owned()).or_default().add(lacked);
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
        for (consumer, lacked) in other.consumers {
            self.consumers.entry(consumer).or_default().add(lacked);
        }
        self.named.extend(other.named);
        self.named.truncate(MOST_NAMED);
    }
}

/// Whether the stream may be about to bring a stream's newest commit by itself.
pub fn is_young(head: &StreamHead, now: Timestamp) -> bool {
    head.recorded_at.is_some_and(|at| now.since(at) < YOUNG)
}

/// The versions above `version` up to `head`.
pub(crate) fn lacking(version: u64, head: Version) -> u64 {
    head.get().saturating_sub(version)
}
