//! DynamoDB's tables, whose keys are `PK` and `SK`: what the pipeline reads and writes, as DynamoDB answers it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use annals_aws::port::refused;
use annals_aws::{Request, Response};
use annals_reads::{Item, Key};
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::execute_statement::{ExecuteStatementError, ExecuteStatementInput, ExecuteStatementOutput};
use aws_sdk_dynamodb::operation::execute_transaction::{ExecuteTransactionError, ExecuteTransactionInput, ExecuteTransactionOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, DuplicateItemException, TransactionCanceledException};
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::expressions::{Given, Parsed, insertion, project};
use crate::chance::Chance;
use crate::world::text;

/// A table: items by partition key, and by sort key in it.
type Table = BTreeMap<String, BTreeMap<String, Item>>;

/// The tables of an account. Each is there from the first time that it is asked for.
#[derive(Debug, Default)]
pub struct Database {
    parsed: Parsed,
    tables: Mutex<HashMap<String, Table>>,
}

/// One write of a transaction, or alone.
struct Write<'a> {
    table: &'a str,
    condition: Option<&'a str>,
    given: Given<'a>,
    what: What<'a>,
}

enum What<'a> {
    Put(Item),
    Insert(Item),
    Update(Item, &'a str),
    Delete(Item),
}

impl<'a> Write<'a> {
    fn new(table: &'a Option<String>, condition: &'a Option<String>, given: Given<'a>, what: What<'a>) -> Self {
        Self { table: table.as_deref().unwrap_or_default(), condition: condition.as_deref(), given, what }
    }

    fn key(&self) -> (&str, &str) {
        match &self.what {
            What::Put(item) | What::Insert(item) | What::Update(item, _) | What::Delete(item) => key_of(item),
        }
    }
}

impl Database {
    /// Carries a request of DynamoDB out.
    pub fn call(&self, request: Request) -> Response {
        match request {
            Request::GetItem(input) => Response::GetItem(Box::new(Ok(self.get(*input)))),
            Request::BatchGetItem(input) => Response::BatchGetItem(Box::new(Ok(self.get_many(*input)))),
            Request::Query(input) => Response::Query(Box::new(Ok(self.query(*input)))),
            Request::Scan(input) => Response::Scan(Box::new(Ok(self.scan(*input)))),
            Request::PutItem(input) => self.put(*input),
            Request::UpdateItem(input) => self.update(*input),
            Request::DeleteItem(input) => self.delete(*input),
            Request::TransactWriteItems(input) => self.transact(*input),
            Request::ExecuteStatement(input) => self.insert(*input),
            Request::ExecuteTransaction(input) => self.insert_all(*input),
            other => panic!("{} is no operation of DynamoDB", other.operation()),
        }
    }

    /// Every item of a table, in the order of its keys.
    pub fn items(&self, table: &str) -> Vec<Item> {
        self.tables().get(table).into_iter().flatten().flat_map(|(_, items)| items.values()).cloned().collect()
    }

    /// The items of one partition key, in the order of the sort key.
    pub fn partition(&self, table: &str, pk: &str) -> Vec<Item> {
        self.tables().get(table).and_then(|table| table.get(pk)).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Deletes items, whatever they are: only a restore does.
    pub fn forget(&self, table: &str, items: &[Item]) {
        let mut tables = self.tables();
        let Some(table) = tables.get_mut(table) else { return };
        for item in items {
            delete(table, key_of(item));
        }
    }

    fn tables(&self) -> MutexGuard<'_, HashMap<String, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, input: GetItemInput) -> GetItemOutput {
        let given = Given::new(&input.expression_attribute_names, &None);
        let key = input.key.as_ref().map_or(Default::default(), key_of);
        let tables = self.tables();
        let item = find(&tables, input.table_name.as_deref().unwrap_or_default(), key);
        GetItemOutput::builder().set_item(item.map(|item| project(input.projection_expression.as_deref(), given, item))).build()
    }

    fn get_many(&self, input: BatchGetItemInput) -> BatchGetItemOutput {
        let tables = self.tables();
        let mut responses = HashMap::new();
        for (table, asked) in input.request_items.unwrap_or_default() {
            let given = Given::new(&asked.expression_attribute_names, &None);
            let found = asked.keys.iter().filter_map(|key| find(&tables, &table, key_of(key)));
            let items = found.map(|item| project(asked.projection_expression.as_deref(), given, item)).collect();
            responses.insert(table, items);
        }
        BatchGetItemOutput::builder().set_responses(Some(responses)).set_unprocessed_keys(Some(HashMap::new())).build()
    }

    fn query(&self, input: QueryInput) -> QueryOutput {
        assert!(input.index_name.is_none(), "the pipeline asks no index, and this asks {:?}", input.index_name);
        let given = Given::new(&input.expression_attribute_names, &input.expression_attribute_values);
        let range = self.parsed.range(input.key_condition_expression.as_deref().unwrap_or_default(), given);
        let after = input.exclusive_start_key.as_ref().map(|key| key_of(key).1);
        let (limit, tables) = (as_limit(input.limit), self.tables());
        let partition = tables.get(input.table_name.as_deref().unwrap_or_default()).and_then(|table| table.get(&range.pk));
        let backwards = input.scan_index_forward == Some(false);
        let (start, end) = match after {
            Some(after) if backwards => (Bound::Included(range.first()), Bound::Excluded(after)),
            Some(after) if after >= range.first() => (Bound::Excluded(after), Bound::Unbounded),
            _ => (Bound::Included(range.first()), Bound::Unbounded),
        };
        let is_empty = matches!((start, end), (Bound::Included(start), Bound::Excluded(end)) if start >= end);
        let items = partition.filter(|_| !is_empty).into_iter().flat_map(|partition| partition.range::<str, _>((start, end)));
        let items = items.filter(|(sk, _)| range.has(sk)).map(|(_, item)| item);
        let found: Vec<&Item> = if backwards { items.rev().take(limit).collect() } else { items.take(limit).collect() };
        let next = found.last().filter(|_| found.len() == limit).map(|item| key(item));
        let items = found.into_iter().map(|item| project(input.projection_expression.as_deref(), given, item)).collect();
        QueryOutput::builder().set_items(Some(items)).set_last_evaluated_key(next).build()
    }

    fn scan(&self, input: ScanInput) -> ScanOutput {
        let given = Given::new(&input.expression_attribute_names, &None);
        let after = input.exclusive_start_key.as_ref().map(key_of);
        let (limit, tables) = (as_limit(input.limit), self.tables());
        let (segment, segments) = (input.segment.unwrap_or(0).unsigned_abs(), input.total_segments.unwrap_or(1).unsigned_abs());
        let mine = |pk: &str| segments < 2 || Chance::new(1).below(segments.into(), &[pk], 0) == u64::from(segment);
        let from = after.map_or(Bound::Unbounded, |(pk, _)| Bound::Included(pk));
        let partitions = tables.get(input.table_name.as_deref().unwrap_or_default());
        let partitions = partitions.into_iter().flat_map(|table| table.range::<str, _>((from, Bound::Unbounded)));
        let items = partitions.filter(|(pk, _)| mine(pk)).flat_map(|(_, items)| items.values());
        let found: Vec<&Item> = items.filter(|item| after.is_none_or(|after| key_of(item) > after)).take(limit).collect();
        let next = found.last().filter(|_| found.len() == limit).map(|item| key(item));
        let items = found.into_iter().map(|item| project(input.projection_expression.as_deref(), given, item)).collect();
        ScanOutput::builder().set_items(Some(items)).set_last_evaluated_key(next).build()
    }

    fn put(&self, input: PutItemInput) -> Response {
        let given = Given::new(&input.expression_attribute_names, &input.expression_attribute_values);
        let what = What::Put(input.item.unwrap_or_default());
        let write = Write::new(&input.table_name, &input.condition_expression, given, what);
        let failed = |old| refused(PutItemError::ConditionalCheckFailedException(failed(old)), 400);
        let written = self.write_one(write, input.return_values_on_condition_check_failure);
        Response::PutItem(Box::new(written.map(|_| PutItemOutput::builder().build()).map_err(failed)))
    }

    fn update(&self, input: UpdateItemInput) -> Response {
        let given = Given::new(&input.expression_attribute_names, &input.expression_attribute_values);
        let what = What::Update(input.key.unwrap_or_default(), input.update_expression.as_deref().unwrap_or_default());
        let write = Write::new(&input.table_name, &input.condition_expression, given, what);
        let failed = |old| refused(UpdateItemError::ConditionalCheckFailedException(failed(old)), 400);
        let written = self.write_one(write, input.return_values_on_condition_check_failure);
        let shown = |new: Option<Item>| new.filter(|_| input.return_values == Some(ReturnValue::AllNew));
        let output = |new| UpdateItemOutput::builder().set_attributes(shown(new)).build();
        Response::UpdateItem(Box::new(written.map(output).map_err(failed)))
    }

    fn delete(&self, input: DeleteItemInput) -> Response {
        let given = Given::new(&input.expression_attribute_names, &input.expression_attribute_values);
        let what = What::Delete(input.key.unwrap_or_default());
        let write = Write::new(&input.table_name, &input.condition_expression, given, what);
        let failed = |old| refused(DeleteItemError::ConditionalCheckFailedException(failed(old)), 400);
        let written = self.write_one(write, input.return_values_on_condition_check_failure);
        Response::DeleteItem(Box::new(written.map(|_| DeleteItemOutput::builder().build()).map_err(failed)))
    }

    fn transact(&self, input: TransactWriteItemsInput) -> Response {
        let actions = input.transact_items.unwrap_or_default();
        let written = self.write_all(actions.iter().map(action).collect());
        let cancelled = |reasons| refused(TransactWriteItemsError::TransactionCanceledException(cancelled(reasons)), 400);
        Response::TransactWriteItems(Box::new(written.map(|()| TransactWriteItemsOutput::builder().build()).map_err(cancelled)))
    }

    fn insert(&self, input: ExecuteStatementInput) -> Response {
        let statement = input.statement.unwrap_or_default();
        let written = self.write_one(inserted(&statement, input.parameters.unwrap_or_default()), None);
        let taken = |_| {
            let taken = DuplicateItemException::builder().message("taken").meta(meta("DuplicateItemException")).build();
            refused(ExecuteStatementError::DuplicateItemException(taken), 400)
        };
        Response::ExecuteStatement(Box::new(written.map(|_| ExecuteStatementOutput::builder().build()).map_err(taken)))
    }

    fn insert_all(&self, input: ExecuteTransactionInput) -> Response {
        let statements = input.transact_statements.unwrap_or_default();
        let writes = statements.iter().map(|one| inserted(&one.statement, one.parameters.clone().unwrap_or_default())).collect();
        let written = self.write_all(writes);
        let cancelled = |reasons| refused(ExecuteTransactionError::TransactionCanceledException(cancelled(reasons)), 400);
        Response::ExecuteTransaction(Box::new(written.map(|()| ExecuteTransactionOutput::builder().build()).map_err(cancelled)))
    }

    /// One write under its condition: of an update, what is there then; where the condition does not hold, what is there, as far as that is shown.
    fn write_one(&self, write: Write<'_>, shows: Option<ReturnValuesOnConditionCheckFailure>) -> Result<Option<Item>, Option<Item>> {
        let mut tables = self.tables();
        if self.allows(&tables, &write) {
            return Ok(self.apply(&mut tables, write));
        }
        let old = find(&tables, write.table, write.key());
        Err(old.filter(|_| shows == Some(ReturnValuesOnConditionCheckFailure::AllOld)).cloned())
    }

    /// All writes, or none of them: then why, of each.
    fn write_all(&self, writes: Vec<Write<'_>>) -> Result<(), Vec<&'static str>> {
        let mut tables = self.tables();
        let reason = |write: &Write<'_>| match (&write.what, self.allows(&tables, write)) {
            (_, true) => "None",
            (What::Insert(_), false) => "DuplicateItem",
            (_, false) => "ConditionalCheckFailed",
        };
        let reasons: Vec<&'static str> = writes.iter().map(reason).collect();
        if reasons.iter().any(|reason| *reason != "None") {
            return Err(reasons);
        }
        writes.into_iter().for_each(|write| drop(self.apply(&mut tables, write)));
        Ok(())
    }

    fn allows(&self, tables: &HashMap<String, Table>, write: &Write<'_>) -> bool {
        let there = find(tables, write.table, write.key());
        match &write.what {
            What::Insert(_) => there.is_none(),
            _ => self.parsed.holds(write.condition, write.given, there),
        }
    }

    /// Does a write; of an update, what the item is then.
    fn apply(&self, tables: &mut HashMap<String, Table>, write: Write<'_>) -> Option<Item> {
        let table = match tables.get_mut(write.table) {
            Some(table) => table,
            None => tables.entry(write.table.to_owned()).or_default(),
        };
        match write.what {
            What::Put(item) | What::Insert(item) => {
                put(table, item);
                None
            }
            What::Update(key, expression) => {
                let (pk, sk) = key_of(&key);
                let mut item = table.get(pk).and_then(|items| items.get(sk)).cloned().unwrap_or_else(|| key.clone());
                self.parsed.update(expression, write.given, &mut item);
                let new = item.clone();
                put(table, item);
                Some(new)
            }
            What::Delete(key) => {
                delete(table, key_of(&key));
                None
            }
        }
    }
}

fn find<'t>(tables: &'t HashMap<String, Table>, table: &str, (pk, sk): (&str, &str)) -> Option<&'t Item> {
    tables.get(table)?.get(pk)?.get(sk)
}

fn put(table: &mut Table, item: Item) {
    let (pk, sk) = key_of(&item);
    let (pk, sk) = (pk.to_owned(), sk.to_owned());
    table.entry(pk).or_default().insert(sk, item);
}

fn delete(table: &mut Table, (pk, sk): (&str, &str)) {
    if let Some(items) = table.get_mut(pk) {
        items.remove(sk);
        if items.is_empty() {
            table.remove(pk);
        }
    }
}

/// The key of an item.
fn key_of(item: &Item) -> (&str, &str) {
    (text(item, "PK"), text(item, "SK"))
}

fn as_limit(limit: Option<i32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

fn key(item: &Item) -> Key {
    let (pk, sk) = key_of(item);
    Key::from([("PK".to_owned(), AttributeValue::S(pk.to_owned())), ("SK".to_owned(), AttributeValue::S(sk.to_owned()))])
}

/// One action of a transaction.
fn action(action: &TransactWriteItem) -> Write<'_> {
    if let Some(put) = &action.put {
        let given = Given::new(&put.expression_attribute_names, &put.expression_attribute_values);
        let what = What::Put(put.item.clone());
        return Write { table: &put.table_name, condition: put.condition_expression.as_deref(), given, what };
    }
    if let Some(update) = &action.update {
        let given = Given::new(&update.expression_attribute_names, &update.expression_attribute_values);
        let what = What::Update(update.key.clone(), &update.update_expression);
        return Write { table: &update.table_name, condition: update.condition_expression.as_deref(), given, what };
    }
    let delete = action.delete.as_ref().unwrap_or_else(|| panic!("the pipeline puts, updates and deletes, and this is {action:?}"));
    let given = Given::new(&delete.expression_attribute_names, &delete.expression_attribute_values);
    Write { table: &delete.table_name, condition: delete.condition_expression.as_deref(), given, what: What::Delete(delete.key.clone()) }
}

/// A statement with its values.
fn inserted(statement: &str, values: Vec<AttributeValue>) -> Write<'_> {
    let (table, names) = insertion(statement).unwrap_or_else(|| panic!("the pipeline only inserts, and this is `{statement}`"));
    let item = names.zip(values).map(|(name, value)| (name.to_owned(), value)).collect();
    Write { table, condition: None, given: Given::default(), what: What::Insert(item) }
}

fn failed(old: Option<Item>) -> ConditionalCheckFailedException {
    let failed = ConditionalCheckFailedException::builder().message("The conditional request failed").set_item(old);
    failed.meta(meta("ConditionalCheckFailedException")).build()
}

fn cancelled(reasons: Vec<&str>) -> TransactionCanceledException {
    let reasons = reasons.into_iter().map(|reason| CancellationReason::builder().code(reason).build()).collect();
    let cancelled = TransactionCanceledException::builder().message("cancelled").set_cancellation_reasons(Some(reasons));
    cancelled.meta(meta("TransactionCanceledException")).build()
}

fn meta(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).build()
}
