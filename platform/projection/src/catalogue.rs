//! Which projections there are, how each stands to its log, and one of them alone.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::{Clock, StreamId};
use annals_log::{BoxError, StreamHead};
use annals_reads::{Item, ReadError};

use crate::consumer::{Consumer, Finding, Found, Mode};
use crate::difference::{Difference, Folded};
use crate::follower::Follower;
use crate::projection::names;
use crate::projector::Projector;

/// What a projection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// What it keeps.
    pub kind: Kind,
    /// The streams it reads.
    pub stream_type: &'static str,
    /// The revision of its code.
    pub revision: u32,
}

/// What a projection keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One row a stream, which publishes as it advances.
    Row,
    /// Several rows of a stream, or rows that move.
    Rows,
    /// Sums, counts or sets over many streams.
    Totals,
}

/// One projection alone.
pub enum One {
    /// The projector, with no other projection.
    Row(Box<Projector>),
    /// One of several rows or of totals.
    Follower(Arc<Follower>),
}

/// What is stored of each projection, by its name.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Rows; of totals, how many there are.
    pub rows: BTreeMap<String, u64>,
    /// Streams that are parked.
    pub parked: BTreeMap<String, Vec<Parked>>,
}

/// A parked stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: String,
    /// The version that could not be folded.
    pub version: String,
    /// The event that did it, and why.
    pub reason: String,
    /// Since when.
    pub at: String,
}

/// How a projection stands to the streams that were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Streams of its type.
    pub streams: u64,
    /// Streams of which it lacks something or that stand at an older revision, parked ones aside.
    pub behind: u64,
    /// Commits that it lacks of them.
    pub commits: u64,
    /// How old the oldest of their newest commits is: it lags at least so much.
    pub seconds: i64,
    /// Streams that are parked.
    pub parked: u64,
}

/// A consumer, and how it was found to stand.
pub struct Watched<C> {
    consumer: C,
    clock: Arc<dyn Clock>,
    standing: Arc<Mutex<Standing>>,
}

impl Projector {
    /// Its projections, by name.
    pub fn described(&self) -> Vec<Described> {
        let rows = self.projections.iter().map(|(stream_type, projection)| Described {
            name: projection.name(),
            kind: Kind::Row,
            stream_type,
            revision: projection.revision(),
        });
        let mut described: Vec<Described> = rows.chain(self.followers.iter().map(|follower| follower.described())).collect();
        described.sort_by_key(|one| one.name);
        described
    }

    /// The projection of this name alone.
    pub fn only(mut self, name: &str) -> Option<One> {
        if let Some(follower) = self.followers.iter().find(|follower| follower.name() == name) {
            return Some(One::Follower(follower.clone()));
        }
        self.projections.retain(|_, projection| projection.name() == name);
        self.followers.clear();
        (!self.projections.is_empty()).then(|| One::Row(Box::new(self)))
    }

    /// Counts what is stored, and tells what is parked, in one declared maintenance scan of the read models.
    ///
    /// Cost: 0.5 RCU per 4 KB of the whole table.
    pub async fn stored(&self) -> Result<Stored, ReadError> {
        let (mut stored, mut totals, mut after) = (Stored::default(), HashSet::new(), None);
        loop {
            let page = self.deps.reads.scan_page("list_rows", None, after, None).await?;
            page.items.iter().for_each(|item| self.tally(item, &mut stored, &mut totals));
            match page.next {
                None => return Ok(stored),
                next => after = next,
            }
        }
    }

    fn tally(&self, item: &Item, stored: &mut Stored, totals: &mut HashSet<u64>) {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let (Some(pk), Some(sk)) = (text("PK"), text("SK")) else { return };
        let (name, stream) = if let Some((name, _)) = text("owner").and_then(|owner| owner.split_once(' ')) {
            return *stored.rows.entry(name.to_owned()).or_default() += 1;
        } else if let Some((tenant, slot)) = pk.strip_prefix("TOTAL#").and_then(|rest| rest.rsplit_once('#')?.0.split_once('#')) {
            // A total is spread over several items.
            let Some(follower) = self.followers.iter().find(|follower| follower.slot() == slot) else { return };
            if totals.insert(hash(&(tenant, slot, sk))) {
                *stored.rows.entry(follower.name().to_owned()).or_default() += 1;
            }
            return;
        } else if let Some(stream) = pk.strip_prefix("STAMP#") {
            let Some(follower) = self.followers.iter().find(|follower| follower.slot() == sk) else { return };
            (follower.name(), stream)
        } else {
            let projection = pk.parse::<StreamId>().ok().filter(|_| sk == "META").and_then(|stream| self.projection_of(&stream));
            let Some(projection) = projection else { return };
            // A parked stream of which nothing was folded has an item, and no row.
            *stored.rows.entry(projection.name().to_owned()).or_default() += u64::from(item.contains_key(names::TENANT));
            (projection.name(), pk)
        };
        if let Some(parked) = item.get(names::PARKED).and_then(|parked| parked.as_m().ok()) {
            let part = |name: &str| parked.get(name).and_then(|value| value.as_s().or(value.as_n()).ok()).cloned().unwrap_or_default();
            let parked = Parked { stream: stream.to_owned(), version: part("version"), reason: part("reason"), at: part("at") };
            stored.parked.entry(name.to_owned()).or_default().push(parked);
        }
    }
}

impl Follower {
    /// What it is.
    pub fn described(&self) -> Described {
        let kind = if self.has_totals() { Kind::Totals } else { Kind::Rows };
        let projection = self.projection();
        Described { name: projection.name(), kind, stream_type: projection.stream_type(), revision: projection.revision() }
    }

    fn slot(&self) -> String {
        self.projection().slot()
    }
}

impl One {
    /// The first difference between what is stored of a stream and what its log folds to, up to where it is folded. What totals get goes
    /// into `folded`, to be compared when every stream has been met.
    ///
    /// Cost: a strong read of the row or the stamp, a strong Query of the stream, a strong read for each of several rows.
    pub async fn difference(&self, head: &StreamHead, folded: &mut Folded) -> Result<Option<Difference>, BoxError> {
        match self {
            Self::Row(projector) => projector.difference(head).await,
            Self::Follower(follower) => follower.difference(head, folded).await,
        }
    }
}

impl Consumer for One {
    fn name(&self) -> &'static str {
        match self {
            Self::Row(projector) => projector.projections.values().next().map_or("rows", |projection| projection.name()),
            Self::Follower(follower) => follower.name(),
        }
    }

    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        match self {
            Self::Row(projector) => projector.reconcile(heads, mode),
            Self::Follower(follower) => follower.reconcile(heads, mode),
        }
    }

    fn walked(&self) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + '_>> {
        match self {
            Self::Row(projector) => projector.walked(),
            Self::Follower(follower) => follower.walked(),
        }
    }
}

impl<C: Consumer> Watched<C> {
    /// Watches `consumer`; where what it finds can be read afterwards.
    pub fn new(consumer: C, clock: Arc<dyn Clock>) -> (Self, Arc<Mutex<Standing>>) {
        let standing = Arc::new(Mutex::new(Standing::default()));
        (Self { consumer, clock, standing: standing.clone() }, standing)
    }
}

impl<C: Consumer> Consumer for Watched<C> {
    fn name(&self) -> &'static str {
        self.consumer.name()
    }

    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move {
            let found = self.consumer.reconcile(heads, mode).await;
            let now = self.clock.now();
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            for (head, found) in heads.iter().zip(&found) {
                standing.streams += u64::from(!matches!(found, Found::NotRead | Found::Failed { .. }));
                match found {
                    Found::Lacks { commits } => {
                        standing.behind += 1;
                        standing.commits += commits;
                        let age = head.recorded_at.map_or(0, |at| now.since(at).num_seconds());
                        standing.seconds = standing.seconds.max(age);
                    }
                    Found::Parked { .. } => standing.parked += 1,
                    _ => {}
                }
            }
            found
        })
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
