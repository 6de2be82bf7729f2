//! Sends, receives, deletes, hides and shows messages over SQS's API, one by one and in batches.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::queues::{Found, Message, Sent};
use crate::sqs::{Asked, MOST_BYTES, invalid, missing, refused, stored, texts};
use crate::timer;
use crate::wire::{Answer, Reply};

const MOST_ENTRIES: usize = 10;
const MOST_VISIBILITY: i64 = 12 * 3600;

/// SendMessage.
pub(crate) fn send(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    let message = Outgoing::read(asked, asked.body)?;
    if message.size > MOST_BYTES {
        return Err(too_long());
    }
    send_one(asked, &queue.name, &message)
}

/// SendMessageBatch.
pub(crate) fn send_batch(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    let entries = entries(asked)?;
    let read: Vec<_> = entries.iter().map(|entry| Outgoing::read(asked, entry)).collect();
    if read.iter().flatten().map(|message| message.size).sum::<usize>() > MOST_BYTES {
        let message = format!("Batch requests cannot be longer than {MOST_BYTES} bytes.");
        return Err(refused("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", &message));
    }
    let mut read = read.into_iter();
    each(entries, |_| read.next().unwrap_or_else(|| Err(missing("Entries"))).and_then(|message| send_one(asked, &queue.name, &message)))
}

/// ReceiveMessage, waiting up to WaitTimeSeconds for the first message.
pub(crate) async fn receive(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    let most = asked.number(asked.body, "MaxNumberOfMessages", 1..=10)?.unwrap_or(1);
    let wait = Duration::from_secs(asked.number(asked.body, "WaitTimeSeconds", 0..=20)?.unwrap_or(0));
    let hidden = asked.number(asked.body, "VisibilityTimeout", 0..=MOST_VISIBILITY)?;
    let hidden = hidden.map_or(queue.visibility_timeout, Duration::from_secs);
    let queues = &asked.account.queues;
    let mut arrivals = queues.arrivals(&queue.name).ok_or_else(crate::sqs::no_queue)?;
    let until = Instant::now() + wait;
    loop {
        arrivals.borrow_and_update();
        let received = queues.receive(queue, usize::try_from(most).unwrap_or(MOST_ENTRIES), hidden).map_err(stored)?;
        asked.account.progress.moved();
        if !received.is_empty() {
            return Ok(json!({ "Messages": received.iter().map(|message| wire_message(message, asked.body)).collect::<Vec<_>>() }));
        }
        let shows = queues.next_visible(&queue.name).map_err(stored)?;
        tokio::select! {
            biased;
            _ = arrivals.changed() => {}
            () = tokio::time::sleep_until(until) => return Ok(json!({})),
            () = timer::reached(&*asked.account.clock, shows) => {}
        }
    }
}

/// DeleteMessage. A receipt of a message that is gone already is no error.
pub(crate) fn delete(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    delete_one(asked, &queue.name, asked.body)
}

/// DeleteMessageBatch.
pub(crate) fn delete_batch(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    each(entries(asked)?, |entry| delete_one(asked, &queue.name, entry))
}

/// ChangeMessageVisibility.
pub(crate) fn change_visibility(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    change_one(asked, &queue.name, asked.body)
}

/// ChangeMessageVisibilityBatch.
pub(crate) fn change_visibility_batch(asked: &Asked<'_>) -> Reply {
    let queue = asked.queue()?;
    each(entries(asked)?, |entry| change_one(asked, &queue.name, entry))
}

/// A message as a request holds it.
struct Outgoing<'a> {
    body: &'a str,
    attributes: Value,
    delay: Duration,
    size: usize,
}

impl<'a> Outgoing<'a> {
    fn read(asked: &Asked<'_>, of: &'a Value) -> Result<Self, Answer> {
        let body = of["MessageBody"].as_str().filter(|body| !body.is_empty()).ok_or_else(|| missing("MessageBody"))?;
        if let Some(character) = body.chars().find(|character| !is_allowed(*character)) {
            let message = format!(
                "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
                u32::from(character)
            );
            return Err(refused("InvalidMessageContents", "InvalidMessageContents", &message));
        }
        let delay = Duration::from_secs(asked.number(of, "DelaySeconds", 0..=900)?.unwrap_or(0));
        let attributes = attributes(&of["MessageAttributes"])?;
        let size = body.len() + attributes.iter().map(|(name, attribute)| name.len() + attribute_size(attribute)).sum::<usize>();
        Ok(Self { body, attributes: attributes.into(), delay, size })
    }
}

fn send_one(asked: &Asked<'_>, queue: &str, message: &Outgoing<'_>) -> Reply {
    let sent = Sent { queue, body: message.body, attributes: &message.attributes, delay: message.delay };
    let id = asked.account.queues.send(&sent).map_err(stored)?;
    let mut answer = json!({ "MessageId": id, "MD5OfMessageBody": md5_of(message.body.as_bytes()) });
    if let Some(digest) = attributes_md5(&message.attributes) {
        answer["MD5OfMessageAttributes"] = digest.into();
    }
    Ok(answer)
}

fn delete_one(asked: &Asked<'_>, queue: &str, of: &Value) -> Reply {
    match asked.account.queues.delete(queue, receipt(of)?).map_err(stored)? {
        Found::Malformed => Err(bad_receipt()),
        // As on SQS: deleting with an old receipt succeeds, and may delete nothing.
        Found::Hidden | Found::Not => Ok(json!({})),
    }
}

fn change_one(asked: &Asked<'_>, queue: &str, of: &Value) -> Reply {
    let receipt = receipt(of)?;
    let hidden = asked.number(of, "VisibilityTimeout", 0..=MOST_VISIBILITY)?.ok_or_else(|| missing("VisibilityTimeout"))?;
    match asked.account.queues.change_visibility(queue, receipt, Duration::from_secs(hidden)).map_err(stored)? {
        Found::Hidden => Ok(json!({})),
        Found::Malformed => Err(bad_receipt()),
        Found::Not => {
            let message = "The specified message isn't in flight.";
            Err(refused("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", message))
        }
    }
}

fn receipt(of: &Value) -> Result<&str, Answer> {
    of["ReceiptHandle"].as_str().ok_or_else(|| missing("ReceiptHandle"))
}

fn bad_receipt() -> Answer {
    refused("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

fn too_long() -> Answer {
    let reason = format!("Message must be shorter than {MOST_BYTES} bytes.");
    let message = format!("One or more parameters are invalid. Reason: {reason}");
    refused("InvalidParameterValueException", "InvalidParameterValue", &message)
}

/// The entries of a batch: one to ten, each with an id of its own.
fn entries<'a>(asked: &Asked<'a>) -> Result<&'a [Value], Answer> {
    let entries = asked.body["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    let batch = |shape: &str, message: &str| Err(refused(shape, &format!("AWS.SimpleQueueService.{shape}"), message));
    if entries.is_empty() {
        return batch("EmptyBatchRequest", "There should be at least one entry in the request.");
    }
    if entries.len() > MOST_ENTRIES {
        let message = format!("Maximum number of entries per request are {MOST_ENTRIES}. You have sent {}.", entries.len());
        return batch("TooManyEntriesInBatchRequest", &message);
    }
    let mut ids = HashSet::new();
    for entry in entries {
        let id = entry["Id"].as_str().unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            let message =
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
            return batch("InvalidBatchEntryId", message);
        }
        if !ids.insert(id) {
            return batch("BatchEntryIdsNotDistinct", &format!("Id {id} repeated."));
        }
    }
    Ok(entries)
}

/// Each entry's own success or failure.
fn each<'a>(entries: &'a [Value], mut run: impl FnMut(&'a Value) -> Reply) -> Reply {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match run(entry) {
            Ok(mut answer) => {
                answer["Id"] = entry["Id"].clone();
                successful.push(answer);
            }
            Err(refusal) => {
                let said: Value = serde_json::from_slice(&refusal.body).unwrap_or_default();
                let sender = refusal.status < 500;
                let code = refusal.query_error.as_deref().and_then(|error| error.split(';').next()).unwrap_or("InternalError");
                failed.push(json!({ "Id": entry["Id"], "SenderFault": sender, "Code": code, "Message": said["message"] }));
            }
        }
    }
    Ok(json!({ "Successful": successful, "Failed": failed }))
}

/// A received message as SQS answers it, with the attributes that were asked for.
fn wire_message(message: &Message, request: &Value) -> Value {
    let mut wire = json!({
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": md5_of(message.body.as_bytes()),
    });
    let mut names = texts(&request["MessageSystemAttributeNames"]);
    names.extend(texts(&request["AttributeNames"]));
    let system: Map<_, _> =
        message.system_attributes().into_iter().filter(|(name, _)| names.contains(&"All") || names.contains(&name.as_str())).collect();
    if !system.is_empty() {
        wire["Attributes"] = system.into();
    }
    let names = texts(&request["MessageAttributeNames"]);
    let wanted = |name: &str| {
        names.iter().any(|wanted| match *wanted {
            "All" | ".*" => true,
            wanted => wanted.strip_suffix(".*").map_or(wanted == name, |prefix| name.starts_with(prefix)),
        })
    };
    let attributes: Map<_, _> = message
        .attributes
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let attributes = Value::from(attributes);
    if let Some(digest) = attributes_md5(&attributes) {
        wire["MD5OfMessageAttributes"] = digest.into();
        wire["MessageAttributes"] = attributes;
    }
    wire
}

/// Message attributes: at most ten, each of a known type, with a value.
fn attributes(of: &Value) -> Result<Map<String, Value>, Answer> {
    let mut read = Map::new();
    for (name, attribute) in of.as_object().into_iter().flatten() {
        let kind = attribute["DataType"].as_str().unwrap_or_default();
        let value = match kind.split('.').next() {
            Some("String" | "Number") => attribute["StringValue"].as_str().filter(|value| !value.is_empty()).map(|_| "StringValue"),
            Some("Binary") => {
                attribute["BinaryValue"].as_str().filter(|value| BASE64_STANDARD.decode(value).is_ok()).map(|_| "BinaryValue")
            }
            _ => return Err(invalid(&format!("MessageAttributes.{name}"), kind, "The type must be String, Number or Binary.")),
        };
        let member = value.ok_or_else(|| invalid(&format!("MessageAttributes.{name}"), "''", "It must have a value of its type."))?;
        read.insert(name.clone(), json!({ "DataType": kind, member: attribute[member] }));
    }
    match read.len() {
        0..=10 => Ok(read),
        count => Err(invalid("MessageAttributes", &count.to_string(), "A message has at most 10 attributes.")),
    }
}

fn attribute_size(attribute: &Value) -> usize {
    attribute["DataType"].as_str().map_or(0, str::len) + value_of(attribute).1.len()
}

/// How SQS marks a value's kind in digests, and the value's bytes.
fn value_of(attribute: &Value) -> (u8, Vec<u8>) {
    match attribute["BinaryValue"].as_str() {
        Some(binary) => (2, BASE64_STANDARD.decode(binary).unwrap_or_default()),
        None => (1, attribute["StringValue"].as_str().unwrap_or_default().as_bytes().to_vec()),
    }
}

/// The digest of message attributes. Source: SQS developer guide, "Calculating the MD5 message digest for message attributes".
fn attributes_md5(attributes: &Value) -> Option<String> {
    let attributes = attributes.as_object().filter(|attributes| !attributes.is_empty())?;
    let mut names: Vec<&String> = attributes.keys().collect();
    names.sort_unstable();
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &[u8]| {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(text);
    };
    for name in names {
        let attribute = &attributes[name];
        let (mark, value) = value_of(attribute);
        text(&mut bytes, name.as_bytes());
        text(&mut bytes, attribute["DataType"].as_str().unwrap_or_default().as_bytes());
        bytes.push(mark);
        text(&mut bytes, &value);
    }
    Some(md5_of(&bytes))
}

fn md5_of(bytes: &[u8]) -> String {
    format!("{:x}", md5::compute(bytes))
}

/// XML's characters, which is what SQS takes.
fn is_allowed(character: char) -> bool {
    matches!(character, '\u{9}' | '\u{a}' | '\u{d}' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
