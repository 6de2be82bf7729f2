//! Answers the DynamoDB Streams API.

use serde_json::Value;

use crate::account::Account;
use crate::wire::Answer;

/// Runs an operation.
pub(crate) fn run(_account: &Account, _operation: &str, _request: &Value) -> Answer {
    Answer::refused("UnknownOperationException", "")
}
