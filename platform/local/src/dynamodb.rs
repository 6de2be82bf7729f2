//! Runs DynamoDB operations on the embedded database and answers as the wire does.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arn;
use crate::wire::Answer;

/// Runs an operation. `body` is the request as it came.
pub(crate) fn run(database: &Database, operation: &str, body: &str) -> Answer {
    macro_rules! call {
        ($method:ident) => {
            read(body).and_then(|request| database.$method(request)).and_then(|response| write(&response))
        };
    }
    let result = match operation {
        "PutItem" => call!(put_item),
        "GetItem" => call!(get_item),
        "UpdateItem" => call!(update_item),
        "DeleteItem" => call!(delete_item),
        "Query" => call!(query),
        "Scan" => call!(scan),
        "BatchGetItem" => call!(batch_get_item),
        "BatchWriteItem" => call!(batch_write_item),
        "TransactGetItems" => call!(transact_get_items),
        "TransactWriteItems" => call!(transact_write_items),
        "ExecuteStatement" => call!(execute_statement),
        "ExecuteTransaction" => call!(execute_transaction),
        "BatchExecuteStatement" => call!(batch_execute_statement),
        "UpdateTimeToLive" => call!(update_time_to_live),
        "DescribeTimeToLive" => call!(describe_time_to_live),
        "ListTables" => call!(list_tables),
        "CreateTable" | "DeleteTable" | "DescribeTable" | "UpdateTable" | "TagResource" | "UntagResource" | "ListTagsOfResource" => {
            return with_arns(database, operation, body);
        }
        _ => return Answer::refused("UnknownOperationException", ""),
    };
    answer(operation, result)
}

/// Operations whose requests or answers carry ARNs: the engine's region is called `dynoxide`.
fn with_arns(database: &Database, operation: &str, body: &str) -> Answer {
    let body = &body.replace(&format!(":{}:", arn::REGION), ":dynoxide:");
    macro_rules! call {
        ($method:ident) => {
            read(body).and_then(|request| database.$method(request)).and_then(|response| write(&response))
        };
    }
    let result = match operation {
        "CreateTable" => call!(create_table),
        "DeleteTable" => call!(delete_table),
        "DescribeTable" => call!(describe_table),
        "UpdateTable" => call!(update_table),
        "TagResource" => call!(tag_resource),
        "UntagResource" => call!(untag_resource),
        _ => call!(list_tags_of_resource),
    };
    let mut answer = answer(operation, result);
    let text = String::from_utf8_lossy(&answer.body).replace(":dynoxide:", &format!(":{}:", arn::REGION));
    answer.body = text.into();
    answer
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))
}

fn write<T: Serialize>(response: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Why the engine could not read a request: its readers mark their messages with the class of error.
fn unreadable(message: &str) -> DynoxideError {
    let without_place = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    if let Some(as_read) = message.strip_prefix("SERIALIZATION_AS_READ:") {
        DynoxideError::SerializationException(as_read.to_owned())
    } else if let Some(as_read) = message.strip_prefix("VALIDATION_AS_READ:") {
        DynoxideError::ValidationException(as_read.to_owned())
    } else if let Some(rest) = without_place.strip_prefix("SERIALIZATION:") {
        DynoxideError::SerializationException(rest.to_owned())
    } else if let Some(rest) = without_place.strip_prefix("VALIDATION_REQUEST:") {
        DynoxideError::EnvelopedValidation(rest.to_owned())
    } else if let Some(rest) = without_place.strip_prefix("VALIDATION:") {
        DynoxideError::ValidationException(rest.to_owned())
    } else if ["missing field", "unknown variant", "invalid type: null", "AttributeValue"].iter().any(|sign| message.contains(sign)) {
        DynoxideError::ValidationException(without_place.to_owned())
    } else {
        DynoxideError::SerializationException(without_place.to_owned())
    }
}

fn answer(operation: &str, result: Result<String, DynoxideError>) -> Answer {
    let error = match result {
        Ok(body) => return Answer::ok(body),
        Err(DynoxideError::EnvelopedValidation(message)) if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") => {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        Err(error) => error,
    };
    if error.status_code() >= 500 {
        tracing::error!(operation, %error, "the embedded database failed");
    }
    Answer { status: error.status_code(), body: error.to_json().into(), error: None, query_error: None }
}
