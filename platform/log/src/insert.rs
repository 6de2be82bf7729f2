//! Inserts an item into a table that is append-only, and says what is known of it afterwards.

use annals_aws::DynamoDb;
use annals_reads::Item;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::execute_statement::{ExecuteStatementError, ExecuteStatementInput};
use aws_sdk_dynamodb::operation::execute_transaction::{ExecuteTransactionError, ExecuteTransactionInput};
use aws_sdk_dynamodb::types::{AttributeValue, ParameterizedStatement, ReturnConsumedCapacity};
use uuid::Uuid;

use crate::log::BoxError;

/// How an insert ended.
#[derive(Debug)]
pub enum Inserted {
    /// The item is in the table.
    Written,
    /// The key has an item, whose we do not know: `DuplicateItemException` says nothing of it.
    Taken,
    /// Refused before anything was written; to be tried again after a while.
    Throttled(BoxError),
    /// No answer, or one that does not say whether it was written.
    NoAnswer(BoxError),
    /// Refused before anything was written; trying again would not help.
    Refused(BoxError),
}

/// Inserts `item` into `table` if its key is free.
///
/// PartiQL INSERT, not a conditional PutItem: IAM cannot tell a conditional put from an overwrite (ADR 0002). The client must not retry by
/// itself: the caller must see every lost answer.
///
/// Cost: 1 call, ceil(bytes / 1 KB) WCU, also when the key is taken.
pub async fn insert(client: &DynamoDb, table: &str, item: Item) -> Inserted {
    let (statement, values) = insert_statement(table, item);
    let call = ExecuteStatementInput::builder().statement(statement).set_parameters(Some(values));
    match client.send(call.return_consumed_capacity(ReturnConsumedCapacity::Total)).await {
        Ok(_) => Inserted::Written,
        Err(error) => classify(error),
    }
}

/// Inserts every item into `table` if all their keys are free, and none of them otherwise. `token` makes a repetition by the transport harmless.
///
/// Cost: 1 call, twice ceil(bytes / 1 KB) WCU for each item, also where a key is taken.
pub async fn insert_all(client: &DynamoDb, table: &str, items: Vec<Item>, token: Uuid) -> Inserted {
    let mut statements = vec![];
    for item in items {
        let (statement, values) = insert_statement(table, item);
        match ParameterizedStatement::builder().statement(statement).set_parameters(Some(values)).build() {
            Ok(statement) => statements.push(statement),
            Err(error) => return Inserted::Refused(error.into()),
        }
    }
    let call = ExecuteTransactionInput::builder().set_transact_statements(Some(statements)).client_request_token(token.to_string());
    match client.send(call.return_consumed_capacity(ReturnConsumedCapacity::Total)).await {
        Ok(_) => Inserted::Written,
        Err(error) => classify_all(error),
    }
}

/// What an error says about whether the items were written.
fn classify_all(error: SdkError<ExecuteTransactionError>) -> Inserted {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.code().map(str::to_owned);
    let codes: Vec<_> = match error.as_service_error() {
        Some(ExecuteTransactionError::TransactionCanceledException(canceled)) => {
            canceled.cancellation_reasons().iter().filter_map(|reason| reason.code().map(str::to_owned)).collect()
        }
        _ => vec![],
    };
    let kept = || -> BoxError { format!("{}", DisplayErrorContext(&error)).into() };
    let waits = ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];
    match (code.as_deref(), status) {
        (Some("TransactionCanceledException"), _) if codes.iter().any(|code| code == "DuplicateItem") => Inserted::Taken,
        // Another transaction has one of the keys in hand, or the table is busy: it will be seen what became of it.
        (Some("TransactionCanceledException"), _)
            if codes
                .iter()
                .any(|code| matches!(code.as_str(), "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")) =>
        {
            Inserted::Throttled(kept())
        }
        (Some("TransactionInProgressException"), _) => Inserted::NoAnswer(kept()),
        (Some(code), _) if waits.contains(&code) => Inserted::Throttled(kept()),
        (Some(_), Some(400..=499)) => Inserted::Refused(kept()),
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Inserted::Refused(kept()),
        _ => Inserted::NoAnswer(kept()),
    }
}

/// The statement with a place for every attribute, in the order of their names, and the values for the places.
fn insert_statement(table: &str, item: Item) -> (String, Vec<AttributeValue>) {
    let mut attributes: Vec<_> = item.into_iter().collect();
    attributes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let places: Vec<_> = attributes.iter().map(|(name, _)| format!("'{name}': ?")).collect();
    let statement = format!("INSERT INTO \"{table}\" VALUE {{{}}}", places.join(", "));
    (statement, attributes.into_iter().map(|(_, value)| value).collect())
}

/// What an error says about whether the item was written. In doubt it may have been.
fn classify(error: SdkError<ExecuteStatementError>) -> Inserted {
    let (code, status) = (error.code().map(str::to_owned), error.raw_response().map(|response| response.status().as_u16()));
    let kept = |error: SdkError<ExecuteStatementError>| -> BoxError { format!("{}", DisplayErrorContext(&error)).into() };
    match (&error, code.as_deref(), status) {
        (SdkError::ServiceError(_), Some("DuplicateItemException"), _) => Inserted::Taken,
        (SdkError::ServiceError(_), Some("ThrottlingException" | "ProvisionedThroughputExceededException" | "RequestLimitExceeded"), _) => {
            Inserted::Throttled(kept(error))
        }
        (SdkError::ServiceError(_), _, Some(400..=499)) | (SdkError::ConstructionFailure(_), ..) => Inserted::Refused(kept(error)),
        _ => Inserted::NoAnswer(kept(error)),
    }
}
