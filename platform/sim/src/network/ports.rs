//! The way of the ports: what stands in AWS's place for one function's environment, what its requests ask, and what they are answered.

use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use annals_aws::{Answering, Failure, Port, Request, Response};
use annals_reads::Item;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use aws_sdk_eventbridge::operation::put_events::{PutEventsInput, PutEventsOutput};
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_sdk_sesv2::operation::send_email::{SendEmailInput, SendEmailOutput};

use super::Network;
use super::call::{Answer, Call, Carried, digest_of_text};
use super::environment::Environment;
use crate::bus::{Entry, Put};
use crate::chance::mix;
use crate::tables::Wrote;

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
        let lost = request.fails(Failure::Lost);
        Box::pin(async move {
            let Some(network) = network else { return lost };
            let answer = network.ask(read(request), environment);
            drop(network);
            // Who ended has nobody left to tell.
            let Ok(answer) = answer.await else { return std::future::pending().await };
            match answer {
                Some(Answer::Port(response)) => response,
                _ => lost,
            }
        })
    }
}

/// The call that a request is.
fn read(request: Request) -> Call {
    let (table, entity, digest, eventual) = about(&request);
    let digest = digest ^ digest_of_text(request.operation());
    let entity = entity.unwrap_or_else(|| format!("{digest:016x}"));
    Call { operation: request.operation().to_owned(), table, entity, digest, eventual, carried: Carried::Port(request) }
}

/// The table of a request, the first key in it, a hash of what it asks, and whether it is an eventual read.
fn about(request: &Request) -> (String, Option<String>, u64, bool) {
    let named = |table: &Option<String>| table.clone().unwrap_or_default();
    let of_key = |table: String, key: Option<&Item>, eventual: bool| {
        let key = key.map(key_of);
        let digest = digest_of_text(&table) ^ key.as_deref().map_or(0, digest_of_text).rotate_left(7);
        (table, key, digest, eventual)
    };
    match request {
        Request::GetItem(input) => of_key(named(&input.table_name), input.key.as_ref(), input.consistent_read != Some(true)),
        Request::PutItem(input) => of_key(named(&input.table_name), input.item.as_ref(), false),
        Request::UpdateItem(input) => of_key(named(&input.table_name), input.key.as_ref(), false),
        Request::DeleteItem(input) => of_key(named(&input.table_name), input.key.as_ref(), false),
        Request::BatchGetItem(input) => {
            let Some((table, asked)) = input.request_items.iter().flatten().next() else { return Default::default() };
            let keys = asked.keys.iter().map(|key| digest_of_text(&key_of(key)));
            let digest = keys.fold(digest_of_text(table), |digest, key| mix(digest ^ key));
            (table.clone(), asked.keys.first().map(key_of), digest, asked.consistent_read != Some(true))
        }
        Request::Query(input) => {
            let values = input.expression_attribute_values.iter().flatten();
            let values = values.map(|(name, value)| mix(digest_of_text(name) ^ digest_of_value(value).rotate_left(7)));
            let after = input.exclusive_start_key.as_ref().map_or(0, |key| digest_of_text(&key_of(key)));
            let asked = values.fold(digest_of_text(input.table_name.as_deref().unwrap_or_default()), u64::wrapping_add);
            let asked = mix(asked ^ after ^ u64::from(input.scan_index_forward == Some(false)) ^ (input.limit.unwrap_or(0) as u64) << 32);
            (named(&input.table_name), None, asked, input.consistent_read != Some(true))
        }
        Request::Scan(input) => {
            let after = input.exclusive_start_key.as_ref().map_or(0, |key| digest_of_text(&key_of(key)));
            (named(&input.table_name), None, mix(after ^ (input.segment.unwrap_or(0) as u64) << 32), false)
        }
        Request::TransactWriteItems(input) => {
            let actions = || input.transact_items.iter().flatten();
            let table = actions().find_map(|action| place(action).map(|(table, _)| table.to_owned())).unwrap_or_default();
            let keys = actions().filter_map(|action| Some(digest_of_text(&key_of(place(action)?.1))));
            let digest = keys.fold(17, |digest, key| mix(digest ^ key));
            (table, actions().next().and_then(|action| Some(key_of(place(action)?.1))), digest, false)
        }
        Request::ExecuteStatement(input) => {
            let inserted = insertion(input.statement.as_deref().unwrap_or_default(), input.parameters.as_deref().unwrap_or_default());
            let key = key_of(&inserted.1);
            let digest = digest_of_text(&key);
            (inserted.0, Some(key), digest, false)
        }
        Request::ExecuteTransaction(input) => {
            let all = input.transact_statements.iter().flatten();
            let all: Vec<_> = all.map(|one| insertion(&one.statement, one.parameters.as_deref().unwrap_or_default())).collect();
            let digest = all.iter().fold(17, |digest, one| mix(digest ^ digest_of_text(&key_of(&one.1))));
            let first = all.into_iter().next();
            let key = first.as_ref().map(|one| key_of(&one.1));
            (first.map(|one| one.0).unwrap_or_default(), key, digest, false)
        }
        Request::PutEvents(input) => {
            let entries = input.entries.iter().flatten();
            (String::new(), None, entries.fold(2, |digest, entry| mix(digest ^ digest_of_text(entry.detail.as_deref().unwrap_or_default()))), false)
        }
        Request::GenerateDataKey(input) => (String::new(), None, digest_of_context(input.encryption_context()), false),
        Request::Decrypt(input) => (String::new(), None, digest_of_context(input.encryption_context()), false),
        Request::SendEmail(input) => (String::new(), None, digest_of_text(effect(input)), false),
    }
}

fn digest_of_context(context: Option<&std::collections::HashMap<String, String>>) -> u64 {
    digest_of_text(context.and_then(|context| context.get("subject")).map_or("", String::as_str))
}

fn digest_of_value(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => digest_of_text(text),
        other => digest_of_text(&format!("{other:?}")),
    }
}

/// `<PK> <SK>` of an item or key.
fn key_of(item: &Item) -> String {
    let mut key = String::with_capacity(80);
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str);
    let _ = write!(key, "{} {}", part("PK"), part("SK"));
    key
}

/// The table and the item or key of an action.
fn place(action: &TransactWriteItem) -> Option<(&str, &Item)> {
    let put = action.put.as_ref().map(|put| (put.table_name.as_str(), &put.item));
    let update = || action.update.as_ref().map(|update| (update.table_name.as_str(), &update.key));
    let delete = || action.delete.as_ref().map(|delete| (delete.table_name.as_str(), &delete.key));
    put.or_else(update).or_else(delete)
}

/// The table and the item that `INSERT INTO "<table>" VALUE {'<name>': ?, …}` inserts with these values.
fn insertion(statement: &str, values: &[AttributeValue]) -> (String, Item) {
    let rest = statement.strip_prefix("INSERT INTO \"").and_then(|rest| rest.split_once('"'));
    let Some((table, rest)) = rest else { return Default::default() };
    let names = rest.split('\'').skip(1).step_by(2);
    (table.to_owned(), names.zip(values).map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

/// What a request will have written, if it is done.
pub(super) fn wrote(request: &Request) -> Vec<Wrote> {
    match request {
        Request::PutItem(input) => {
            input.item.iter().map(|item| Wrote::of(input.table_name.as_deref().unwrap_or_default(), item)).collect()
        }
        Request::TransactWriteItems(input) => {
            let action = |action: &TransactWriteItem| {
                let put = action.put.as_ref().map(|put| Wrote::of(&put.table_name, &put.item));
                let delete = action.delete.as_ref();
                put.or_else(|| delete.map(|delete| Wrote::Deleted { table: delete.table_name.clone(), key: key_of(&delete.key) }))
            };
            input.transact_items.iter().flatten().filter_map(action).collect()
        }
        Request::ExecuteStatement(input) => {
            let (table, item) = insertion(input.statement.as_deref().unwrap_or_default(), input.parameters.as_deref().unwrap_or_default());
            vec![Wrote::item(&table, item)]
        }
        Request::ExecuteTransaction(input) => {
            let one = |(table, item): (String, Item)| Wrote::item(&table, item);
            let all = input.transact_statements.iter().flatten();
            all.map(|statement| one(insertion(&statement.statement, statement.parameters.as_deref().unwrap_or_default()))).collect()
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
