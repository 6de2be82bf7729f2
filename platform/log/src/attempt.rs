//! One command's way into the log: load, decide, append, and what to do when the answer is lost or the version taken.
//!
//! - Warm: a folded state is kept in memory and the insert decides, at 0 RCU. A warm state may only accept; a refusal, or "it is
//!   already so", is answered only after a strong read of the tail.
//! - Taken, or no answer: a strong read from the expected version. Our command id there: it had succeeded. Newer commits:
//!   decide again. Nothing: insert again under the same version, where a late write of the first attempt can only collide.
//! - What cannot be resolved is reported as unknown, never as failed.

use std::time::Duration;

use annals_kit::{Aggregate, StoredEvent, StreamId, Timestamp, Version};
use annals_planted::{Bug, planted};
use annals_reads::{Item, ReadError};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::canonical::SNAPSHOT;
use crate::commit::{Commit, DecodeError};
use crate::fold::{FoldError, Folded, Tail};
use crate::insert::Inserted;
use crate::log::BoxError;
use crate::request::{ExecuteError, Expect, LoadError, Outcome, Request};
use crate::size::{ITEM_LIMIT, item_size, write_units};
use crate::streams::Streams;

/// The state a decision is based on, and whether it is known to be the newest.
pub(crate) struct Basis<A> {
    pub(crate) folded: Folded<A>,
    pub(crate) fresh: bool,
}

/// What an append came to: an outcome, or a state to decide again from.
pub(crate) enum Step<A: Aggregate> {
    Done(Outcome<A::Event>),
    Again(Basis<A>),
}

/// One run of [`Streams::execute`].
pub(crate) struct Attempt<'a, A: Aggregate> {
    streams: &'a Streams<A>,
    request: &'a Request,
    stream: &'a StreamId,
    tries: u32,
    /// The reason, while it is not known whether the command is in the log: an insert has had no answer, or a commit that may be ours
    /// has not been read yet.
    in_doubt: Option<BoxError>,
}

impl<'a, A: Aggregate> Attempt<'a, A> {
    pub(crate) fn new(streams: &'a Streams<A>, request: &'a Request, stream: &'a StreamId) -> Self {
        Self { streams, request, stream, tries: 0, in_doubt: None }
    }

    /// What to decide on first: a warm state, nothing for a stream that should be new, or what the log says.
    pub(crate) async fn begin<R>(&mut self, expect: Expect) -> Result<Basis<A>, ExecuteError<R>> {
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
                Err(LoadError::Fold(error)) => return Err(self.broken(error)),
                Err(LoadError::Read(error)) => self.pause_after(error).await?,
            }
        }
    }

    /// The stream does not fold; where the command may be in it, that is the answer.
    fn broken<R>(&mut self, error: FoldError) -> ExecuteError<R> {
        match self.in_doubt.is_some() {
            true => self.give_up(error.into(), |source| ExecuteError::Failed { source }),
            false => error.into(),
        }
    }

    /// The newest state, by reading what came after `basis`; a long tail, or none to start from, is loaded newest first instead.
    pub(crate) async fn catch_up<R>(&mut self, basis: Basis<A>) -> Result<Basis<A>, ExecuteError<R>> {
        let Some(version) = basis.folded.version() else { return self.load().await };
        let mut folded = basis.folded;
        let limit = self.streams.log.config.snapshot_after_commits + 1;
        let page = loop {
            match self.streams.log.from_version(self.stream, version.next(), limit, None).await {
                Ok(page) => break page,
                Err(error) => self.pause_after(error).await?,
            }
        };
        // A page also ends at 1 MB: only one without a successor shows the head.
        if page.next.is_some() || page.items.len() >= limit {
            return self.load().await;
        }
        folded.apply_all(&page.items).map_err(|error| self.broken(error))?;
        Ok(Basis { folded, fresh: true })
    }

    /// The outcome of an earlier call with this command id, if the last 24 hours had one. `None` on a fresh state ends all doubt.
    pub(crate) async fn repeated<R>(&mut self, basis: &Basis<A>) -> Result<Option<Outcome<A::Event>>, ExecuteError<R>> {
        let folded = &basis.folded;
        for version in folded.candidates(self.request.command) {
            self.in_doubt.get_or_insert_with(|| format!("version {version} of {} may be it", self.stream).into());
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
        if basis.fresh {
            self.in_doubt = None;
        }
        Ok(None)
    }

    /// Inserts `events` as the next commit, and finds out what became of it.
    pub(crate) async fn append<R>(&mut self, basis: Basis<A>, at: Timestamp, events: Vec<A::Event>) -> Result<Step<A>, ExecuteError<R>> {
        let commit = self.sealed_commit(&basis.folded, at, &events);
        let (item, after) = self.item(&basis.folded, &commit)?;
        match self.streams.log.insert(item).await {
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
                // Ours already, by an insert whose answer was lost: `repeated` will see, and there is nothing to wait for.
                if next.folded.candidates(self.request.command).is_empty() {
                    self.in_doubt = None;
                    self.pause(lost.into()).await?;
                }
                Ok(Step::Again(next))
            }
            Inserted::NoAnswer(source) if planted(Bug::LostResponseReissued) => Err(ExecuteError::Busy { source }),
            Inserted::NoAnswer(reason) => {
                let version = basis.folded.version();
                self.in_doubt = Some(reason);
                let mut next = self.catch_up(basis).await?;
                if next.folded.version() == version {
                    self.pause("no answer to the insert".into()).await?;
                    // The insert may still be on its way: what was read before the pause does not end the doubt.
                    next.fresh = false;
                }
                Ok(Step::Again(next))
            }
            Inserted::Refused(source) => Err(self.give_up(source, |source| ExecuteError::Failed { source })),
        }
    }

    /// The next commit, with what is personal in it sealed.
    pub(crate) fn sealed_commit(&self, folded: &Folded<A>, at: Timestamp, events: &[A::Event]) -> Commit {
        let mut commit = Commit {
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
        };
        if let Some(seal) = &self.request.seal {
            let places: Vec<_> = (0..commit.events.len()).map(|index| commit.event_id(index)).collect();
            commit.events.iter_mut().zip(&places).for_each(|(event, place)| seal.seal(event, place));
        }
        commit
    }

    /// The item of `commit`, with a snapshot if one is due and fits, and the state after it.
    pub(crate) fn item<R>(&self, folded: &Folded<A>, commit: &Commit) -> Result<(Item, Folded<A>), ExecuteError<R>> {
        let mut item = commit.to_item()?;
        let size = item_size(&item);
        if size > ITEM_LIMIT {
            return Err(ExecuteError::TooLarge { size });
        }
        let mut after = folded.clone();
        after.apply(&item)?;
        if let Some((snapshot, tail)) = self.snapshot(&after, size) {
            item.insert(SNAPSHOT.into(), snapshot);
            after.tail = tail;
        }
        Ok((item, after))
    }

    /// The snapshot that a commit of `size` bytes should carry, `after` being the state after it; what a cold load reads from then on.
    ///
    /// One that costs no write unit comes after a few commits. One that does comes after many, and after no fewer bytes than it has itself:
    /// so snapshots never cost more than the commits, however large the state is (ADR 25).
    fn snapshot(&self, after: &Folded<A>, size: usize) -> Option<(AttributeValue, Tail)> {
        let (config, tail) = (&self.streams.log.config, after.tail);
        let few = tail.commits >= config.free_snapshot_every;
        let many = tail.commits > config.snapshot_after_commits || tail.bytes > config.snapshot_after_bytes;
        let is_free = |snapshot: usize| write_units(size + snapshot) == write_units(size);
        let is_due = |snapshot: usize| (few && is_free(snapshot)) || (many && snapshot <= tail.bytes);
        // A snapshot is about as large as the last one: where that would not do, none is made.
        if !is_due(tail.snapshot) {
            return None;
        }
        let snapshot = after.to_snapshot()?;
        let next = Tail::after(&snapshot);
        (is_due(next.snapshot) && size + next.snapshot <= ITEM_LIMIT).then_some((snapshot, next))
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
    DecodeError { key: format!("{} {}", commit.stream, commit.version), reason: error.to_string() }.into()
}

/// Full jitter: evenly between nothing and 10 ms doubled per try, at most 1 s.
pub(crate) fn jitter(tries: u32, random: u64) -> Duration {
    let most = 10_000u64.saturating_mul(1 << tries.min(10)).min(1_000_000);
    Duration::from_micros(random % most)
}
