//! How the streams of every service fold, what of them is an effect, gives a role or is about a person: what `annals-audit` asks of the services'
//! own code.

use annals_audit::domain::{About, Derived, Deriving, Domain, Standing, State};
use annals_contract::delivery::BUS;
use annals_kit::{Actor, Aggregate, CustomerId, Event, Recorded, StoredEvent, StreamId, Timestamp, Version};
use annals_lambda::Host;
use annals_log::{BoxError, Commit, StreamHead};
use annals_projection::difference::Folded;
use billing::rows::{InvoiceRow, PlanRow, SubscriptionRow, WebhookRow};
use identity::api_key::ApiKeyEvent;
use identity::organisation::OrganisationEvent;
use identity::rows::{ApiKeyRow, ContactRow, InvitationRow, OrganisationRow, UserRow};
use notifications::devices::Devices;
use notifications::note::Note;
use notifications::preferences::Preferences;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::logs::LOGS;

/// The state of `stream` before its first commit: its row where its type has one, otherwise its aggregate.
pub fn state(stream: &StreamId) -> Box<dyn State> {
    match stream.stream_type() {
        "SUB" => folding(SubscriptionRow::fold),
        "INV" => folding(InvoiceRow::fold),
        "PLAN" => folding(PlanRow::fold),
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
        "NOTE" => folding(|mut note: Note, event: &_, recorded| {
            note.evolve(event, recorded);
            note
        }),
        "DEVICES" => folding(|mut devices: Devices, event: &_, recorded| {
            devices.evolve(event, recorded);
            devices
        }),
        "PREFS" => folding(|mut preferences: Preferences, event: &_, recorded| {
            preferences.evolve(event, recorded);
            preferences
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

/// The fields by which events name a person: a customer, by the tenant's own id; a member, by that of their account; whom the payment provider
/// knows, by its id; either, who was erased.
const NAMES: [&str; 4] = ["customer_id", "user_id", "provider_customer", "person_id"];

/// The fields whose text is sealed, of streams that are a person's.
const SEALED: [&str; 3] = ["email", "name", "body"];

/// The field by which an event names the person of this id.
pub fn named_as(event: &StoredEvent, person: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|name| event.payload.get(*name).and_then(Value::as_str) == Some(person))
}

/// The fields of an event whose text is sealed. Organisations and keys have names that are not.
pub fn sealed_fields(stream: &StreamId, event: &StoredEvent) -> Vec<&'static str> {
    let is_persons = matches!(stream.stream_type(), "USER" | "CONTACT" | "INVITE" | "HOOK");
    SEALED.into_iter().filter(|field| is_persons && event.payload.contains_key(*field)).collect()
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
            "PUSH_SENT" => {
                let devices = event.payload.get("devices").and_then(Value::as_array).map_or(0, Vec::len);
                Some(format!("it was pushed to {devices} devices"))
            }
            _ => None,
        }
    }

    fn derived<'a>(&'a self, stream: &'a StreamId, version: Version) -> Deriving<'a> {
        Box::pin(self.of_projections(stream, version))
    }

    fn role_events(&self) -> &'static [&'static str] {
        &["MEMBER_JOINED", "MEMBER_ROLE_CHANGED", "MEMBER_LEFT", "API_KEY_CREATED", "API_KEY_REVOKED"]
    }

    fn standing(&self, event: &StoredEvent) -> Result<Option<Standing>, BoxError> {
        let member = |user: uuid::Uuid, role| Some(Standing { holder: format!("USER#{user}"), kind: "member", role });
        let key = |key: uuid::Uuid, role| Some(Standing { holder: format!("KEY#{key}"), kind: "key", role });
        Ok(match event.event_type.as_str() {
            "MEMBER_JOINED" | "MEMBER_ROLE_CHANGED" | "MEMBER_LEFT" => match event.decode()? {
                OrganisationEvent::Joined(now) | OrganisationEvent::RoleChanged(now) => member(now.user_id, Some(now.role)),
                OrganisationEvent::Left(left) => member(left.user_id, None),
                OrganisationEvent::Created(_) => None,
            },
            "API_KEY_CREATED" | "API_KEY_REVOKED" => match event.decode()? {
                ApiKeyEvent::Created(created) => key(created.key_id, Some(created.role)),
                ApiKeyEvent::Revoked(revoked) => key(revoked.key_id, None),
            },
            _ => None,
        })
    }

    fn about(&self, stream: &StreamId, event: &StoredEvent, person: &CustomerId) -> Option<About> {
        let named_as = named_as(event, person.as_str())?;
        let acts_as: Option<Actor> = match stream.stream_type() {
            "USER" => stream.id().parse().ok(),
            "KEY" => format!("key-{}", stream.id()).parse().ok(),
            _ => None,
        };
        Some(About { named_as, of_nobody_else: stream.stream_type() != "ORG", acts_as })
    }

    fn sealed(&self, stream: &StreamId, event: &StoredEvent) -> Vec<&'static str> {
        sealed_fields(stream, event)
    }

    fn certified(&self, event: &StoredEvent) -> Option<Timestamp> {
        (event.event_type == "ERASURE_CERTIFIED").then(|| event.payload.get("erased_at")?.as_str()?.parse().ok()).flatten()
    }
}
