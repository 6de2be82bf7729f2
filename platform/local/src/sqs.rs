//! Answers SQS's own API: what each operation asks of IAM, and the operations on queues as wholes.
//!
//! Messages are in `sqs_messages`, tasks that move dead letters in `sqs_moves`. Errors carry both names SQS gives them: of the JSON
//! protocol and, in a header, of the older query protocol, by which SDKs tell them apart. Source: SQS API reference.

use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::arn;
use crate::config::Queue;
use crate::iam::Need;
use crate::wire::{Answer, Reply, Request, answer};
use crate::{sqs_messages, sqs_moves};

/// The most bytes of a message with its attributes, and of all messages of a batch together.
pub(crate) const MOST_BYTES: usize = 1024 * 1024;

/// A request to one operation.
pub(crate) struct Asked<'a> {
    pub account: &'a Account,
    pub body: &'a Value,
    /// Where queues are, as the caller reaches them.
    pub base: String,
}

/// What an operation needs of IAM. Batches need what their single operations need.
pub(crate) fn needs(operation: &str, body: &Value) -> Vec<Need> {
    let need = |action, resource| Need { action, resource, table: None };
    let on_queue = |action| vec![need(action, arn::queue(queue_name(body)))];
    let by_arn = |member: &str| body[member].as_str().unwrap_or("*").to_owned();
    match operation {
        "GetQueueUrl" => vec![need("sqs:GetQueueUrl", arn::queue(body["QueueName"].as_str().unwrap_or_default()))],
        "ListQueues" => vec![need("sqs:ListQueues", arn::queue("*"))],
        "ListDeadLetterSourceQueues" => on_queue("sqs:ListDeadLetterSourceQueues"),
        "GetQueueAttributes" => on_queue("sqs:GetQueueAttributes"),
        "SendMessage" | "SendMessageBatch" => on_queue("sqs:SendMessage"),
        "ReceiveMessage" => on_queue("sqs:ReceiveMessage"),
        "DeleteMessage" | "DeleteMessageBatch" => on_queue("sqs:DeleteMessage"),
        "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch" => on_queue("sqs:ChangeMessageVisibility"),
        "PurgeQueue" => on_queue("sqs:PurgeQueue"),
        "ListMessageMoveTasks" => vec![need("sqs:ListMessageMoveTasks", by_arn("SourceArn"))],
        "CancelMessageMoveTask" => vec![need("sqs:CancelMessageMoveTask", "*".to_owned())],
        "StartMessageMoveTask" => {
            let mut needs: Vec<_> = ["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
                .map(|action| need(action, by_arn("SourceArn")))
                .into();
            needs.extend(body["DestinationArn"].as_str().map(|to| need("sqs:SendMessage", to.to_owned())));
            needs
        }
        _ => vec![need("sqs:*", "*".to_owned())],
    }
}

/// Runs an operation.
pub(crate) async fn run(account: &Account, operation: &str, request: &Request, body: &Value) -> Answer {
    let asked = Asked { account, body, base: base(request) };
    answer(match operation {
        "GetQueueUrl" => asked.queue_url(),
        "ListQueues" => asked.list(),
        "ListDeadLetterSourceQueues" => asked.sources(),
        "GetQueueAttributes" => asked.attributes(),
        "PurgeQueue" => asked.purge(),
        "SendMessage" => sqs_messages::send(&asked),
        "SendMessageBatch" => sqs_messages::send_batch(&asked),
        "ReceiveMessage" => sqs_messages::receive(&asked).await,
        "DeleteMessage" => sqs_messages::delete(&asked),
        "DeleteMessageBatch" => sqs_messages::delete_batch(&asked),
        "ChangeMessageVisibility" => sqs_messages::change_visibility(&asked),
        "ChangeMessageVisibilityBatch" => sqs_messages::change_visibility_batch(&asked),
        "StartMessageMoveTask" => sqs_moves::start(&asked),
        "ListMessageMoveTasks" => sqs_moves::list(&asked),
        "CancelMessageMoveTask" => sqs_moves::cancel(&asked),
        _ => Err(Answer::refused("UnknownOperationException", "The requested operation is not recognized by the service.")),
    })
}

impl Asked<'_> {
    /// The queue that the request's QueueUrl names.
    pub fn queue(&self) -> Result<&Queue, Answer> {
        if self.body["QueueUrl"].is_null() {
            return Err(missing("QueueUrl"));
        }
        self.account.queues.definition(queue_name(self.body)).ok_or_else(no_queue)
    }

    /// A whole number of the request within these bounds; `None` when it is absent.
    pub fn number(&self, of: &Value, name: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<u64>, Answer> {
        let value = &of[name];
        if value.is_null() {
            return Ok(None);
        }
        let number = value.as_i64().filter(|number| bounds.contains(number)).and_then(|number| u64::try_from(number).ok());
        let reason = format!("Must be between {} and {}, if provided.", bounds.start(), bounds.end());
        number.map(Some).ok_or_else(|| invalid(name, &value.to_string(), &reason))
    }

    fn url(&self, queue: &str) -> String {
        format!("{}/{}/{queue}", self.base, arn::ACCOUNT)
    }

    fn queue_url(&self) -> Reply {
        let name = self.body["QueueName"].as_str().ok_or_else(|| missing("QueueName"))?;
        let queue = self.account.queues.definition(name).ok_or_else(no_queue)?;
        Ok(json!({ "QueueUrl": self.url(&queue.name) }))
    }

    fn list(&self) -> Reply {
        let prefix = self.body["QueueNamePrefix"].as_str().unwrap_or_default();
        let names = self.account.queues.names().into_iter().filter(|name| name.starts_with(prefix)).collect();
        self.page(names, "QueueUrls")
    }

    /// The queues whose redrive policy names this one.
    fn sources(&self) -> Reply {
        let letters = self.queue()?.name.clone();
        let is_source =
            |name: &String| self.account.queues.definition(name).is_some_and(|queue| queue.dead_letter_queue.as_ref() == Some(&letters));
        self.page(self.account.queues.names().into_iter().filter(is_source).collect(), "queueUrls")
    }

    /// Queue URLs in order of their names; the token is the last name of the page.
    fn page(&self, mut names: Vec<String>, member: &str) -> Reply {
        let most = self.number(self.body, "MaxResults", 1..=1000)?;
        if let Some(after) = self.body["NextToken"].as_str() {
            names.retain(|name| name.as_str() > after);
        }
        let page = usize::try_from(most.unwrap_or(1000)).unwrap_or(usize::MAX);
        let next = (names.len() > page).then(|| names[page - 1].clone());
        let urls: Vec<_> = names.iter().take(page).map(|name| self.url(name)).collect();
        let mut answer = json!({ member: urls });
        // Without MaxResults there are no pages, as on SQS.
        if let Some(next) = next.filter(|_| most.is_some()) {
            answer["NextToken"] = next.into();
        }
        Ok(answer)
    }

    fn attributes(&self) -> Reply {
        let queue = self.queue()?;
        let counts = self.account.queues.counts(queue).map_err(stored)?;
        let seconds = |duration: std::time::Duration| duration.as_secs().to_string();
        let created = (self.account.queues.created_at().micros() / 1_000_000).to_string();
        let mut all = Map::from_iter(
            [
                ("QueueArn", arn::queue(&queue.name)),
                ("ApproximateNumberOfMessages", counts.visible.to_string()),
                ("ApproximateNumberOfMessagesNotVisible", counts.hidden.to_string()),
                ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
                ("CreatedTimestamp", created.clone()),
                ("LastModifiedTimestamp", created),
                ("VisibilityTimeout", seconds(queue.visibility_timeout)),
                ("MaximumMessageSize", MOST_BYTES.to_string()),
                ("MessageRetentionPeriod", seconds(queue.retention)),
                ("DelaySeconds", "0".to_owned()),
                ("ReceiveMessageWaitTimeSeconds", "0".to_owned()),
                ("SqsManagedSseEnabled", "true".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), Value::from(value))),
        );
        if let Some(letters) = &queue.dead_letter_queue {
            let policy = json!({ "deadLetterTargetArn": arn::queue(letters), "maxReceiveCount": queue.max_receive_count });
            all.insert("RedrivePolicy".to_owned(), policy.to_string().into());
        }
        const WITHOUT_VALUE: [&str; 4] = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"];
        let names = texts(&self.body["AttributeNames"]);
        if let Some(unknown) = names.iter().find(|name| **name != "All" && !all.contains_key(**name) && !WITHOUT_VALUE.contains(name)) {
            return Err(refused("InvalidAttributeName", "InvalidAttributeName", &format!("Unknown Attribute {unknown}.")));
        }
        all.retain(|name, _| names.contains(&"All") || names.contains(&name.as_str()));
        Ok(if all.is_empty() { json!({}) } else { json!({ "Attributes": all }) })
    }

    fn purge(&self) -> Reply {
        let queue = self.queue()?;
        if self.account.queues.purge(queue).map_err(stored)? {
            return Ok(json!({}));
        }
        let message = format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", queue.name);
        Err(refused("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", &message))
    }
}

/// The texts of a list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A refusal with its names in the JSON and in the query protocol.
pub(crate) fn refused(shape: &str, query: &str, message: &str) -> Answer {
    Answer { query_error: Some(format!("{query};Sender")), ..Answer::refused(&format!("com.amazonaws.sqs#{shape}"), message) }
}

pub(crate) fn no_queue() -> Answer {
    refused("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

pub(crate) fn missing(parameter: &str) -> Answer {
    refused("MissingRequiredParameterException", "MissingParameter", &format!("The request must contain the parameter {parameter}."))
}

pub(crate) fn invalid(parameter: &str, value: &str, reason: &str) -> Answer {
    let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    refused("InvalidParameterValueException", "InvalidParameterValue", &message)
}

/// The host store failed.
pub(crate) fn stored(error: rusqlite::Error) -> Answer {
    tracing::error!(%error, "the queues could not be read or written");
    Answer::error(500, "InternalFailure", "The queues could not be read or written.")
}

/// A queue URL ends in the queue's name.
fn queue_name(body: &Value) -> &str {
    body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default()
}

/// SQS's own host speaks HTTPS; the loopback endpoint does not.
fn base(request: &Request) -> String {
    let header = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(http::uri::Authority::as_str).or(header).unwrap_or("localhost");
    let scheme = if host.ends_with(".amazonaws.com") { "https" } else { "http" };
    format!("{scheme}://{host}")
}
