//! A contract as an AsyncAPI 3.0 document, and back.
//!
//! A channel is the events of one service on the bus; its messages are event types, which are detail-types. What the service publishes
//! it sends, what it consumes it receives. Source: AsyncAPI specification 3.0.0.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Api;
use crate::contract::{Consumed, Contract, Message, Reader};
use crate::delivery::Delivery;
use crate::yaml::{self, Missing, Ordered};

const HEADER: &str = "\
# What {service} tells and hears, and how it is delivered. Derived from services/{service}/src/contract.rs:
# change that, run `annals contracts derive`, and commit both. docs/contracts.md is the guide.
";
const SEND: &str = "send";
const RECEIVE: &str = "receive";
/// Marks, in a service's own channel, what it reads of an event of its own.
const READ: &str = ".read";
/// Stands before a rule's name in that of its operation.
const CONSUME: &str = "consume-";
const ENVELOPE: &str = "event";
const METADATA: &str = "metadata";

/// The document.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Document {
    asyncapi: String,
    info: Info,
    default_content_type: String,
    channels: IndexMap<String, Channel>,
    operations: IndexMap<String, Operation>,
    components: Components,
    #[serde(rename = "x-delivery")]
    delivery: Delivery,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    title: String,
    version: String,
    description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    address: String,
    description: String,
    messages: IndexMap<String, Reference>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    action: String,
    summary: String,
    channel: Reference,
    messages: Vec<Reference>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Components {
    messages: IndexMap<String, MessageObject>,
    message_traits: IndexMap<String, Ordered>,
    schemas: IndexMap<String, Ordered>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageObject {
    name: String,
    summary: String,
    traits: Vec<Reference>,
    payload: Ordered,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Example>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    payload: Ordered,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    #[serde(rename = "$ref")]
    to: String,
}

impl Reference {
    fn to(path: &[&str]) -> Self {
        Self { to: format!("#/{}", path.join("/")) }
    }

    /// The last step of the path.
    fn name(&self) -> &str {
        self.to.rsplit('/').next().unwrap_or_default()
    }
}

impl Contract {
    /// The contract as AsyncAPI 3.0 in YAML.
    pub fn to_yaml(&self) -> String {
        format!("{}{}", HEADER.replace("{service}", &self.service), yaml::write(&document(self)))
    }
}

fn document(contract: &Contract) -> Document {
    let mut document = Document {
        asyncapi: "3.0.0".into(),
        info: Info { title: contract.service.clone(), version: contract.version.clone(), description: contract.description.clone() },
        default_content_type: "application/json".into(),
        channels: IndexMap::new(),
        operations: IndexMap::new(),
        components: Components { messages: IndexMap::new(), message_traits: IndexMap::new(), schemas: IndexMap::new() },
        delivery: contract.delivery.clone(),
    };
    if contract.publishes.is_empty() && contract.consumes.is_empty() {
        return document;
    }
    let traits = json!({
        "contentType": "application/json",
        "correlationId": { "description": "What the event belongs to, across services.", "location": "$message.payload#/metadata/correlation_id" },
    });
    document.components.message_traits.insert(ENVELOPE.into(), Ordered(traits));
    document.components.schemas.insert(METADATA.into(), Ordered(contract.metadata.clone()));
    for (event, message) in &contract.publishes {
        document.publish(contract, event, message);
    }
    for consumed in &contract.consumes {
        document.consume(contract, consumed);
    }
    document
}

impl Document {
    fn publish(&mut self, contract: &Contract, event: &str, message: &Message) {
        let operation = format!("publish-{}", event.to_ascii_lowercase().replace('_', "-"));
        self.operation(SEND, &operation, &contract.service, event, event, &message.summary);
        let data = format!("{event}.v{}", message.schema_version);
        let metadata =
            json!({ "allOf": [reference(METADATA), { "properties": { "schema_version": { "const": message.schema_version } } }] });
        let payload = Ordered(envelope(metadata, &data));
        let examples = vec![Example { payload: Ordered(message.example.clone()) }];
        self.message(event, event, &message.summary, payload, examples);
        self.components.schemas.insert(data, Ordered(message.data.clone()));
    }

    fn consume(&mut self, contract: &Contract, consumed: &Consumed) {
        let key = format!("{}.{}", consumed.source, consumed.event);
        let operation = format!("{CONSUME}{}", consumed.rule);
        // A service that hears itself reads less of an event than it tells: two messages of one channel.
        let own = consumed.source == contract.service;
        let event = if own { format!("{}{READ}", consumed.event) } else { consumed.event.clone() };
        self.operation(RECEIVE, &operation, &consumed.source, &event, &key, &consumed.summary);
        let payload = Ordered(envelope(reference(METADATA), &key));
        // What is consumed for several queues is one message, under the summary of the first.
        if !self.components.messages.contains_key(&key) {
            self.message(&key, &consumed.event, &consumed.summary, payload, vec![]);
        }
        self.components.schemas.insert(key, Ordered(consumed.data.clone()));
    }

    fn operation(&mut self, action: &str, name: &str, source: &str, event: &str, key: &str, summary: &str) {
        let channel = self.channels.entry(source.into()).or_insert_with(|| Channel {
            address: self.delivery.bus.clone(),
            description: format!("Events of {source}: source {source}, and the message's name as detail-type."),
            messages: IndexMap::new(),
        });
        channel.messages.insert(event.into(), Reference::to(&["components", "messages", key]));
        let operation = Operation {
            action: action.into(),
            summary: summary.into(),
            channel: Reference::to(&["channels", source]),
            messages: vec![Reference::to(&["channels", source, "messages", event])],
        };
        self.operations.insert(name.into(), operation);
    }

    fn message(&mut self, key: &str, name: &str, summary: &str, payload: Ordered, examples: Vec<Example>) {
        let traits = vec![Reference::to(&["components", "messageTraits", ENVELOPE])];
        let message = MessageObject { name: name.into(), summary: summary.into(), traits, payload, examples };
        self.components.messages.insert(key.into(), message);
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// The schema of a detail: where an event is too large for the bus, its data is left out and `metadata.by_reference` says so.
fn envelope(metadata: Value, data: &str) -> Value {
    let left_out = json!({ "type": "object", "description": "Left out: metadata.by_reference is true.", "maxProperties": 0 });
    json!({
        "type": "object",
        "required": ["metadata", "data"],
        "properties": { "metadata": metadata, "data": { "oneOf": [reference(data), left_out] } },
    })
}

/// What a document says; what it lacks is added to `missing`.
pub(crate) fn contract(document: Document, missing: &mut Vec<Missing>) -> Contract {
    let api = Api::new(&document.info.title, &document.info.description);
    let mut contract = Contract {
        service: document.info.title,
        description: document.info.description,
        version: document.info.version,
        metadata: document.components.schemas.get(METADATA).map_or(Value::Null, |schema| schema.0.clone()),
        publishes: IndexMap::new(),
        consumes: Vec::new(),
        delivery: document.delivery,
        api,
    };
    if document.asyncapi != "3.0.0" {
        missing.push((vec!["asyncapi".into()], format!("this reads AsyncAPI 3.0.0, not {}", document.asyncapi)));
    }
    for (name, operation) in &document.operations {
        let at =
            |steps: &[&str]| [&["operations", name.as_str()], steps].concat().iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        let source = operation.channel.name().to_owned();
        for reference in &operation.messages {
            let named = reference.name().to_owned();
            let event = named.strip_suffix(READ).unwrap_or(&named).to_owned();
            let key = document.channels.get(&source).and_then(|channel| channel.messages.get(&named)).map(Reference::name);
            let Some((key, message)) = key.and_then(|key| Some((key, document.components.messages.get(key)?))) else {
                missing.push((at(&["messages"]), format!("there is no message {}", reference.to)));
                continue;
            };
            let data =
                message.payload.0.pointer("/properties/data/oneOf/0/$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next());
            let Some(data) = data.and_then(|data| document.components.schemas.get(data)).map(|schema| schema.0.clone()) else {
                missing.push((vec!["components".into(), "messages".into(), key.into(), "payload".into()], "the data has no schema".into()));
                continue;
            };
            let summary = message.summary.clone();
            match operation.action.as_str() {
                SEND => {
                    let version = message.payload.0.pointer("/properties/metadata/allOf/1/properties/schema_version/const");
                    let (Some(version), Some(example)) = (version.and_then(Value::as_u64), message.examples.first()) else {
                        let what = "a published message has a schema version and an example";
                        missing.push((vec!["components".into(), "messages".into(), key.into()], what.into()));
                        continue;
                    };
                    let schema_version = u32::try_from(version).unwrap_or(u32::MAX);
                    contract.publishes.insert(event, Message { summary, schema_version, data, example: example.payload.0.clone() });
                }
                RECEIVE => {
                    let (rule, summary) = (name.strip_prefix(CONSUME).unwrap_or(name).to_owned(), operation.summary.clone());
                    contract.consumes.push(Consumed { source: source.clone(), event, rule, summary, data, reader: Reader::default() });
                }
                other => missing.push((at(&["action"]), format!("an operation sends or receives; this one says {other}"))),
            }
        }
    }
    contract
}
