//! Takes in a batch of a queue's messages: each by itself, so that those that fail come again and no others.

use std::pin::Pin;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};

use crate::metrics::{Metric, Metrics};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A message that is being taken in. Boxed: the futures of AWS calls nest deeper than the compiler lays out.
pub type TakingIn<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// Takes in `messages` of `function`, one after the other. The answer names those that failed; each is counted, and logged with its
/// reason.
pub async fn each<'a>(
    messages: &'a [SqsMessage],
    metrics: &dyn Metrics,
    service: &'static str,
    function: &str,
    take_in: impl Fn(&'a SqsMessage) -> TakingIn<'a>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in messages {
        if let Err(error) = take_in(message).await {
            tracing::warn!(function, queue_message = message.message_id, %error, "the message waits for the next delivery");
            metrics.count(service, Metric::MessageFailed, 1, function);
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.clone().unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}
