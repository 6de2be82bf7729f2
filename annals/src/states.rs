//! How the streams of every service fold, and what of them is an effect: what `annals-audit` asks of the services' own code.

use annals_audit::domain::{Derived, Deriving, Domain, State};
use annals_contract::delivery::BUS;
use annals_kit::{Aggregate, Event, Recorded, StoredEvent, StreamId, Version};
use annals_lambda::Host;
use annals_log::{BoxError, Commit, StreamHead};
use annals_projection::difference::Folded;
use billing::rows::{InvoiceRow, SubscriptionRow, WebhookRow};
use identity::rows::{ApiKeyRow, ContactRow, InvitationRow, OrganisationRow, UserRow};
use notifications::email::Email;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::logs::LOGS;

/// The state of `stream` before its first commit: its row where its type has one, otherwise its aggregate.
pub fn state(stream: &StreamId) -> Box<dyn State> {
    match stream.stream_type() {
        "SUB" => folding(SubscriptionRow::fold),
        "INV" => folding(InvoiceRow::fold),
        "HOOK" => {
            let id = stream.id().to_owned();
            folding(move |row: Option<WebhookRow>, event: &_, recorded| WebhookRow::fold(&id, row, event, recorded))
        }
        "USER" => folding(UserRow::fold),
        "ORG" => folding(OrganisationRow::fold),
        "INVITE" => folding(InvitationRow::fold),
        "KEY" => folding(ApiKeyRow::fold),
        "CONTACT" => {
            let id = stream.id().to_owned();
            folding(move |row: Option<ContactRow>, event: &_, recorded| ContactRow::fold(&id, row, event, recorded))
        }
        "NOTE" => folding(|mut email: Email, event: &_, recorded| {
            email.evolve(event, recorded);
            email
        }),
        // An access stream has no state: it is what its events last said.
        _ => Box::new(Said(Map::new())),
    }
}

fn folding<E, S>(step: impl Fn(S, &E, Recorded) -> S + Send + 'static) -> Box<dyn State>
where
    E: Event + 'static,
    S: Default + Serialize + Send + 'static,
{
    Box::new(Folding { state: S::default(), step: Box::new(step) })
}

type Step<E, S> = Box<dyn Fn(S, &E, Recorded) -> S + Send>;

/// A stream whose events are known.
struct Folding<E, S> {
    state: S,
    step: Step<E, S>,
}

impl<E: Event, S: Default + Serialize + Send> State for Folding<E, S> {
    fn apply(&mut self, commit: &Commit) -> Result<(), BoxError> {
        let recorded = Recorded { version: commit.version, at: commit.recorded_at };
        for stored in &commit.events {
            let event: E = stored.decode()?;
            self.state = (self.step)(std::mem::take(&mut self.state), &event, recorded);
        }
        Ok(())
    }

    fn value(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

/// A stream of which only its events are known.
struct Said(Map<String, Value>);

impl State for Said {
    fn apply(&mut self, commit: &Commit) -> Result<(), BoxError> {
        commit.events.iter().for_each(|event| self.0.extend(event.payload.clone()));
        Ok(())
    }

    fn value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

/// The services of this program; rows are read as `host` may.
pub struct Services {
    host: Host,
}

impl Services {
    /// Reads rows as `host`.
    pub fn new(host: Host) -> Self {
        Self { host }
    }

    async fn of_projections(&self, stream: &StreamId, version: Version) -> Result<Vec<Derived>, BoxError> {
        let head = StreamHead { stream: stream.clone(), version, recorded_at: None, commits: vec![] };
        let mut derived = vec![];
        for log in &LOGS {
            for described in (log.projector)(&self.host, BUS).described() {
                let Some(one) = (log.projector)(&self.host, BUS).only(described.name) else { continue };
                if described.stream_type != stream.stream_type() {
                    continue;
                }
                let difference = one.difference(&head, &mut Folded::default()).await?;
                let differs =
                    difference.map(|differs| format!("{} is {}, the log folds to {}", differs.what, differs.stored, differs.folded));
                derived.push(Derived { projection: described.name.to_owned(), differs });
            }
        }
        Ok(derived)
    }
}

impl Domain for Services {
    fn state(&self, stream: &StreamId) -> Box<dyn State> {
        state(stream)
    }

    fn effect(&self, _: &StreamId, event: &StoredEvent) -> Option<String> {
        let text = |name: &str| event.payload.get(name).and_then(Value::as_str).unwrap_or("?");
        match event.event_type.as_str() {
            "EMAIL_SENT" => Some(format!("an email was sent, message {}", text("message_id"))),
            _ => None,
        }
    }

    fn derived<'a>(&'a self, stream: &'a StreamId, version: Version) -> Deriving<'a> {
        Box::pin(self.of_projections(stream, version))
    }
}
