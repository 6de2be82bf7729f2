//! A caller of billing: asks, asks again under the same command id until it is told something certain, and judges what it is told.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Aggregate, Clock, Command, CommandId, StreamId, Tenant, Version};
use annals_log::{Commit, ExecuteError, Expect, Folded, Outcome, Request, Streams};
use annals_planted::{Bug, planted};

use crate::chance::Draws;
use crate::history::Told;
use crate::services::{Commands, Service};
use crate::world::World;

/// How often a caller asks before it gives up.
const PATIENCE: u32 = 40;

/// A caller.
pub struct Client {
    /// The world.
    pub world: Arc<World>,
    /// What is left to chance in its story.
    pub draws: Draws,
    /// For whom it asks.
    pub tenant: Tenant,
}

/// Where a command goes.
pub struct To<A: Aggregate> {
    /// The streams.
    pub streams: fn(&Commands) -> &Streams<A>,
    /// The stream.
    pub stream: StreamId,
    /// What is known of it.
    pub expect: Expect,
}

impl Client {
    /// Waits up to so many seconds.
    pub async fn think(&mut self, seconds: u64) {
        let millis = 1 + self.draws.below(seconds * 1000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// Asks for `command` under the id that `about` gives; whether it is in the log now, by this or by an earlier call.
    pub async fn ask<A, C>(&mut self, to: To<A>, about: &str, command: C) -> bool
    where
        A: Aggregate,
        C: Command<Aggregate = A, Refusal: Debug + Send> + Clone + Send + Sync + 'static,
    {
        let stream = to.stream.clone();
        let mut id = CommandId::derived(&self.tenant, about);
        let before = self.world.head(Service::Billing, &stream);
        for attempt in 0..PATIENCE {
            let permit = self.world.gate.read().await;
            self.world.history.issue(id, Some(stream.to_string()));
            let request = Request::new(&self.tenant, "caller".parse().expect("it is a token"), id, about.as_bytes());
            let (streams, expect, asked, on) = (to.streams, to.expect, command.clone(), stream.clone());
            let (pick, asked_at) = (self.draws.below(1 << 20), self.world.clock.elapsed());
            let work = move |commands: Arc<Commands>| -> crate::functions::Work<_> {
                Box::pin(async move { streams(&commands).execute(&request, &on, expect, &asked).await })
            };
            let answer = self.world.commands.invoke(&self.world.machine, pick, work).await;
            drop(permit);
            match answer {
                Some(Ok(Outcome::Committed { version, .. })) => {
                    self.world.history.tell(id, Told::Committed(version.get()));
                    return true;
                }
                Some(Ok(Outcome::Unchanged { .. })) => {
                    self.denied(&stream, id, asked_at).await;
                    return false;
                }
                Some(Err(ExecuteError::Refused(refusal))) => {
                    self.denied(&stream, id, asked_at).await;
                    self.judge(&stream, before, &command, &format!("{refusal:?}")).await;
                    return false;
                }
                Some(Err(ExecuteError::Busy { .. })) => {
                    self.world.history.tell(id, Told::Busy);
                    if planted(Bug::LostResponseReissued) {
                        id = CommandId::derived(&self.tenant, &format!("{about}, once more, {attempt}"));
                    }
                }
                // Nobody can fold a stream with a commit that no code knows.
                Some(Err(ExecuteError::Broken(_))) if self.world.is_strange(&stream) => return false,
                Some(Err(ExecuteError::Broken(error))) => {
                    self.world.history.complain(3, format!("{stream} does not fold: {error}"));
                    return false;
                }
                // Unknown, failed, or nobody answers: the same again.
                _ => {}
            }
            self.think(2).await;
        }
        false
    }

    /// The caller is told that its command changes nothing: then it had not been carried out by an earlier call, up to when this one began. Later, a
    /// request that was thought lost may still arrive.
    async fn denied(&self, stream: &StreamId, id: CommandId, asked_at: u64) {
        self.world.history.tell(id, Told::NoChange);
        let commits = self.world.items(Service::Billing, stream).await;
        for commit in commits.iter().filter_map(|item| Commit::from_item(item).ok()).filter(|commit| commit.command == id) {
            let (log, version) = (Service::Billing.log(), commit.version);
            if self.world.network.tables.inserted_at(log, &stream.to_string(), version.get()).is_some_and(|at| at < asked_at) {
                self.world.history.complain(4, format!("{stream}@{version} was there, and its caller was told that nothing changes"));
            }
        }
    }

    /// A refusal must follow from a state that the stream has had since the caller began to ask.
    async fn judge<A, C>(&self, stream: &StreamId, before: u64, command: &C, refusal: &str)
    where
        A: Aggregate,
        C: Command<Aggregate = A>,
    {
        self.world.history.judge();
        let items = self.world.items(Service::Billing, stream).await;
        let (mut folded, mut follows, now) = (Folded::<A>::default(), false, self.world.clock.now());
        for item in std::iter::once(None).chain(items.iter().map(Some)) {
            if item.is_some_and(|item| folded.apply(item).is_err()) {
                return;
            }
            let at = folded.head.as_ref().map_or(now, |head| now.max(head.recorded_at));
            let asked_by_then = folded.version().map_or(0, Version::get) >= before;
            follows |= asked_by_then && command.decide(&folded.state, at).is_err();
        }
        if !follows {
            self.world
                .history
                .complain(1, format!("{stream} refused {refusal}, which follows from none of its states since version {before}"));
        }
    }
}
