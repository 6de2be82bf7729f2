//! Consumes the queue `send-email`, which the rules of `contract.rs` fill: one email per event, whatever comes twice.
//!
//! Intent, send, done: the intent is a commit that only one sender can make, its lease ends with the function's own deadline. A crash
//! between sending and "done" sends again after the lease under the same effect id: once where the provider honours it (the local
//! outbox does), at least once on SES, which does not.

use annals_bus::Detail;
use annals_kit::ids::derived_uuid;
use annals_kit::{Actor, CommandId, StreamId, Timestamp};
use annals_lambda::{Metric, queue};
use annals_log::{ExecuteError, Expect, Request};
use annals_planted::{Bug, planted};
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{EmailContent, MessageTag, RawMessage};
use chrono::TimeDelta;
use lambda_runtime::{Error, LambdaEvent};
use notifications::email::{EmailGivenUp, EmailSent, Finish, Intend, NoLease};
use notifications::preferences::{Channel, Optional};
use uuid::Uuid;

use crate::addressee::{Addressee, addressee};
use crate::deps::{Deps, SERVICE};
use crate::keep_preferences;
use crate::message::compose;
use crate::occasion::Occasion;

const FUNCTION: &str = "send-email";
/// The tag under which a provider that honours it sends an effect once.
const EFFECT_TAG: &str = "annals-effect";
/// The lease where the host gives no deadline.
const LEASE: TimeDelta = TimeDelta::seconds(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Sends what the messages ask for; those that must come again are named.
pub async fn handle(event: LambdaEvent<SqsEvent>, deps: &Deps) -> Result<SqsBatchResponse, Error> {
    let invocation =
        Invocation { id: event.context.request_id, deadline: i64::try_from(event.context.deadline).ok().filter(|millis| *millis > 0) };
    let taken_in =
        queue::each(&event.payload.records, &*deps.metrics, SERVICE, FUNCTION, |message| Box::pin(send(message, &invocation, deps)));
    Ok(taken_in.await)
}

/// Which run of the function it is.
struct Invocation {
    id: String,
    /// Until when it may run, in milliseconds since 1970, where the host says so.
    deadline: Option<i64>,
}

/// One email on its way.
struct Effect {
    id: Uuid,
    occasion: Occasion,
    detail: Detail,
    /// When the bus had the event.
    on_bus_at: Option<Timestamp>,
}

async fn send(message: &SqsMessage, invocation: &Invocation, deps: &Deps) -> Result<(), BoxError> {
    let Some(effect) = Effect::parse(message)? else { return Ok(()) };
    let to = addressee(&deps.identity, &effect.detail.metadata.tenant, &effect.occasion).await?;
    if to.is_none() && matches!(effect.occasion, Occasion::Welcome(_)) {
        // Who came by an invitation has nothing to confirm, and who was welcomed and has confirmed neither: nothing is intended.
        let reason = "nothing is to be confirmed".into();
        return effect.finish(Finish::GivenUp(EmailGivenUp { notification_id: effect.id, reason }), deps).await;
    }
    let attempt = format!("{}/{}", invocation.id, message.message_id.as_deref().unwrap_or_default());
    if !effect.intend(&attempt, invocation.deadline, deps).await? {
        return Ok(());
    }
    if planted(Bug::DoneBeforeDoing) && to.is_some() {
        let sent = EmailSent { notification_id: effect.id, message_id: "to be sent".into() };
        effect.finish(Finish::Sent(sent), deps).await?;
    }
    let finish = match &to {
        Some(to) if effect.is_wanted(deps).await? => effect.deliver(to, deps).await?,
        Some(_) => effect.given_up("the person has turned it off"),
        None => effect.given_up("identity knows no address"),
    };
    let (ended, sent) = (deps.clock.now(), matches!(finish, Finish::Sent(_)));
    effect.finish(finish, deps).await?;
    if sent {
        deps.metrics.count(SERVICE, Metric::EffectDone, 1, FUNCTION);
        if let Some(at) = effect.on_bus_at {
            deps.metrics.time(SERVICE, Metric::BusToEffect, ended.since(at), FUNCTION);
        }
    } else {
        deps.metrics.count(SERVICE, Metric::EffectGivenUp, 1, FUNCTION);
    }
    Ok(())
}

impl Effect {
    /// The email that a bus event asks for; `None` for a type that asks for none.
    fn parse(message: &SqsMessage) -> Result<Option<Self>, BoxError> {
        let event: EventBridgeEvent<Detail> = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
        let on_bus_at = on_bus_at(event.time.map(Timestamp::new), message);
        let detail = event.detail;
        let Some(occasion) = Occasion::of(&event.detail_type, detail.data.clone().into())? else { return Ok(None) };
        let id = derived_uuid("email", &detail.metadata.tenant, &detail.metadata.event_id.to_string());
        Ok(Some(Self { id, occasion, detail, on_bus_at }))
    }

    /// Takes the lease; `false` where the email is done already. An error where another sender has it.
    async fn intend(&self, attempt: &str, deadline: Option<i64>, deps: &Deps) -> Result<bool, BoxError> {
        let now = deps.clock.now();
        let lease_until = deadline.and_then(|millis| Timestamp::from_micros(millis.checked_mul(1000)?)).unwrap_or_else(|| now.plus(LEASE));
        let command = Intend {
            notification_id: self.id,
            kind: self.occasion.kind(),
            customer_id: self.occasion.whom(),
            about: self.detail.metadata.event_id.clone(),
            lease_until,
        };
        // Each attempt is a command of its own: the lease, not the command id, keeps senders apart. So a commit under this id is ours,
        // whether its answer came at once or was lost and found.
        match deps.emails.execute(&self.request(&format!("intend/{attempt}")), &self.stream(), Expect::New, &command).await {
            Ok(_) => Ok(true),
            Err(ExecuteError::Refused(_)) if planted(Bug::NoConsumerDedup) => Ok(true),
            Err(ExecuteError::Refused(NoLease::Done)) => Ok(false),
            Err(ExecuteError::Refused(held @ NoLease::Held { .. })) => Err(held.into()),
            Err(error) => Err(Box::new(error)),
        }
    }

    /// Whether the person wants it. Customers who are nobody's account have no preferences, nor have emails that keep an account safe.
    ///
    /// Cost: one strong Query for what a person can turn off, so that what they have just turned off is off.
    async fn is_wanted(&self, deps: &Deps) -> Result<bool, BoxError> {
        let kind = self.occasion.kind();
        let Some(user) = Uuid::parse_str(self.occasion.whom().as_str()).ok().filter(|_| Optional::of(kind).is_some()) else {
            return Ok(true);
        };
        let loaded = deps.preferences.load(&keep_preferences::stream(user)).await?;
        let theirs = loaded.head.is_some_and(|head| head.tenant == self.detail.metadata.tenant);
        Ok(!theirs || loaded.state.want(kind, Channel::Email))
    }

    async fn deliver(&self, to: &Addressee, deps: &Deps) -> Result<Finish, BoxError> {
        let from = &deps.settings.from;
        let mail = compose(&self.occasion, to, self.id, from, deps.clock.now().seconds())?;
        let content = EmailContent::builder().raw(RawMessage::builder().data(Blob::new(mail)).build()?).build();
        let tag = MessageTag::builder().name(EFFECT_TAG).value(self.id.to_string()).build()?;
        match deps.ses.send_email().from_email_address(from).content(content).email_tags(tag).send().await {
            Ok(sent) => {
                let message_id = sent.message_id().unwrap_or_default().to_owned();
                tracing::info!(notification = %self.id, message_id, kind = ?self.occasion.kind(), "email sent");
                Ok(Finish::Sent(EmailSent { notification_id: self.id, message_id }))
            }
            // The provider will never take this one; everything else may be better the next time.
            Err(SdkError::ServiceError(refused)) if refused.err().is_message_rejected() => {
                Ok(self.given_up("the provider rejected the message"))
            }
            // The code only: the provider's words may name the recipient.
            Err(error) => Err(format!("the email provider did not take it: {}", error.code().unwrap_or("no answer")).into()),
        }
    }

    fn given_up(&self, reason: &str) -> Finish {
        tracing::warn!(notification = %self.id, reason, "email given up");
        Finish::GivenUp(EmailGivenUp { notification_id: self.id, reason: reason.into() })
    }

    async fn finish(&self, finish: Finish, deps: &Deps) -> Result<(), BoxError> {
        deps.emails.execute(&self.request("finish"), &self.stream(), Expect::Existing, &finish).await?;
        Ok(())
    }

    fn stream(&self) -> StreamId {
        StreamId::of("NOTE", self.id)
    }

    fn request(&self, purpose: &str) -> Request {
        let metadata = &self.detail.metadata;
        let command = CommandId::derived(&metadata.tenant, &format!("{purpose}/{}", metadata.event_id));
        let request = Request::new(&metadata.tenant, actor(), command, purpose.as_bytes());
        request.because_of(metadata.event_id.clone(), metadata.correlation_id)
    }
}

/// When the bus had the event: `time` without its fraction of a second, or when it was put into the queue if that was within that second.
fn on_bus_at(time: Option<Timestamp>, message: &SqsMessage) -> Option<Timestamp> {
    let sent =
        message.attributes.get("SentTimestamp").and_then(|millis| Timestamp::from_micros(millis.parse::<i64>().ok()?.checked_mul(1000)?));
    sent.filter(|sent| time.is_some_and(|time| sent.seconds() == time.seconds())).or(time)
}

fn actor() -> Actor {
    FUNCTION.parse().expect("the names of our own actors are tokens")
}
