//! One thing to tell somebody, as a message of a queue asks for it: the same id whenever the same event comes again.

use annals_bus::Detail;
use annals_kit::ids::derived_uuid;
use annals_kit::{Actor, Command, CommandId, StreamId, Tenant, Timestamp};
use annals_lambda::{Metric, Metrics};
use annals_log::{ExecuteError, Expect, LoadError, Request, Streams};
use annals_planted::{Bug, planted};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::SqsMessage;
use chrono::TimeDelta;
use lambda_runtime::Context;
use notifications::note::{Channel, Kind, NoLease, Note};
use notifications::preferences::{Optional, Preferences};
use uuid::Uuid;

use crate::deps::SERVICE;
use crate::keep_preferences;
use crate::occasion::Occasion;

/// The name under which a provider that honours it does an effect once.
pub(crate) const EFFECT_TAG: &str = "annals-effect";
/// The lease where the host gives no deadline.
const LEASE: TimeDelta = TimeDelta::seconds(10);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Which run of a function it is.
pub(crate) struct Invocation {
    id: String,
    /// Until when it may run, in milliseconds since 1970, where the host says so.
    deadline: Option<i64>,
}

impl Invocation {
    pub(crate) fn of(context: &Context) -> Self {
        Self { id: context.request_id.clone(), deadline: i64::try_from(context.deadline).ok().filter(|millis| *millis > 0) }
    }

    /// What sets this attempt at a message apart from every other.
    pub(crate) fn attempt(&self, message: &SqsMessage) -> String {
        format!("{}/{}", self.id, message.message_id.as_deref().unwrap_or_default())
    }

    /// Until when an attempt may be under way that begins now.
    pub(crate) fn lease(&self, now: Timestamp) -> Timestamp {
        self.deadline.and_then(|millis| Timestamp::from_micros(millis.checked_mul(1000)?)).unwrap_or_else(|| now.plus(LEASE))
    }
}

/// One thing on its way to somebody.
pub(crate) struct Effect {
    /// The notification.
    pub(crate) id: Uuid,
    pub(crate) occasion: Occasion,
    pub(crate) detail: Detail,
    actor: Actor,
    /// When the bus had the event.
    on_bus_at: Option<Timestamp>,
}

impl Effect {
    /// What the event in a message asks `function` to tell by `channel`; `None` for a type of which nobody is told.
    pub(crate) fn parse(message: &SqsMessage, channel: Channel, function: &str) -> Result<Option<Self>, BoxError> {
        let event: EventBridgeEvent<Detail> = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
        let on_bus_at = on_bus_at(event.time.map(Timestamp::new), message);
        let detail = event.detail;
        let Some(occasion) = Occasion::of(&event.detail_type, detail.data.clone().into())? else { return Ok(None) };
        let name = match channel {
            Channel::Email => "email",
            Channel::Push => "push",
            Channel::Inbox => "inbox",
        };
        let id = derived_uuid(name, &detail.metadata.tenant, &detail.metadata.event_id.to_string());
        let actor = function.parse().expect("the names of our own actors are tokens");
        Ok(Some(Self { id, occasion, detail, actor, on_bus_at }))
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.detail.metadata.tenant
    }

    pub(crate) fn stream(&self) -> StreamId {
        StreamId::of("NOTE", self.id)
    }

    pub(crate) fn request(&self, purpose: &str) -> Request {
        let metadata = &self.detail.metadata;
        let command = CommandId::derived(&metadata.tenant, &format!("{purpose}/{}", metadata.event_id));
        let request = Request::new(&metadata.tenant, self.actor.clone(), command, purpose.as_bytes());
        request.because_of(metadata.event_id.clone(), metadata.correlation_id)
    }

    /// Takes the lease that `command` asks for; `false` where the effect is done already. An error where another sender has it.
    ///
    /// Each attempt is a command of its own: the lease, not the command id, keeps senders apart. So a commit under this id is ours, whether
    /// its answer came at once or was lost and found.
    pub(crate) async fn intend<C>(&self, notes: &Streams<Note>, attempt: &str, command: &C) -> Result<bool, BoxError>
    where
        C: Command<Aggregate = Note, Refusal = NoLease>,
    {
        match notes.execute(&self.request(&format!("intend/{attempt}")), &self.stream(), Expect::New, command).await {
            Ok(_) => Ok(true),
            Err(ExecuteError::Refused(_)) if planted(Bug::NoConsumerDedup) => Ok(true),
            Err(ExecuteError::Refused(NoLease::Done)) => Ok(false),
            Err(ExecuteError::Refused(held @ NoLease::Held { .. })) => Err(held.into()),
            Err(error) => Err(Box::new(error)),
        }
    }

    /// Counts how it ended: done, or given up.
    pub(crate) fn count(&self, metrics: &dyn Metrics, function: &'static str, ended: Timestamp, done: bool) {
        if !done {
            return metrics.count(SERVICE, Metric::EffectGivenUp, 1, function);
        }
        metrics.count(SERVICE, Metric::EffectDone, 1, function);
        if let Some(at) = self.on_bus_at {
            metrics.time(SERVICE, Metric::BusToEffect, ended.since(at), function);
        }
    }
}

/// Whether a person of this tenant wants to be told something by this way. Who is nobody's account has no preferences.
///
/// Cost: one strong Query for what a person can turn off, so that what they have just turned off is off.
pub(crate) async fn is_wanted(
    preferences: &Streams<Preferences>,
    (tenant, user): (&Tenant, Option<Uuid>),
    kind: Kind,
    channel: Channel,
) -> Result<bool, LoadError> {
    let Some(user) = user.filter(|_| Optional::of(kind).is_some()) else { return Ok(true) };
    let loaded = preferences.load(&keep_preferences::stream(user)).await?;
    let theirs = loaded.head.is_some_and(|head| head.tenant == *tenant);
    Ok(!theirs || loaded.state.want(kind, channel))
}

/// When the bus had the event: `time` without its fraction of a second, or when it was put into the queue if that was within that second.
fn on_bus_at(time: Option<Timestamp>, message: &SqsMessage) -> Option<Timestamp> {
    let sent =
        message.attributes.get("SentTimestamp").and_then(|millis| Timestamp::from_micros(millis.parse::<i64>().ok()?.checked_mul(1000)?));
    sent.filter(|sent| time.is_some_and(|time| sent.seconds() == time.seconds())).or(time)
}
