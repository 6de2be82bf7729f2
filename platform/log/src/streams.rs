//! Carries commands out: load, decide, append, and what to do when the answer is lost or the version taken.
//!
//! - Warm: a folded state is kept in memory and the insert decides, at 0 RCU. A warm state may only accept; a refusal, or "it is
//!   already so", is answered only after a strong read of the tail.
//! - Taken, or no answer: a strong read from the expected version. Our command id there: it had succeeded. Newer commits:
//!   decide again. Nothing: insert again under the same version, where a late write of the first attempt can only collide.
//! - What cannot be resolved is reported as unknown, never as failed.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use annals_kit::{Actor, Aggregate, Command, CommandId, EventId, StoredEvent, StreamId, Tenant, Timestamp, Version};
use annals_reads::ReadError;
use lru::LruCache;
use uuid::Uuid;

use crate::commit::{Commit, EncodeError, RequestHash, SNAPSHOT};
use crate::fold::{FoldError, Folded};
use crate::log::{BoxError, Inserted, Log};
use crate::size::{ITEM_LIMIT, item_size};

/// Who asks for what, and because of what: goes into the commit.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose data.
    pub tenant: Tenant,
    /// Who asks.
    pub actor: Actor,
    /// Which attempt of theirs; repeating it does nothing twice.
    pub command: CommandId,
    /// What they ask, to tell a repetition from another request under the same id.
    pub hash: RequestHash,
    /// What it belongs to across services; the command id where nothing came before.
    pub correlation: Uuid,
    /// The event that led to it, where one did.
    pub causation: Option<EventId>,
    /// What seals personal data on its way into the commit, where there is any.
    pub seal: Option<Arc<dyn Seal>>,
}

/// Seals personal data in an event that is about to be stored.
pub trait Seal: std::fmt::Debug + Send + Sync {
    /// Replaces what is personal in `event` by its sealed form, bound to `place`: moved elsewhere, it does not open.
    fn seal(&self, event: &mut StoredEvent, place: &EventId);
}

/// What is known of a stream before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It should not exist yet: the first insert is tried without reading.
    New,
    /// It should exist.
    Existing,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<E> {
    /// Its events are in the log, by this call or by an earlier one with the same command id.
    Committed {
        /// The commit's version.
        version: Version,
        /// When it was recorded.
        recorded_at: Timestamp,
        /// The ids of its events and the events.
        events: Vec<E>,
        /// Whether an earlier call wrote it.
        repeated: bool,
    },
    /// It is already so; nothing was written.
    Unchanged {
        /// The newest version; `None` where the stream has no commit.
        version: Option<Version>,
    },
}

/// Why a command came to nothing, by what the caller must do.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The domain says no, judged by the newest state; nothing was written.
    #[error("refused")]
    Refused(R),
    /// The stream is another tenant's: answer as if it did not exist.
    #[error("no such stream")]
    NotFound,
    /// The command id was used for another request in the last 24 hours; nothing was written.
    #[error("the command id {command} was used for another request")]
    IdReused {
        /// The id.
        command: CommandId,
    },
    /// The commit would be larger than an item can be; nothing was written.
    #[error("the commit would take {size} bytes, of at most {ITEM_LIMIT}")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// The commit cannot be written in canonical form; nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Every attempt was throttled or lost the race; nothing was written. Try again later with the same command id.
    #[error("the log is busy; nothing was written")]
    Busy {
        /// The last reason.
        source: BoxError,
    },
    /// Perhaps written: ask again with the same command id, and never report "failed".
    #[error("no answer from the log; command {command} may or may not have been carried out")]
    Unknown {
        /// The id to ask again with.
        command: CommandId,
        /// The last reason.
        source: BoxError,
    },
    /// The stream does not fold: `annals verify` tells more. Nothing was written.
    #[error(transparent)]
    Broken(#[from] FoldError),
    /// Anything else, such as a missing permission; nothing was written.
    #[error("the log refused")]
    Failed {
        /// The reason.
        source: BoxError,
    },
}

/// The streams of one aggregate type in one log.
pub struct Streams<A: Aggregate> {
    log: Log,
    warm: Mutex<LruCache<StreamId, Folded<A>>>,
}

/// How many folded states are kept warm: some megabytes at usual sizes.
const WARM_STREAMS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// A state that remembers more commands than this many bytes is not kept warm.
const WARM_WEIGHT: usize = 64 * 1024;

impl<A: Aggregate> Streams<A> {
    /// The streams of `A` in `log`; nothing is warm yet.
    pub fn new(log: Log) -> Self {
        Self { log, warm: Mutex::new(LruCache::new(WARM_STREAMS)) }
    }

    /// The log below.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Folds a stream by strongly consistent reads, newest first, back to a snapshot.
    ///
    /// Cost: 1 Query of at most 33 commits with the usual settings, ceil(bytes / 4 KB) RCU; more pages only where a snapshot is
    /// missing (it did not fit) or of another fold revision.
    pub async fn load(&self, stream: &StreamId) -> Result<Folded<A>, LoadError> {
        let mut newest_first = Vec::new();
        let mut after = None;
        let (mut folded, found) = loop {
            let page = self.log.newest_first(stream, self.log.config.snapshot_after_commits + 1, after).await?;
            let found = page.items.iter().enumerate().find_map(|(i, item)| Some((i, Folded::from_snapshot(item)?)));
            match (found, page.next) {
                (Some((i, folded)), _) => {
                    newest_first.extend(page.items.into_iter().take(i));
                    break (folded, true);
                }
                (None, next) => {
                    let reached_first =
                        page.items.last().is_some_and(|item| Commit::from_item(item).is_ok_and(|commit| commit.version == Version::FIRST));
                    newest_first.extend(page.items);
                    if reached_first || next.is_none() {
                        break (Folded::default(), false);
                    }
                    after = next;
                }
            }
        };
        debug_assert!(found || folded.head.is_none());
        for item in newest_first.iter().rev() {
            folded.apply(item)?;
        }
        Ok(folded)
    }

    /// Carries `command` out on `stream`, once.
    ///
    /// Cost: 1 call and ceil(bytes / 1 KB) WCU for the commit, when warm or [`Expect::New`]; cold, one [`Streams::load`] before it. A
    /// repeated command costs one GetItem more, a refusal or a lost race one Query of the tail.
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
        let mut attempt = Attempt { streams: self, request, stream, tries: 0, in_doubt: None };
        let mut basis = attempt.begin(expect).await?;
        loop {
            if let Some(head) = &basis.folded.head
                && head.tenant != request.tenant
            {
                return Err(ExecuteError::NotFound);
            }
            if let Some(outcome) = attempt.repeated(&basis.folded).await? {
                return Ok(outcome);
            }
            let now = self.log.clock.now();
            let at = basis.folded.head.as_ref().map_or(now, |head| now.max(head.recorded_at));
            match command.decide(&basis.folded.state, at) {
                // Only the newest state may say no, or "already so".
                Err(_) if !basis.fresh => basis = attempt.catch_up(basis).await?,
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

    fn warm(&self, stream: &StreamId) -> Option<Folded<A>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned()
    }

    /// Keeps a state for the next command, unless a newer one is kept already or it is large.
    fn keep(&self, stream: &StreamId, folded: Folded<A>) {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        let newer_is_kept = warm.peek(stream).is_some_and(|kept| kept.version() > folded.version());
        if !newer_is_kept && folded.seen.weight() <= WARM_WEIGHT {
            warm.put(stream.clone(), folded);
        }
    }
}

/// A stream could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The reads failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read does not fold.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// The state a decision is based on, and whether it is known to be the newest.
struct Basis<A> {
    folded: Folded<A>,
    fresh: bool,
}

enum Step<A: Aggregate> {
    Done(Outcome<A::Event>),
    Again(Basis<A>),
}

/// One run of [`Streams::execute`].
struct Attempt<'a, A: Aggregate> {
    streams: &'a Streams<A>,
    request: &'a Request,
    stream: &'a StreamId,
    tries: u32,
    /// The reason, while an insert has had no answer and its version is not known to be another's.
    in_doubt: Option<BoxError>,
}

impl<A: Aggregate> Attempt<'_, A> {
    async fn begin<R>(&mut self, expect: Expect) -> Result<Basis<A>, ExecuteError<R>> {
        match (self.streams.warm(self.stream), expect) {
            (Some(folded), _) => Ok(Basis { folded, fresh: false }),
            (None, Expect::New) => Ok(Basis { folded: Folded::default(), fresh: false }),
            (None, Expect::Existing) => self.load().await,
        }
    }

    /// The newest state, from the log alone.
    async fn load<R>(&mut self) -> Result<Basis<A>, ExecuteError<R>> {
        loop {
            match self.streams.load(self.stream).await {
                Ok(folded) => return Ok(Basis { folded, fresh: true }),
                Err(LoadError::Fold(error)) => return Err(error.into()),
                Err(LoadError::Read(error)) => self.pause_after(error).await?,
            }
        }
    }

    /// The newest state, by reading what came after `basis`; a long tail, or none to start from, is loaded newest first instead.
    async fn catch_up<R>(&mut self, basis: Basis<A>) -> Result<Basis<A>, ExecuteError<R>> {
        let Some(version) = basis.folded.version() else { return self.load().await };
        let mut folded = basis.folded;
        let limit = self.streams.log.config.snapshot_after_commits + 1;
        let page = loop {
            match self.streams.log.from_version(self.stream, version.next(), limit, None).await {
                Ok(page) => break page,
                Err(error) => self.pause_after(error).await?,
            }
        };
        if page.items.len() >= limit {
            return self.load().await;
        }
        for item in &page.items {
            folded.apply(item)?;
        }
        Ok(Basis { folded, fresh: true })
    }

    /// The outcome of an earlier call with this command id, if the last 24 hours had one.
    async fn repeated<R>(&mut self, folded: &Folded<A>) -> Result<Option<Outcome<A::Event>>, ExecuteError<R>> {
        for version in folded.candidates(self.request.command) {
            let item = loop {
                match self.streams.log.commit(self.stream, version).await {
                    Ok(item) => break item,
                    Err(error) => self.pause_after(error).await?,
                }
            };
            let item = item.ok_or_else(|| FoldError::Gap { stream: self.stream.clone(), missing: version })?;
            let commit = Commit::from_item(&item).map_err(FoldError::from)?;
            if commit.command != self.request.command {
                continue;
            }
            if commit.request != self.request.hash {
                return Err(ExecuteError::IdReused { command: commit.command });
            }
            self.streams.keep(self.stream, folded.clone());
            let events = commit.events.iter().map(StoredEvent::decode).collect::<Result<_, _>>();
            let events = events.map_err(|error| unreadable(&commit, error))?;
            return Ok(Some(Outcome::Committed { version, recorded_at: commit.recorded_at, events, repeated: true }));
        }
        Ok(None)
    }

    /// Inserts `events` as the next commit, and finds out what became of it.
    async fn append<R>(&mut self, basis: Basis<A>, at: Timestamp, events: Vec<A::Event>) -> Result<Step<A>, ExecuteError<R>> {
        let mut commit = self.commit(&basis.folded, at, &events);
        if let Some(seal) = &self.request.seal {
            let places: Vec<_> = (0..commit.events.len()).map(|index| commit.event_id(index)).collect();
            commit.events.iter_mut().zip(&places).for_each(|(event, place)| seal.seal(event, place));
        }
        let (item, after) = self.item(&basis.folded, &commit)?;
        match self.streams.log.insert(&item).await {
            Inserted::Written => {
                self.streams.keep(self.stream, after);
                Ok(Step::Done(Outcome::Committed { version: commit.version, recorded_at: at, events, repeated: false }))
            }
            Inserted::Throttled(reason) => {
                self.pause(reason).await?;
                Ok(Step::Again(basis))
            }
            Inserted::Taken => {
                let lost = format!("version {} of {} was taken", commit.version, self.stream);
                let next = self.catch_up(basis).await?;
                // The version is decided: by us, which `repeated` will find, or by another, which ends the doubt.
                self.in_doubt = None;
                self.pause(lost.into()).await?;
                Ok(Step::Again(next))
            }
            Inserted::NoAnswer(reason) => {
                let version = basis.folded.version();
                self.in_doubt = Some(reason);
                let next = self.catch_up(basis).await?;
                if next.folded.version() > version {
                    self.in_doubt = None;
                } else {
                    self.pause("no answer to the insert".into()).await?;
                }
                Ok(Step::Again(next))
            }
            Inserted::Refused(source) => Err(self.give_up(source, |source| ExecuteError::Failed { source })),
        }
    }

    fn commit(&self, folded: &Folded<A>, at: Timestamp, events: &[A::Event]) -> Commit {
        Commit {
            stream: self.stream.clone(),
            version: Version::after(folded.version()),
            generation: self.streams.log.config.generation,
            recorded_at: at,
            tenant: self.request.tenant.clone(),
            actor: self.request.actor.clone(),
            command: self.request.command,
            request: self.request.hash,
            correlation: self.request.correlation,
            causation: self.request.causation.clone(),
            previous: folded.head.as_ref().map(|head| head.hash),
            events: events.iter().map(StoredEvent::encode).collect(),
        }
    }

    /// The item of `commit`, with a snapshot if one is due and fits, and the state after it.
    fn item<R>(&self, folded: &Folded<A>, commit: &Commit) -> Result<(annals_reads::Item, Folded<A>), ExecuteError<R>> {
        let mut item = commit.to_item()?;
        let size = item_size(&item);
        if size > ITEM_LIMIT {
            return Err(ExecuteError::TooLarge { size });
        }
        let mut after = folded.clone();
        after.apply(&item)?;
        let config = &self.streams.log.config;
        if (after.tail.commits > config.snapshot_after_commits || after.tail.bytes > config.snapshot_after_bytes)
            && let Some(snapshot) = after.to_snapshot()
        {
            item.insert(SNAPSHOT.into(), snapshot);
            match item_size(&item) <= ITEM_LIMIT {
                true => after.tail = Default::default(),
                false => drop(item.remove(SNAPSHOT)),
            }
        }
        Ok((item, after))
    }

    async fn pause_after<R>(&mut self, error: ReadError) -> Result<(), ExecuteError<R>> {
        match error {
            ReadError::Busy { .. } => self.pause(error.into()).await,
            // While an insert is in doubt, only the log can end the doubt: ask it again.
            error if self.in_doubt.is_some() => self.pause(error.into()).await,
            other => Err(self.give_up(other.into(), |source| ExecuteError::Failed { source })),
        }
    }

    /// Waits before the next try, longer each time and never as long as another caller; gives up after the last.
    async fn pause<R>(&mut self, reason: BoxError) -> Result<(), ExecuteError<R>> {
        self.tries += 1;
        if self.tries >= self.streams.log.config.attempts {
            return Err(self.give_up(reason, |source| ExecuteError::Busy { source }));
        }
        tokio::time::sleep(jitter(self.tries, self.streams.log.ids.random())).await;
        Ok(())
    }

    /// The error to end with: unknown while an insert is in doubt, otherwise what `certain` makes of the reason.
    fn give_up<R>(&mut self, reason: BoxError, certain: impl FnOnce(BoxError) -> ExecuteError<R>) -> ExecuteError<R> {
        match self.in_doubt.take() {
            Some(source) => ExecuteError::Unknown { command: self.request.command, source },
            None => certain(reason),
        }
    }
}

fn unreadable(commit: &Commit, error: annals_kit::Undecodable) -> FoldError {
    crate::commit::DecodeError { key: format!("{} {}", commit.stream, commit.version), reason: error.to_string() }.into()
}

/// Full jitter: evenly between nothing and 10 ms doubled per try, at most 1 s.
fn jitter(tries: u32, random: u64) -> Duration {
    let most = 10_000u64.saturating_mul(1 << tries.min(10)).min(1_000_000);
    Duration::from_micros(random % most)
}
