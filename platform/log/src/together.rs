//! Commands on several streams of one log: all their commits, or none. Only where a rule spans streams, such as "an address has one owner":
//! a transaction costs twice what its inserts cost.
//!
//! Every stream is loaded strongly, every command decided on its newest state, and the commits inserted in one transaction. One version that
//! is taken: load all, decide all again. No answer: our command id in any of the streams says that it is in all of them.

use std::pin::Pin;
use std::time::Duration;

use annals_kit::{Aggregate, Command, CommandId, StreamId, Timestamp};
use annals_reads::{Item, ReadError};

use crate::attempt::{Attempt, jitter};
use crate::commit::Commit;
use crate::fold::{FoldError, Folded};
use crate::insert::{Inserted, insert_all};
use crate::log::{BoxError, Log};
use crate::request::{ExecuteError, LoadError, Request};
use crate::streams::Streams;

/// A part on its way.
pub type Loading<'a, T, R> = Pin<Box<dyn Future<Output = Result<T, ExecuteError<R>>> + Send + 'a>>;

/// What became of a command on several streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// Every commit is in the log.
    Committed,
    /// An earlier call with this command id wrote them.
    Repeated,
    /// It is already so everywhere; nothing was written.
    Unchanged,
}

/// One stream's part in a command on several, without its types.
pub trait Part<R: Send + 'static>: Send {
    /// Loads the stream; whether the command is in it already.
    fn load(&mut self) -> Loading<'_, bool, R>;
    /// The next commit's item, by the newest state; `None` where nothing changes.
    fn decide(&mut self) -> Result<Option<Item>, ExecuteError<R>>;
    /// The commit is in the log.
    fn written(&mut self);
}

/// A command on one of the streams.
pub struct Joint<'a, A: Aggregate, C> {
    streams: &'a Streams<A>,
    request: Request,
    stream: StreamId,
    command: C,
    folded: Folded<A>,
    after: Option<Folded<A>>,
}

impl<'a, A: Aggregate, C: Command<Aggregate = A>> Joint<'a, A, C> {
    /// `command` on `stream`, as `request` asks. The parts of one command have one command id; tenants and seals are each stream's own.
    pub fn new(streams: &'a Streams<A>, request: Request, stream: StreamId, command: C) -> Self {
        Self { streams, request, stream, command, folded: Folded::default(), after: None }
    }

    async fn find<R>(&mut self) -> Result<bool, ExecuteError<R>> {
        self.folded = self.streams.load(&self.stream).await.map_err(unread)?;
        for version in self.folded.candidates(self.request.command) {
            let item = self.streams.log.commit(&self.stream, version).await.map_err(|error| unread(error.into()))?;
            let item = item.ok_or_else(|| FoldError::Gap { stream: self.stream.clone(), missing: version })?;
            let commit = Commit::from_item(&item).map_err(FoldError::from)?;
            if commit.command == self.request.command {
                let same = commit.request == self.request.hash;
                return if same { Ok(true) } else { Err(ExecuteError::IdReused { command: commit.command }) };
            }
        }
        Ok(false)
    }
}

impl<A, C, R> Part<R> for Joint<'_, A, C>
where
    A: Aggregate,
    C: Command<Aggregate = A, Refusal: Into<R>> + Send + Sync,
    R: Send + 'static,
{
    fn load(&mut self) -> Loading<'_, bool, R> {
        Box::pin(self.find())
    }

    fn decide(&mut self) -> Result<Option<Item>, ExecuteError<R>> {
        let head = self.folded.head.as_ref();
        if head.is_some_and(|head| head.tenant != self.request.tenant) {
            return Err(ExecuteError::NotFound);
        }
        let now = self.streams.log.clock.now();
        let at: Timestamp = head.map_or(now, |head| now.max(head.recorded_at));
        let events = self.command.decide(&self.folded.state, at).map_err(|refusal| ExecuteError::Refused(refusal.into()))?;
        if events.is_empty() {
            self.after = None;
            return Ok(None);
        }
        let attempt = Attempt::new(self.streams, &self.request, &self.stream);
        let commit = attempt.sealed_commit(&self.folded, at, &events);
        let (item, after) = attempt.item(&self.folded, &commit)?;
        self.after = Some(after);
        Ok(Some(item))
    }

    fn written(&mut self) {
        if let Some(after) = self.after.take() {
            self.streams.keep(&self.stream, after);
        }
    }
}

/// Carries out a command, of this id in each part's request, whose parts are on several streams of `log`: all of them or none.
///
/// Cost: a strong load of each stream, then 1 call, twice ceil(bytes / 1 KB) WCU for each commit.
///
/// Errors: see [`ExecuteError`]; safe to repeat with the same command id.
pub async fn execute_together<R: Send + 'static>(
    log: &Log,
    command: CommandId,
    parts: &mut [&mut dyn Part<R>],
) -> Result<Together, ExecuteError<R>> {
    let mut tries = Tries { log, command, tries: 0, in_doubt: None };
    loop {
        let Some(repeated) = tries.load(parts).await? else { continue };
        if repeated {
            return Ok(Together::Repeated);
        }
        let mut items = vec![];
        for part in parts.iter_mut() {
            items.extend(part.decide().map_err(|error| tries.certain(error))?);
        }
        if items.is_empty() {
            return Ok(Together::Unchanged);
        }
        match insert_all(log.client(), &log.config.table, items, log.ids.uuid()).await {
            Inserted::Written => {
                parts.iter_mut().for_each(|part| part.written());
                return Ok(Together::Committed);
            }
            Inserted::Taken => tries.pause("a version was taken".into()).await?,
            Inserted::Throttled(reason) => tries.pause(reason).await?,
            Inserted::NoAnswer(reason) => {
                tries.in_doubt = Some(reason);
                tries.pause("no answer to the transaction".into()).await?;
            }
            Inserted::Refused(source) => return Err(tries.certain(ExecuteError::Failed { source })),
        }
    }
}

/// How often a command was tried, and whether an attempt may have been written unseen.
struct Tries<'a> {
    log: &'a Log,
    command: CommandId,
    tries: u32,
    in_doubt: Option<BoxError>,
}

impl Tries<'_> {
    /// Loads every part; whether the command is in the log. `None` where reads are to be tried again.
    async fn load<R: Send + 'static>(&mut self, parts: &mut [&mut dyn Part<R>]) -> Result<Option<bool>, ExecuteError<R>> {
        let mut repeated = false;
        for part in parts.iter_mut() {
            match part.load().await {
                Ok(found) => repeated |= found,
                Err(ExecuteError::Busy { source }) => {
                    self.pause(source).await?;
                    return Ok(None);
                }
                Err(error) => return Err(self.certain(error)),
            }
        }
        Ok(Some(repeated))
    }

    async fn pause<R>(&mut self, reason: BoxError) -> Result<(), ExecuteError<R>> {
        self.tries += 1;
        if self.tries >= self.log.config.attempts {
            return Err(self.certain(ExecuteError::Busy { source: reason }));
        }
        let wait: Duration = jitter(self.tries, self.log.ids.random());
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// The error to end with: unknown while a transaction is in doubt and the log has not been read whole since.
    fn certain<R>(&mut self, error: ExecuteError<R>) -> ExecuteError<R> {
        match (self.in_doubt.take(), error) {
            // The newest states say no, and the command is in none of them; a write still under way would collide with what made them so.
            (_, refused @ (ExecuteError::Refused(_) | ExecuteError::NotFound | ExecuteError::IdReused { .. })) => refused,
            (Some(source), _) => ExecuteError::Unknown { command: self.command, source },
            (None, error) => error,
        }
    }
}

fn unread<R>(error: LoadError) -> ExecuteError<R> {
    match error {
        LoadError::Read(error @ ReadError::Busy { .. }) => ExecuteError::Busy { source: error.into() },
        LoadError::Read(error) => ExecuteError::Failed { source: error.into() },
        LoadError::Fold(error) => error.into(),
    }
}
