//! What stands behind the ports answers as the embedded DynamoDB does behind the SDK: every kind of request that the pipeline makes, with
//! the pipeline's own expressions.

use std::fmt::Debug;
use std::sync::Arc;

use annals_aws::{Answering, DynamoDb, Port, Request};
use annals_local::randomness::Seeded;
use annals_local::{Config, Local, Role, Store};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::execute_statement::ExecuteStatementInput;
use aws_sdk_dynamodb::operation::execute_transaction::{ExecuteTransactionError, ExecuteTransactionInput};
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsInput};
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, KeysAndAttributes, ParameterizedStatement, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use proptest::prelude::*;
use serde_json::json;
use sim::clock::SimClock;
use sim::memory::Memory;

type Item = std::collections::HashMap<String, AttributeValue>;

const TABLE: &str = "subscriptions";

/// The conditions of rows, stamps, walks, pointers, keys and sessions.
const CONDITIONS: [&str; 8] = [
    "attribute_not_exists(PK)",
    "attribute_exists(PK)",
    "attribute_not_exists(PK) OR (#rev < :rev AND #ver <= :ver) OR (#rev = :rev AND #ver < :ver)",
    "attribute_not_exists(PK) OR (#rev <= :rev AND #ver <= :ver)",
    "#rev = :rev AND #ver = :ver",
    "attribute_not_exists(PK) OR #rev < :rev",
    "attribute_not_exists(PK) OR attribute_exists(erased_at)",
    "attribute_not_exists(PK) OR #rev = :ver",
];

/// One request. Numbers of keys, of conditions and of what is written.
#[derive(Clone, Debug)]
enum Asked {
    Put(u8, Written, Option<usize>),
    Insert(u8, Written),
    InsertBoth(u8, u8, Written),
    Transact { stamp: (u8, Written, Option<usize>), row: u8, deleted: u8, total: u8 },
    Erase(u8),
    Count(u8),
    Delete(u8),
    Get(u8, bool),
    GetMany(Vec<u8>),
    Query { pk: u8, sort: Sort, forward: bool, limit: i32 },
    Scan(i32),
}

#[derive(Clone, Copy, Debug)]
struct Written {
    rev: u8,
    ver: u8,
}

#[derive(Clone, Copy, Debug)]
enum Sort {
    All,
    From(u8),
    Until(u8),
    Between(u8, u8),
    BeginsWith(u8),
}

fn written() -> impl Strategy<Value = Written> {
    (0u8..3, 0u8..12).prop_map(|(rev, ver)| Written { rev, ver })
}

fn asked() -> impl Strategy<Value = Asked> {
    let key = 0u8..12;
    let condition = || proptest::option::of(0..CONDITIONS.len());
    let sort = prop_oneof![
        Just(Sort::All),
        (0u8..5).prop_map(Sort::From),
        (0u8..5).prop_map(Sort::Until),
        (0u8..3, 2u8..5).prop_map(|(from, until)| Sort::Between(from, until)),
        (0u8..5).prop_map(Sort::BeginsWith),
    ];
    prop_oneof![
        (key.clone(), written(), condition()).prop_map(|(key, written, condition)| Asked::Put(key, written, condition)),
        (key.clone(), written()).prop_map(|(key, written)| Asked::Insert(key, written)),
        (key.clone(), key.clone(), written())
            .prop_filter("a transaction has a key once", |(one, other, _)| one != other)
            .prop_map(|(one, other, written)| Asked::InsertBoth(one, other, written)),
        (key.clone(), written(), condition()).prop_map(|(first, written, condition)| Asked::Transact {
            stamp: (first, written, condition),
            row: (first + 1) % 12,
            deleted: (first + 2) % 12,
            total: 100 + first % 2,
        }),
        key.clone().prop_map(Asked::Erase),
        (100u8..102).prop_map(Asked::Count),
        key.clone().prop_map(Asked::Delete),
        (key.clone(), any::<bool>()).prop_map(|(key, all)| Asked::Get(key, all)),
        proptest::collection::btree_set(key, 1..5).prop_map(|keys| Asked::GetMany(keys.into_iter().collect())),
        (0u8..3, sort, any::<bool>(), 1i32..6).prop_map(|(pk, sort, forward, limit)| Asked::Query { pk, sort, forward, limit }),
        (1i32..6).prop_map(Asked::Scan),
    ]
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Three partitions of four items, and two totals.
fn key(number: u8) -> Item {
    Item::from([("PK".into(), s(format!("P#{}", number % 3))), ("SK".into(), s(format!("S#{}", number / 3)))])
}

fn item(number: u8, written: Written) -> Item {
    let mut item = key(number);
    item.extend([("rev".into(), n(written.rev)), ("ver".into(), n(written.ver)), ("owner".into(), s(format!("owner {}", written.rev)))]);
    item.insert(
        "list".into(),
        AttributeValue::L(vec![AttributeValue::M(Item::from([("a".into(), n(written.ver))])), AttributeValue::Bool(true)]),
    );
    item
}

/// The names and values that a condition uses, and no others: DynamoDB refuses what is not used.
fn given(condition: &str, written: Written) -> (Option<std::collections::HashMap<String, String>>, Option<Item>) {
    let names = [("#rev", "rev"), ("#ver", "ver")].into_iter().filter(|(name, _)| condition.contains(name));
    let names: std::collections::HashMap<_, _> = names.map(|(name, stands)| (name.to_owned(), stands.to_owned())).collect();
    let values = [(":rev", n(written.rev)), (":ver", n(written.ver))].into_iter().filter(|(name, _)| condition.contains(name));
    let values: Item = values.map(|(name, value)| (name.to_owned(), value)).collect();
    (Some(names).filter(|names| !names.is_empty()), Some(values).filter(|values| !values.is_empty()))
}

/// Memory alone, with nothing in the way.
#[derive(Debug)]
struct Plain(Memory);

impl Port for Plain {
    fn call(&self, request: Request) -> Answering {
        let response = self.0.call(request);
        Box::pin(async move { response })
    }
}

fn insert(number: u8, written: Written) -> (String, Vec<AttributeValue>) {
    let mut attributes: Vec<_> = item(number, written).into_iter().collect();
    attributes.sort_by(|one, other| one.0.cmp(&other.0));
    let places: Vec<_> = attributes.iter().map(|(name, _)| format!("'{name}': ?")).collect();
    (format!("INSERT INTO \"{TABLE}\" VALUE {{{}}}", places.join(", ")), attributes.into_iter().map(|(_, value)| value).collect())
}

fn codes(reasons: &[CancellationReason]) -> Vec<String> {
    reasons.iter().map(|reason| reason.code().unwrap_or_default().to_owned()).collect()
}

fn code<E: ProvideErrorMetadata + Debug>(error: &SdkError<E>) -> String {
    error.code().map_or_else(|| format!("{error:?}"), str::to_owned)
}

/// What a table answers, in one form.
async fn answer(table: &DynamoDb, asked: &Asked) -> String {
    match asked {
        Asked::Put(number, written, condition) => {
            let condition = condition.map(|number| CONDITIONS[number]);
            let (names, values) = condition.map_or((None, None), |condition| given(condition, *written));
            let put = PutItemInput::builder().table_name(TABLE).set_item(Some(item(*number, *written)));
            let put = put.set_condition_expression(condition.map(str::to_owned)).set_expression_attribute_names(names);
            let put = put.set_expression_attribute_values(values);
            let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match table.send(put).await {
                Ok(_) => "put".into(),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                        format!("{} {:?}", code(&error), failed.item().map(sorted))
                    }
                    _ => code(&error),
                },
            }
        }
        Asked::Insert(number, written) => {
            let (statement, values) = insert(*number, *written);
            let insert = ExecuteStatementInput::builder().statement(statement).set_parameters(Some(values));
            table.send(insert).await.map_or_else(|error| code(&error), |_| "inserted".into())
        }
        Asked::InsertBoth(one, other, written) => {
            let statement = |number| {
                let (statement, values) = insert(number, *written);
                ParameterizedStatement::builder().statement(statement).set_parameters(Some(values)).build().unwrap()
            };
            let both = ExecuteTransactionInput::builder().transact_statements(statement(*one)).transact_statements(statement(*other));
            match table.send(both).await {
                Ok(_) => "both".into(),
                Err(error) => match error.as_service_error() {
                    Some(ExecuteTransactionError::TransactionCanceledException(cancelled)) => {
                        format!("{} {:?}", code(&error), codes(cancelled.cancellation_reasons()))
                    }
                    _ => code(&error),
                },
            }
        }
        Asked::Transact { stamp, row, deleted, total } => {
            let actions = transaction(stamp, *row, *deleted, *total);
            match table.send(TransactWriteItemsInput::builder().set_transact_items(Some(actions))).await {
                Ok(_) => "written".into(),
                Err(error) => match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                        format!("{} {:?}", code(&error), codes(cancelled.cancellation_reasons()))
                    }
                    _ => code(&error),
                },
            }
        }
        Asked::Erase(number) => {
            let update = UpdateItemInput::builder().table_name(TABLE).set_key(Some(key(*number)));
            let update = update.update_expression("SET erased_at = if_not_exists(erased_at, :now) REMOVE #owner");
            let update = update.expression_attribute_names("#owner", "owner").expression_attribute_values(":now", s("now"));
            let erased = table.send(update.return_values(ReturnValue::AllNew)).await;
            erased.map_or_else(|error| code(&error), |output| format!("{:?}", output.attributes().map(sorted)))
        }
        Asked::Count(number) => {
            let update = UpdateItemInput::builder().table_name(TABLE).set_key(Some(key(*number)));
            let update = update.update_expression("SET n = if_not_exists(n, :none) + :one");
            let update = update.expression_attribute_values(":none", n(0)).expression_attribute_values(":one", n(1));
            let counted = table.send(update.return_values(ReturnValue::AllNew)).await;
            counted.map_or_else(|error| code(&error), |output| format!("{:?}", output.attributes().map(sorted)))
        }
        Asked::Delete(number) => {
            let delete =
                DeleteItemInput::builder().table_name(TABLE).set_key(Some(key(*number))).condition_expression("#rev = :rev AND ver > :ver");
            let delete = delete.expression_attribute_names("#rev", "rev").expression_attribute_values(":rev", n(1));
            let delete = delete.expression_attribute_values(":ver", n(3));
            table.send(delete).await.map_or_else(|error| code(&error), |_| "deleted".into())
        }
        Asked::Get(number, all) => {
            let get = GetItemInput::builder().table_name(TABLE).set_key(Some(key(*number))).consistent_read(true);
            let get = match all {
                true => get,
                false => get.projection_expression("PK, #ver, erased_at").expression_attribute_names("#ver", "ver"),
            };
            table.send(get).await.map_or_else(|error| code(&error), |output| format!("{:?}", output.item().map(sorted)))
        }
        Asked::GetMany(numbers) => {
            let keys = KeysAndAttributes::builder().set_keys(Some(numbers.iter().map(|number| key(*number)).collect())).build().unwrap();
            let answer = table.send(BatchGetItemInput::builder().request_items(TABLE, keys)).await.unwrap();
            let mut items: Vec<_> = answer.responses().unwrap()[TABLE].iter().map(|item| format!("{:?}", sorted(item))).collect();
            items.sort();
            items.join("; ")
        }
        Asked::Query { pk, sort, forward, limit } => query(table, *pk, *sort, *forward, *limit).await,
        Asked::Scan(limit) => {
            let (mut items, mut after) = (vec![], None);
            loop {
                let scan = ScanInput::builder().table_name(TABLE).limit(*limit).consistent_read(true).set_exclusive_start_key(after);
                let page = table.send(scan).await.unwrap();
                items.extend(page.items().iter().map(|item| format!("{:?}", sorted(item))));
                after = page.last_evaluated_key;
                if after.is_none() {
                    break;
                }
            }
            items.sort();
            items.join("; ")
        }
    }
}

fn transaction(stamp: &(u8, Written, Option<usize>), row: u8, deleted: u8, total: u8) -> Vec<TransactWriteItem> {
    let (first, written, condition) = stamp;
    let condition = condition.map(|number| CONDITIONS[number]);
    let (names, values) = condition.map_or((None, None), |condition| given(condition, *written));
    let put =
        Put::builder().table_name(TABLE).set_item(Some(item(*first, *written))).set_condition_expression(condition.map(str::to_owned));
    let put = put.set_expression_attribute_names(names).set_expression_attribute_values(values).build().unwrap();
    let own = Put::builder().table_name(TABLE).set_item(Some(item(row, *written)));
    let own = own.condition_expression("attribute_not_exists(PK) OR #owner = :owner").expression_attribute_names("#owner", "owner");
    let own = own.expression_attribute_values(":owner", s(format!("owner {}", written.rev))).build().unwrap();
    let delete = Delete::builder().table_name(TABLE).set_key(Some(key(deleted))).build().unwrap();
    let add = Update::builder().table_name(TABLE).set_key(Some(key(total)));
    let add = add.update_expression("ADD #amount :amount, #n :n SET #total = :total").expression_attribute_names("#amount", "amount");
    let add = add.expression_attribute_names("#n", "n").expression_attribute_names("#total", "total");
    let add = add.expression_attribute_values(":amount", n(-5)).expression_attribute_values(":n", n(1));
    let add = add.expression_attribute_values(":total", s("EUR")).build().unwrap();
    let action = TransactWriteItem::builder;
    vec![action().put(put).build(), action().put(own).build(), action().delete(delete).build(), action().update(add).build()]
}

/// All pages of a query.
async fn query(table: &DynamoDb, pk: u8, sort: Sort, forward: bool, limit: i32) -> String {
    let sk = |number: u8| s(format!("S#{number}"));
    let (condition, values) = match sort {
        Sort::All => ("", vec![]),
        Sort::From(from) => (" AND #sk >= :from", vec![(":from", sk(from))]),
        Sort::Until(until) => (" AND #sk <= :until", vec![(":until", sk(until))]),
        Sort::Between(from, until) => (" AND #sk BETWEEN :from AND :until", vec![(":from", sk(from)), (":until", sk(until))]),
        Sort::BeginsWith(prefix) => (" AND begins_with(#sk, :prefix)", vec![(":prefix", sk(prefix))]),
    };
    let mut names = std::collections::HashMap::from([("#pk".to_owned(), "PK".to_owned())]);
    names.extend((!condition.is_empty()).then(|| ("#sk".to_owned(), "SK".to_owned())));
    let values: Item =
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).chain([(":pk".to_owned(), s(format!("P#{pk}")))]).collect();
    let (mut items, mut after) = (vec![], None);
    loop {
        let query = QueryInput::builder().table_name(TABLE).key_condition_expression(format!("#pk = :pk{condition}"));
        let query = query.set_expression_attribute_names(Some(names.clone())).set_expression_attribute_values(Some(values.clone()));
        let page = table.send(query.scan_index_forward(forward).limit(limit).set_exclusive_start_key(after)).await.unwrap();
        items.extend(page.items().iter().map(|item| format!("{:?}", sorted(item))));
        after = page.last_evaluated_key;
        if after.is_none() {
            return items.join("; ");
        }
    }
}

fn sorted(item: &Item) -> std::collections::BTreeMap<&String, &AttributeValue> {
    item.iter().collect()
}

async fn embedded() -> (Local, DynamoDb) {
    let mut config = Config::new(Store::Memory, Arc::new(SimClock::new(3)), Arc::new(Seeded::new(1)));
    config.tables = vec![access_patterns::billing().table(TABLE).unwrap().create_table_json()];
    let everything = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    config.roles =
        vec![Role { name: "test".into(), access_key_id: "AKIATEST".into(), secret_access_key: "s".into(), policies: vec![everything] }];
    let local = Local::open(config).await.unwrap();
    let account = annals_lambda::Account::new(local.http_client(), local.credentials("test").unwrap(), annals_local::arn::REGION);
    (local, account.dynamodb())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn memory_answers_as_the_embedded_database_does(requests in proptest::collection::vec(asked(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (_local, embedded) = embedded().await;
            let memory = DynamoDb::through(Arc::new(Plain(Memory::default())));
            for (place, one) in requests.iter().enumerate() {
                let (expected, found) = (answer(&embedded, one).await, answer(&memory, one).await);
                prop_assert_eq!(found, expected, "request {} is {:?}", place, one);
            }
            Ok(())
        })?;
    }
}
