//! The streams of one aggregate: folds them, and carries commands out on them. How one command gets through is in [`crate::attempt`].

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use annals_kit::{Aggregate, Command, StreamId, Version};
use annals_planted::{Bug, planted};
use annals_reads::Item;
use lru::LruCache;

use crate::attempt::{Attempt, Step};
use crate::commit::Commit;
use crate::fold::Folded;
use crate::log::Log;
use crate::request::{ExecuteError, Expect, LoadError, Outcome, Request};

/// The streams of one aggregate type in one log.
pub struct Streams<A: Aggregate> {
    pub(crate) log: Log,
    warm: Mutex<LruCache<StreamId, Folded<A>>>,
    /// How many commits a load asks for first: few while a snapshot is among them, more once there was none.
    first_page: AtomicUsize,
}

/// How many folded states are kept warm: some megabytes at usual sizes.
const WARM_STREAMS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// What a load asks for first where snapshots have no room in the commits: most such streams whole, of commits of half a kilobyte for 1 RCU.
const PAGE_WITHOUT_SNAPSHOT: usize = 8;
/// A state that remembers more commands than this many bytes is not kept warm: some 12,000 a day.
const WARM_WEIGHT: usize = 192 * 1024;

impl<A: Aggregate> Streams<A> {
    /// The streams of `A` in `log`; nothing is warm yet.
    pub fn new(log: Log) -> Self {
        // Empty, it takes no memory: most have a handful of streams.
        let mut warm = LruCache::unbounded();
        warm.resize(WARM_STREAMS);
        let first_page = AtomicUsize::new(log.config.free_snapshot_every.max(1));
        Self { log, warm: Mutex::new(warm), first_page }
    }

    /// The log below.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Folds a stream by strongly consistent reads, newest first, back to a snapshot.
    ///
    /// Cost: 1 Query of at most 2 commits with the usual settings, ceil(bytes / 4 KB) RCU. A second one, up to 33 commits, where the last
    /// kilobytes of the commits have no room for the state; from then on the first one is of 8. More, each twice as long, only where a
    /// snapshot is large (the commits since are fewer bytes than it has), missing (it did not fit) or of another fold revision.
    pub async fn load(&self, stream: &StreamId) -> Result<Folded<A>, LoadError> {
        let mut newest_first = Vec::new();
        let (mut after, mut limit) = (None, self.first_page.load(Ordering::Relaxed));
        let mut folded = loop {
            let page = self.log.newest_first(stream, limit, after).await?;
            let snapshot = page.items.iter().enumerate().find_map(|(place, item)| Some((place, Folded::from_snapshot(item)?)));
            if let Some((place, folded)) = snapshot {
                newest_first.extend(page.items.into_iter().take(place));
                break folded;
            }
            let reached_first = page.items.last().is_some_and(is_first);
            newest_first.extend(page.items);
            match page.next {
                Some(next) if !reached_first && !planted(Bug::UnpaginatedLoad) => after = Some(next),
                _ => break Folded::default(),
            }
            self.first_page.fetch_max(PAGE_WITHOUT_SNAPSHOT, Ordering::Relaxed);
            // To where a snapshot is unless it is large; then twice as many each time: few calls, and at most as much too much as was needed.
            let usual = self.log.config.snapshot_after_commits + 1;
            limit = usual.checked_sub(newest_first.len()).filter(|rest| *rest > 0).unwrap_or(limit.max(usual).saturating_mul(2));
        };
        folded.apply_all(newest_first.iter().rev())?;
        Ok(folded)
    }

    /// Carries `command` out on `stream`, once.
    ///
    /// Cost: 1 call and ceil(bytes / 1 KB) WCU for the commit, when warm or [`Expect::New`]; cold, one [`Streams::load`] before it. A
    /// repeated command costs one GetItem more (and, where [`Expect::New`] was wrong, the refused insert and a load), a refusal or a lost
    /// race one Query of the tail.
    ///
    /// Errors: see [`ExecuteError`]; safe to repeat with the same command id.
    pub async fn execute<C>(
        &self,
        request: &Request,
        stream: &StreamId,
        expect: Expect,
        command: &C,
    ) -> Result<Outcome<A::Event>, ExecuteError<C::Refusal>>
    where
        C: Command<Aggregate = A>,
    {
        let mut attempt = Attempt::new(self, request, stream);
        let mut basis = attempt.begin(expect).await?;
        loop {
            if let Some(head) = &basis.folded.head
                && head.tenant != request.tenant
            {
                return Err(ExecuteError::NotFound);
            }
            if let Some(outcome) = attempt.repeated(&basis).await? {
                return Ok(outcome);
            }
            let now = self.log.clock.now();
            let at = basis.folded.head.as_ref().map_or(now, |head| now.max(head.recorded_at));
            match command.decide(&basis.folded.state, at) {
                // Only the newest state may say no, or "already so".
                Err(_) if !basis.fresh && !planted(Bug::WarmStateRefuses) => basis = attempt.catch_up(basis).await?,
                Err(refusal) => return Err(ExecuteError::Refused(refusal)),
                Ok(events) if events.is_empty() && !basis.fresh => basis = attempt.catch_up(basis).await?,
                Ok(events) if events.is_empty() => return Ok(Outcome::Unchanged { version: basis.folded.version() }),
                Ok(events) => match attempt.append(basis, at, events).await? {
                    Step::Done(outcome) => return Ok(outcome),
                    Step::Again(next) => basis = next,
                },
            }
        }
    }

    /// The state kept from the last command on this stream, if it still is.
    pub(crate) fn warm(&self, stream: &StreamId) -> Option<Folded<A>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    /// Keeps a state for the next command, unless a newer one is kept already or it is large.
    pub(crate) fn keep(&self, stream: &StreamId, folded: Folded<A>) {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        let newer_is_kept = warm.peek(stream).is_some_and(|kept| kept.version() > folded.version());
        if newer_is_kept {
            return;
        }
        match folded.seen.weight() <= WARM_WEIGHT {
            true => drop(warm.put(stream.clone(), folded)),
            // An older state left behind would be tried, and lose, at every command.
            false => drop(warm.pop(stream)),
        }
    }
}

/// Whether the item is its stream's first commit. One that cannot be read is not: what came before it may say more.
fn is_first(item: &Item) -> bool {
    Commit::from_item(item).is_ok_and(|commit| commit.version == Version::FIRST)
}
