//! One service's contract, as its `contract.rs` describes it.

use annals_bus::{Detail, Metadata};
use annals_kit::event::schema_of;
use annals_kit::{Event, EventId, Generation, StoredEvent, StreamId, Timestamp, Version};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::delivery::{
    DeadLetterQueue, Delivery, Function, MAX_AGE_SECONDS, MAX_ATTEMPTS, Queue, QueueMapping, Rule, Schedule, StreamMapping, Target,
    VISIBILITY_FACTOR,
};
use crate::route::Route;
use crate::schema;

/// What a service tells and hears, and how it is delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// The service: the source of its events.
    pub service: String,
    /// What it is about, in a sentence.
    pub description: String,
    /// The contract's own version, such as `1.0.0`.
    pub version: String,
    /// The JSON Schema of every event's `metadata`.
    pub metadata: Value,
    /// What it publishes, by event type.
    pub publishes: IndexMap<String, Message>,
    /// What it consumes.
    pub consumes: Vec<Consumed>,
    /// How that and everything else reaches its functions.
    pub delivery: Delivery,
    /// What it answers over HTTP.
    pub api: Api,
}

/// A published event type.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What has happened, in a sentence.
    pub summary: String,
    /// The schema version in which events are published.
    pub schema_version: u32,
    /// The JSON Schema of `data`.
    pub data: Value,
    /// One event as the bus carries it: `{metadata, data}`.
    pub example: Value,
}

/// A consumed event type, and what is read of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Consumed {
    /// The service that publishes it.
    pub source: String,
    /// The event type.
    pub event: String,
    /// The rule that sends it to one of the service's queues: an event may go to several.
    pub rule: String,
    /// What it is consumed for, in a sentence.
    pub summary: String,
    /// The JSON Schema of what is read of `data`.
    pub data: Value,
    /// The consumer's own reading of it; a file has none.
    pub reader: Reader,
}

/// How the data of an event, or the body of a request, is read where the reader's code is at hand. No two contracts differ by it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader(Option<fn(Value) -> serde_json::Result<()>>);

impl Reader {
    pub(crate) fn of<T: DeserializeOwned>() -> Self {
        Self(Some(|data| serde_json::from_value::<T>(data).map(drop)))
    }

    /// Reads it with the reader's own type; `None` where its code is not at hand.
    pub fn read(self, data: Value) -> Option<serde_json::Result<()>> {
        self.0.map(|read| read(data))
    }
}

impl PartialEq for Reader {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Contract {
    /// A contract that says nothing yet.
    pub fn new(service: &str, description: &str) -> Self {
        Self {
            service: service.into(),
            description: description.into(),
            version: "1.0.0".into(),
            metadata: schema::written::<Metadata>(),
            publishes: IndexMap::new(),
            consumes: Vec::new(),
            delivery: Delivery::default(),
            api: Api::new(service, description),
        }
    }

    /// Answers at this route.
    pub fn route(&mut self, route: Route) -> &mut Self {
        self.api.route(route);
        self
    }

    /// The API as OpenAPI 3.1 in YAML.
    pub fn to_openapi(&self) -> String {
        self.api.to_yaml(&format!("services/{}/src/contract.rs", self.service))
    }

    /// Publishes every event type of `E` that its `SCHEMAS` mark so; `examples` has one event of each, with its stream and version.
    ///
    /// # Panics
    /// Where a published type has no example, or `E` breaks the contract of [`Event`]: this runs when contracts are derived and in tests.
    pub fn publish<E: Event + JsonSchema>(&mut self, examples: &[(StreamId, Version, E)]) -> &mut Self {
        let examples: Vec<_> = examples.iter().map(|(stream, version, event)| example(stream, *version, event)).collect();
        for (event_type, variant) in schema::variants::<E>() {
            let Some(known) = schema_of::<E>(&event_type).filter(|known| known.published) else { continue };
            let (_, example) = examples
                .iter()
                .find(|(example, _)| *example == event_type)
                .unwrap_or_else(|| panic!("{event_type} is published and has no example: give `publish` an event of it"));
            let message =
                Message { summary: variant.summary, schema_version: known.version(), data: variant.data, example: example.clone() };
            self.publishes.insert(event_type, message);
        }
        self
    }

    /// Consumes an event of another service, reading `T` of its data: a rule of this name sends it to `queue`, undeliverable ones to
    /// `<rule>-dlq`. An event that goes to several queues is consumed once for each.
    ///
    /// # Panics
    /// Where the service reads something else of the same event for another queue: a service reads an event in one way.
    pub fn consume<T: JsonSchema + DeserializeOwned>(
        &mut self,
        rule: &str,
        (source, event): (&str, &str),
        queue: &str,
        summary: &str,
    ) -> &mut Self {
        let (data, reader) = (schema::read::<T>(), Reader::of::<T>());
        let same = |other: &&Consumed| other.source == source && other.event == event;
        if let Some(other) = self.consumes.iter().find(same) {
            assert!(other.data == data, "{rule} reads {event} of {source} otherwise than {} does", other.rule);
        }
        let (rule_name, summary) = (rule.into(), summary.into());
        let consumed = Consumed { source: source.into(), event: event.into(), rule: rule_name, summary, data, reader };
        self.consumes.push(consumed);
        let target = Target {
            queue: queue.into(),
            max_attempts: MAX_ATTEMPTS,
            max_age_seconds: MAX_AGE_SECONDS,
            dead_letter_queue: self.dead_letters(rule),
        };
        let pattern = json!({ "source": [source], "detail-type": [event] });
        self.delivery.rules.insert(rule.into(), Rule { source: source.into(), event: event.into(), pattern, target });
        self
    }

    /// Asks these operations of another service's API, by a client that is generated from its contract.
    pub fn ask(&mut self, api: &str, operations: &[&str]) -> &mut Self {
        self.delivery.asks.insert(api.into(), operations.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Has a function: a binary of this name in `package`, running as the role of this name. What it needs beyond 30 seconds and
    /// 256 MB is set on the answer.
    pub fn function(&mut self, name: &str, package: &str) -> &mut Function {
        self.delivery.functions.entry(name.into()).insert_entry(Function::new(package, name)).into_mut()
    }

    /// Hands the stream of a table to a function, under the function's name; to be called after [`Self::function`].
    pub fn follow(&mut self, mapping: StreamMapping) -> &mut Self {
        self.delivery.stream_mappings.insert(mapping.function.clone(), mapping);
        self
    }

    /// Has a queue that `function` reads, hidden six times the function's timeout, three receives, dead letters in `<queue>-dlq`; the
    /// second try comes after `backoff_seconds`.
    ///
    /// # Panics
    /// Where the contract has no such function yet.
    pub fn queue(&mut self, name: &str, function: &str, backoff_seconds: u32) -> &mut Self {
        let reader = self.delivery.functions.get(function);
        let timeout = reader.unwrap_or_else(|| panic!("{function} reads {name}: describe the function first")).timeout_seconds;
        let queue = Queue {
            visibility_timeout_seconds: timeout * VISIBILITY_FACTOR,
            max_receives: 3,
            retention_seconds: 345_600,
            dead_letter_queue: self.dead_letters(name),
        };
        let mapping = QueueMapping { queue: name.into(), function: function.into(), batch_size: 10, backoff_seconds, concurrency: 2 };
        self.delivery.queues.insert(name.into(), queue);
        self.delivery.queue_mappings.insert(name.into(), mapping);
        self
    }

    /// Invokes a function at set times (UTC), under the function's name; invocations that were given up go to `<function>-schedule-dlq`.
    pub fn schedule(&mut self, function: &str, expression: &str, input: Value) -> &mut Self {
        let schedule = Schedule {
            expression: expression.into(),
            timezone: "UTC".into(),
            function: function.into(),
            input,
            max_attempts: MAX_ATTEMPTS,
            max_age_seconds: MAX_AGE_SECONDS,
            dead_letter_queue: self.dead_letters(&format!("{function}-schedule")),
        };
        self.delivery.schedules.insert(function.into(), schedule);
        self
    }

    /// The dead-letter queue of something of this name.
    fn dead_letters(&mut self, of: &str) -> String {
        let name = format!("{of}-dlq");
        self.delivery.dead_letter_queues.insert(name.clone(), DeadLetterQueue::default());
        name
    }
}

/// An event as the bus carries it, and its type.
fn example<E: Event>(stream: &StreamId, version: Version, event: &E) -> (String, Value) {
    let stored = StoredEvent::encode(event);
    let metadata = Metadata {
        event_id: EventId { generation: Generation::default(), stream: stream.clone(), version, index: 0 },
        schema_version: stored.schema,
        tenant: "demo".parse().expect("demo is a tenant"),
        stream: stream.clone(),
        version: version.get(),
        recorded_at: Timestamp::from_seconds(1_769_851_800).expect("2026-01-31 is within four digits"),
        actor: "operator".parse().expect("operator is an actor"),
        correlation_id: Uuid::from_u128(0x018f_2c00_0000_7000_8000_0000_0000_0c01),
        causation_id: None,
        by_reference: false,
    };
    let detail = serde_json::to_value(Detail { metadata, data: stored.payload }).expect("a detail is JSON by its types");
    (stored.event_type, detail)
}
