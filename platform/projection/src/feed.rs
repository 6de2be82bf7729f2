//! How what derives from the log is compared with its heads, and fed what it lacks: the projector's rows and each follower alike.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;

use annals_kit::{Clock, StreamId};
use annals_lambda::causes;
use annals_log::{BoxError, StreamHead};

use crate::consumer::{Consumer, Finding, Found, Mode, ON_ITS_WAY, is_young, lacking};
use crate::projection::{Stamped, gate_params};
use crate::projector::Projector;
use crate::records::Delivered;

/// Stamps as they were read, by stream.
pub(crate) type Known = HashMap<StreamId, Stamped>;
/// Stamps on their way, one for each stream that was asked for.
pub(crate) type Looking<'a> = Pin<Box<dyn Future<Output = Vec<Result<Stamped, BoxError>>> + Send + 'a>>;
/// Where streams have come to, in their order; `None` of one that could not be brought on.
pub(crate) type Bringing<'a> = Pin<Box<dyn Future<Output = Vec<Option<Stamped>>> + Send + 'a>>;

/// What keeps a stamp of each stream that it reads.
pub(crate) trait Fed: Sync {
    /// The revision at which it folds this stream; `None` where it does not read it.
    fn revision(&self, stream: &StreamId) -> Option<u32>;

    /// The stamps of these streams, as they are; a hundred in a call.
    fn look<'a>(&'a self, streams: Vec<&'a StreamId>, sight: Sight) -> Looking<'a>;

    /// Brings these streams on from what is known of them.
    fn bring<'a>(&'a self, hints: &'a [Delivered], known: Known) -> Bringing<'a>;
}

/// How a stamp is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Eventually consistent, at half the price, and only the stamp of what may be a row.
    Glance,
    /// Strongly consistent, whole.
    Strong,
}

/// Compares and feeds: one finding for each head, in their order.
pub(crate) async fn reconcile(fed: &impl Fed, clock: &dyn Clock, heads: &[StreamHead], mode: Mode) -> Vec<Found> {
    let mut comparing = Comparing { fed, heads, found: vec![Found::NotRead; heads.len()], known: Known::new() };
    let mine = (0..heads.len()).filter(|&i| fed.revision(&heads[i].stream).is_some()).collect();
    // A stale stamp only looks older than it is: what looks complete is.
    let mut behind = comparing.look(mine, Sight::Glance).await;
    if mode == Mode::Rebuild {
        // Streams without a stamp are begun as they are: the guarded write finds out if another has begun them.
        behind.retain(|&i| !comparing.known[&heads[i].stream].item.is_empty());
    }
    comparing.look(behind, Sight::Strong).await;
    if mode != Mode::Rebuild {
        comparing.wait_for_what_is_on_its_way(clock).await;
    }
    if mode != Mode::Look {
        comparing.mend().await;
    }
    comparing.found
}

/// A comparison on its way.
struct Comparing<'a, F> {
    fed: &'a F,
    heads: &'a [StreamHead],
    found: Vec<Found>,
    known: Known,
}

impl<F: Fed> Comparing<'_, F> {
    /// Finds out how the streams at these places stand; the places of those that have not everything.
    async fn look(&mut self, places: Vec<usize>, sight: Sight) -> Vec<usize> {
        let streams = places.iter().map(|&i| &self.heads[i].stream).collect();
        let stamps = self.fed.look(streams, sight).await;
        let mut behind = vec![];
        for (i, stamp) in places.into_iter().zip(stamps) {
            match stamp {
                Ok(stamp) => {
                    self.found[i] = self.standing(i, &stamp);
                    if self.found[i] != Found::Complete {
                        self.known.insert(self.heads[i].stream.clone(), stamp);
                        behind.push(i);
                    }
                }
                Err(error) => self.found[i] = Found::Failed { reason: causes(&*error) },
            }
        }
        behind
    }

    /// A young commit may be about to come by itself.
    async fn wait_for_what_is_on_its_way(&mut self, clock: &dyn Clock) {
        let now = clock.now();
        let young = |i: &usize| matches!(self.found[*i], Found::Lacks { .. }) && is_young(&self.heads[*i], now);
        let young: Vec<usize> = (0..self.heads.len()).filter(young).collect();
        if !young.is_empty() {
            tokio::time::sleep(ON_ITS_WAY).await;
            self.look(young, Sight::Strong).await;
        }
    }

    /// Feeds what is behind. A parked stream is fed too: the code may have learnt to read it since.
    async fn mend(&mut self) {
        let open: Vec<usize> =
            (0..self.heads.len()).filter(|&i| matches!(self.found[i], Found::Lacks { .. } | Found::Parked { .. })).collect();
        let hints: Vec<Delivered> = open.iter().map(|&i| Delivered::hint(&self.heads[i])).collect();
        let came = self.fed.bring(&hints, std::mem::take(&mut self.known)).await;
        for (i, stamp) in open.into_iter().zip(came) {
            let now = stamp.map_or(Found::Lacks { commits: 0 }, |stamp| self.standing(i, &stamp));
            let before = std::mem::replace(&mut self.found[i], Found::NotRead);
            self.found[i] = mended(before, now, &self.heads[i]);
        }
    }

    /// How a stream stands, of which this is the stamp. It may be parked beyond its head; a stamp of a newer revision is another's to feed.
    fn standing(&self, i: usize, stamp: &Stamped) -> Found {
        let head = &self.heads[i];
        let Some(revision) = self.fed.revision(&head.stream) else { return Found::NotRead };
        match stamp.parked {
            _ if stamp.revision > revision || stamp.revision == revision && stamp.version >= head.version.get() => Found::Complete,
            Some(version) => Found::Parked { version },
            None if stamp.revision < revision && stamp.version >= head.version.get() => Found::Lacks { commits: 0 },
            None => Found::Lacks { commits: lacking(stamp.version, head.version) },
        }
    }
}

/// What a stream that lacked something has come to.
fn mended(before: Found, now: Found, head: &StreamHead) -> Found {
    match (now, before) {
        (Found::Complete, Found::Lacks { commits }) => Found::Mended { commits },
        (Found::Complete, Found::Parked { version }) => Found::Mended { commits: lacking(version - 1, head.version) },
        (Found::Lacks { .. }, _) => Found::Failed { reason: "the stamp did not move: the function's log says why".into() },
        (now, _) => now,
    }
}

impl Consumer for Projector {
    fn name(&self) -> &'static str {
        "rows"
    }

    /// Cost a stream: half an RCU where its row is up to date, a hundred in a call. Otherwise 1 RCU for a strong look, and what the
    /// projector's own way costs: a Query of what is lacking, PutEvents, a PutItem.
    fn reconcile<'a>(&'a self, heads: &'a [StreamHead], mode: Mode) -> Finding<'a> {
        Box::pin(async move { reconcile(self, &*self.deps.clock, heads, mode).await })
    }
}

impl Fed for Projector {
    fn revision(&self, stream: &StreamId) -> Option<u32> {
        self.projection_of(stream).map(|projection| projection.revision())
    }

    fn look<'a>(&'a self, streams: Vec<&'a StreamId>, sight: Sight) -> Looking<'a> {
        Box::pin(async move {
            let mut places: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
            for (place, stream) in streams.iter().enumerate() {
                let Some(projection) = self.projection_of(stream) else { continue };
                let pattern = if sight == Sight::Glance { projection.glance() } else { projection.gate() };
                places.entry(pattern).or_default().push(place);
            }
            let mut stamps: Vec<Result<Stamped, BoxError>> = streams.iter().map(|_| Ok(Stamped::default())).collect();
            for (pattern, places) in places {
                let params: Vec<_> = places.iter().map(|&place| gate_params(streams[place])).collect();
                for (place, item) in places.into_iter().zip(self.deps.reads.get_items(pattern, &params).await) {
                    stamps[place] = item.map(|item| Stamped::of(item.unwrap_or_default())).map_err(BoxError::from);
                }
            }
            stamps
        })
    }

    fn bring<'a>(&'a self, hints: &'a [Delivered], known: Known) -> Bringing<'a> {
        Box::pin(self.take_in(hints.iter().collect(), known))
    }
}
