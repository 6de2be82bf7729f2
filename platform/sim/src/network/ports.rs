//! The way of the ports: what stands in AWS's place for one function's environment, what its requests ask, and what they are answered.

use std::sync::{Arc, Weak};

use annals_aws::{Answering, Failure, Port, Request, Response};
use annals_reads::Item;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use aws_sdk_eventbridge::operation::put_events::{PutEventsInput, PutEventsOutput};
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_sdk_sesv2::operation::send_email::{SendEmailInput, SendEmailOutput};

use super::Network;
use super::call::{Answer, Call, Carried, digest_of_text};
use super::environment::Environment;
use crate::bus::{Entry, Put};
use crate::chance::mix;
use crate::memory::expressions::insertion;
use crate::tables::{Wrote, key_of};

/// The ports of an environment. They do not keep the network: the network's own functions hold them.
#[derive(Clone)]
pub struct Ports {
    network: Weak<Network>,
    environment: Arc<Environment>,
}

impl Ports {
    /// The ports of this environment.
    pub fn new(network: &Arc<Network>, environment: Arc<Environment>) -> Self {
        Self { network: Arc::downgrade(network), environment }
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

impl Port for Ports {
    fn call(&self, request: Request) -> Answering {
        let (network, environment) = (self.network.upgrade(), self.environment.clone());
        let fails = request.failing();
        Box::pin(async move {
            let Some(network) = network else { return fails(Failure::Lost) };
            let answer = network.ask(read(request), environment);
            drop(network);
            // Who ended has nobody left to tell.
            let Ok(answer) = answer.await else { return std::future::pending().await };
            match answer {
                Some(Answer::Port(response)) => response,
                _ => fails(Failure::Lost),
            }
        })
    }
}

/// The call that a request is.
fn read(request: Request) -> Call {
    let About { table, entity, digest, eventual } = About::request(&request);
    let digest = digest ^ digest_of_text(request.operation());
    let entity = entity.unwrap_or_else(|| format!("{digest:016x}"));
    Call { operation: request.operation().to_owned(), table: table.to_owned(), entity, digest, eventual, carried: Carried::Port(request) }
}

/// What a request is about.
#[derive(Default)]
struct About<'r> {
    /// The table, where it names one.
    table: &'r str,
    /// The first key in it.
    entity: Option<String>,
    /// The same for what asks the same, and hardly ever for something else.
    digest: u64,
    /// Whether it is a read that may show what was there before.
    eventual: bool,
}

impl<'r> About<'r> {
    fn request(request: &'r Request) -> Self {
        match request {
            Request::GetItem(input) => Self::item(&input.table_name, &input.key).reads(input.consistent_read, &input.projection_expression),
            Request::PutItem(input) => Self::item(&input.table_name, &input.item),
            Request::UpdateItem(input) => Self::item(&input.table_name, &input.key),
            Request::DeleteItem(input) => Self::item(&input.table_name, &input.key),
            Request::BatchGetItem(input) => Self::batch(input),
            Request::Query(input) => Self::query(input).reads(input.consistent_read, &input.projection_expression),
            Request::Scan(input) => Self::scan(input),
            Request::TransactWriteItems(input) => Self::keys(input.transact_items.iter().flatten().filter_map(place)),
            Request::ExecuteStatement(input) => Self::keys(inserted_key(input.statement().unwrap_or_default(), input.parameters())),
            Request::ExecuteTransaction(input) => {
                Self::keys(input.transact_statements().iter().filter_map(|one| inserted_key(one.statement(), one.parameters())))
            }
            Request::PutEvents(input) => Self::text(input.entries.iter().flatten().filter_map(|entry| entry.detail())),
            Request::GenerateDataKey(input) => Self::text(input.encryption_context().and_then(|context| context.get("subject"))),
            Request::Decrypt(input) => Self::text(input.encryption_context().and_then(|context| context.get("subject"))),
            Request::SendEmail(input) => Self::text([effect(input)]),
        }
    }

    /// The same of a read that shows this much.
    fn reads(self, consistent_read: Option<bool>, projection: &Option<String>) -> Self {
        let shows = projection.as_deref().map_or(0, digest_of_text);
        Self { eventual: consistent_read != Some(true), digest: mix(self.digest ^ shows), ..self }
    }

    fn item(table: &'r Option<String>, item: &'r Option<Item>) -> Self {
        Self::keys(table.as_deref().zip(item.as_ref().map(key_of)))
    }

    /// Several keys, each in its table, in this order.
    fn keys(places: impl IntoIterator<Item = (&'r str, String)>) -> Self {
        let mut about = Self::default();
        for (table, key) in places {
            about.digest = mix(about.digest ^ digest_of_text(&key) ^ digest_of_text(table).rotate_left(7));
            if about.entity.is_none() {
                (about.table, about.entity) = (table, Some(key));
            }
        }
        about
    }

    fn batch(input: &'r BatchGetItemInput) -> Self {
        let asked = input.request_items.iter().flatten().next();
        asked.map_or_else(Self::default, |(table, asked)| {
            Self::keys(asked.keys.iter().map(|key| (table.as_str(), key_of(key))))
                .reads(asked.consistent_read, &asked.projection_expression)
        })
    }

    fn query(input: &'r QueryInput) -> Self {
        let values = input.expression_attribute_values.iter().flatten();
        // A sum: values have no order.
        let values = values.map(|(name, value)| mix(digest_of_text(name) ^ digest_of_value(value).rotate_left(7)));
        let (table, backwards) = (input.table_name.as_deref().unwrap_or_default(), input.scan_index_forward == Some(false));
        let page = mix(digest_of_start(&input.exclusive_start_key)
            ^ u64::from(input.limit.unwrap_or(0).unsigned_abs()) << 1
            ^ u64::from(backwards));
        Self { table, entity: None, digest: values.fold(digest_of_text(table) ^ page, u64::wrapping_add), eventual: false }
    }

    fn scan(input: &'r ScanInput) -> Self {
        let digest = mix(digest_of_start(&input.exclusive_start_key) ^ u64::from(input.segment.unwrap_or(0).unsigned_abs()));
        Self { table: input.table_name.as_deref().unwrap_or_default(), entity: None, digest, eventual: false }
    }

    fn text(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let digest = texts.into_iter().fold(2, |digest, text| mix(digest ^ digest_of_text(text.as_ref())));
        Self { digest, ..Self::default() }
    }
}

fn digest_of_start(key: &Option<Item>) -> u64 {
    key.as_ref().map_or(0, |key| digest_of_text(&key_of(key)))
}

fn digest_of_value(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => digest_of_text(text),
        other => digest_of_text(&format!("{other:?}")),
    }
}

/// The table and the key of an action.
fn place(action: &TransactWriteItem) -> Option<(&str, String)> {
    let put = action.put.as_ref().map(|put| (put.table_name.as_str(), key_of(&put.item)));
    let update = || action.update.as_ref().map(|update| (update.table_name.as_str(), key_of(&update.key)));
    let delete = || action.delete.as_ref().map(|delete| (delete.table_name.as_str(), key_of(&delete.key)));
    put.or_else(update).or_else(delete)
}

/// The table and the key of what a statement inserts with these values.
fn inserted_key<'r>(statement: &'r str, values: &[AttributeValue]) -> Option<(&'r str, String)> {
    let (table, names) = insertion(statement)?;
    let key = names.zip(values).filter(|(name, _)| ["PK", "SK"].contains(name)).map(|(name, value)| (name.to_owned(), value.clone()));
    Some((table, key_of(&key.collect())))
}

/// What a statement inserts with these values.
fn inserted(statement: &str, values: &[AttributeValue]) -> Option<Wrote> {
    let (table, names) = insertion(statement)?;
    Some(Wrote::item(table, names.zip(values).map(|(name, value)| (name.to_owned(), value.clone())).collect()))
}

/// What a request will have written, if it is done.
pub(super) fn wrote(request: &Request) -> Vec<Wrote> {
    match request {
        Request::PutItem(input) => input.item.iter().map(|item| Wrote::of(input.table_name.as_deref().unwrap_or_default(), item)).collect(),
        Request::TransactWriteItems(input) => {
            let action = |action: &TransactWriteItem| {
                let put = action.put.as_ref().map(|put| Wrote::of(&put.table_name, &put.item));
                let delete = action.delete.as_ref();
                put.or_else(|| delete.map(|delete| Wrote::Deleted { table: delete.table_name.clone(), key: key_of(&delete.key) }))
            };
            input.transact_items.iter().flatten().filter_map(action).collect()
        }
        Request::ExecuteStatement(input) => inserted(input.statement().unwrap_or_default(), input.parameters()).into_iter().collect(),
        Request::ExecuteTransaction(input) => {
            input.transact_statements().iter().filter_map(|one| inserted(one.statement(), one.parameters())).collect()
        }
        Request::UpdateItem(input) if input.update_expression.as_deref().is_some_and(|update| update.contains("erased_at")) => {
            vec![Wrote::Erased { key: input.key.as_ref().map(key_of).unwrap_or_default() }]
        }
        _ => vec![],
    }
}

/// The entries of a PutEvents.
pub(super) fn entries(input: &PutEventsInput) -> Vec<Entry<'_>> {
    let entries = input.entries.iter().flatten();
    entries
        .map(|entry| Entry {
            source: entry.source().unwrap_or_default(),
            detail_type: entry.detail_type().unwrap_or_default(),
            detail: entry.detail().unwrap_or_default(),
        })
        .collect()
}

/// What a PutEvents is answered.
pub(super) fn put(results: &[Put]) -> Answer {
    let entry = |one: &Put| match one {
        Put::Accepted(id) => PutEventsResultEntry::builder().event_id(id).build(),
        Put::Failed => PutEventsResultEntry::builder().error_code("InternalFailure").error_message("injected").build(),
    };
    let failed = results.iter().filter(|one| matches!(one, Put::Failed)).count();
    let output = PutEventsOutput::builder().failed_entry_count(i32::try_from(failed).unwrap_or(i32::MAX));
    let output = output.set_entries(Some(results.iter().map(entry).collect())).build();
    Answer::Port(Response::PutEvents(Box::new(Ok(output))))
}

/// The effect that an email is for.
pub(super) fn effect(input: &SendEmailInput) -> &str {
    input.email_tags().first().map_or("", |tag| tag.value())
}

/// What a SendEmail is answered.
pub(super) fn sent(message: &str) -> Answer {
    Answer::Port(Response::SendEmail(Box::new(Ok(SendEmailOutput::builder().message_id(message).build()))))
}

/// The same answer again, of an eventual read; none of others, and of failures.
pub(super) fn again(response: &Response) -> Option<Response> {
    match response {
        Response::GetItem(result) => Some(Response::GetItem(Box::new(Ok(result.as_ref().as_ref().ok()?.clone())))),
        Response::BatchGetItem(result) => Some(Response::BatchGetItem(Box::new(Ok(result.as_ref().as_ref().ok()?.clone())))),
        Response::Query(result) => Some(Response::Query(Box::new(Ok(result.as_ref().as_ref().ok()?.clone())))),
        _ => None,
    }
}
