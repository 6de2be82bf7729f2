//! Reads DynamoDB requests for the embedded database, and answers as the wire does.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arn;
use crate::wire::Answer;

/// A request that was read, for the engine to run.
pub(crate) type Work = Box<dyn FnOnce(&Database) -> Ran + Send>;
/// What the engine came to, not written down yet.
pub(crate) type Ran = Box<dyn FnOnce() -> Answer + Send>;

/// Reads a request. It is parted into reading, running and writing, as only one request runs in the engine at a time.
pub(crate) fn read(operation: &str, body: &str) -> Result<Work, Answer> {
    macro_rules! work {
        ($name:literal, $method:ident) => {{
            let request = parsed(body).map_err(|error| answer($name, Err(error)))?;
            Box::new(move |database: &Database| {
                let result = database.$method(request);
                Box::new(move || answer($name, result.and_then(|response| written(&response)))) as Ran
            })
        }};
    }
    Ok(match operation {
        "PutItem" => work!("PutItem", put_item),
        "GetItem" => work!("GetItem", get_item),
        "UpdateItem" => work!("UpdateItem", update_item),
        "DeleteItem" => work!("DeleteItem", delete_item),
        "Query" => work!("Query", query),
        "Scan" => work!("Scan", scan),
        "BatchGetItem" => work!("BatchGetItem", batch_get_item),
        "BatchWriteItem" => work!("BatchWriteItem", batch_write_item),
        "TransactGetItems" => work!("TransactGetItems", transact_get_items),
        "TransactWriteItems" => work!("TransactWriteItems", transact_write_items),
        "ExecuteStatement" => work!("ExecuteStatement", execute_statement),
        "ExecuteTransaction" => work!("ExecuteTransaction", execute_transaction),
        "BatchExecuteStatement" => work!("BatchExecuteStatement", batch_execute_statement),
        "UpdateTimeToLive" => work!("UpdateTimeToLive", update_time_to_live),
        "DescribeTimeToLive" => work!("DescribeTimeToLive", describe_time_to_live),
        "ListTables" => work!("ListTables", list_tables),
        "CreateTable" | "DeleteTable" | "DescribeTable" | "UpdateTable" | "TagResource" | "UntagResource" | "ListTagsOfResource" => {
            let (operation, body) = (operation.to_owned(), body.to_owned());
            Box::new(move |database| {
                let answer = with_arns(database, &operation, &body);
                Box::new(move || answer)
            })
        }
        _ => return Err(Answer::refused("UnknownOperationException", "")),
    })
}

/// Operations whose requests or answers carry ARNs: the engine's region is called `dynoxide`.
fn with_arns(database: &Database, operation: &str, body: &str) -> Answer {
    let body = &body.replace(&format!(":{}:", arn::REGION), ":dynoxide:");
    macro_rules! call {
        ($method:ident) => {
            parsed(body).and_then(|request| database.$method(request)).and_then(|response| written(&response))
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

fn parsed<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))
}

fn written<T: Serialize>(response: &T) -> Result<String, DynoxideError> {
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
