//! `annals dlq`: dead letters, listed, shown and sent back to where they came from.
//!
//! A redrive is recorded in the log of the queue's service before anything is moved, and finished there afterwards; see
//! [`annals_log::redrives`]. A letter is sent to its source before it is deleted: interrupted in between, it is sent once more, and its
//! consumer knows it by its event id.

use std::collections::BTreeSet;

use annals_kit::{Clock, CommandId, Ids, Tenant};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_log::redrives::{
    DeadLettersMoved, DeadLettersRedriven, Finish, MOST_LETTERS, Redrive as Record, RedrivenLetter, Redrives, redrives_stream,
};
use annals_log::{Expect, Request, Streams};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Value, json};

use super::stream;
use crate::cli::{DlqCommand, Redrive};
use crate::logs::ServiceLog;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::system::letters::{LetterQueue, Source, letter_queues};

/// The role that sees and redrives dead letters.
const ROLE: &str = "operator";
/// The tenant of redrives: letters of several tenants lie in one queue.
const TENANT: &str = "operations";
/// How long a letter is held while it is looked at or moved, in seconds; it is let go of at the end.
const HELD: i32 = 60;
/// What EventBridge adds to a dead letter: it is not part of the message that goes back.
const ADDED: [&str; 6] = ["RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "RETRY_ATTEMPTS", "EXHAUSTED_RETRY_CONDITION"];

/// Lists, shows or redrives.
pub(super) async fn run(session: &Session, command: &DlqCommand) -> Result<Answer, CouldNotTell> {
    match command {
        DlqCommand::List { json } => list(session, *json).await,
        DlqCommand::Show { queue, json } => show(session, queue, *json).await,
        DlqCommand::Redrive(options) => redrive(session, options).await,
    }
}

async fn list(session: &Session, as_json: bool) -> Result<Answer, CouldNotTell> {
    let mut any = false;
    if !as_json {
        say(format_args!("{:<28} {:>6} {:>10}  source", "queue", "depth", "oldest"));
    }
    for definition in letter_queues() {
        let queue = Letters::open(session, definition).await?;
        let [depth, _] = queue.depth().await?;
        let letters = queue.take(MOST_LETTERS).await?;
        queue.let_go(&letters).await?;
        let oldest = letters.iter().filter_map(Letter::age_seconds).max();
        any |= depth > 0;
        let LetterQueue { name, source, service } = &queue.definition;
        match as_json {
            true => {
                say(json!({ "queue": name, "depth": depth, "oldest_seconds": oldest, "source": source.described(), "service": service }))
            }
            false => say(format_args!("{name:<28} {depth:>6} {:>10}  {}", oldest.map_or("-".into(), age), source.described())),
        }
    }
    Ok(if any { Answer::No } else { Answer::Yes })
}

async fn show(session: &Session, queue: &str, as_json: bool) -> Result<Answer, CouldNotTell> {
    let queue = Letters::open(session, find(queue)?).await?;
    let letters = queue.take(MOST_LETTERS).await?;
    queue.let_go(&letters).await?;
    if !as_json {
        say(format_args!("{} letters in {}, from {}", letters.len(), queue.definition.name, queue.definition.source.described()));
    }
    for letter in &letters {
        let told = letter.told(&queue.definition.source);
        match as_json {
            true => say(told),
            false => letter.print(&told),
        }
    }
    queue.say_what_is_held().await?;
    Ok(if letters.is_empty() { Answer::Yes } else { Answer::No })
}

async fn redrive(session: &Session, options: &Redrive) -> Result<Answer, CouldNotTell> {
    if options.reason.trim().is_empty() || options.reason.chars().count() > 200 || options.reason.chars().any(char::is_control) {
        return Err(CouldNotTell::new("--reason takes 1 to 200 characters in one line", "nothing was moved"));
    }
    let definition = find(&options.queue)?;
    let Some(target) = definition.source.target().map(str::to_owned) else {
        return Err(CouldNotTell::new(
            format!("{} holds invocations of a schedule, which go back to no queue", options.queue),
            "nothing was moved; the schedule's next time does what these did not",
        ));
    };
    let facts = Facts::new(session, &definition, options)?;
    let queue = Letters::open(session, definition).await?;
    let open = facts.open().await?;
    let letters = queue.take(MOST_LETTERS).await?;
    let (chosen, others) = choose(letters, options, open.as_ref());
    let outcome = match (options.yes, open) {
        (false, open) => {
            preview(&queue, &chosen, &target, open.as_ref());
            queue.let_go(&chosen).await?;
            Ok(Answer::No)
        }
        (true, Some(open)) => finish(&queue, &facts, &chosen, &open).await,
        (true, None) if chosen.is_empty() => {
            say(format_args!("no letter of {} fits: nothing was moved", queue.definition.name));
            Ok(Answer::Yes)
        }
        (true, None) => {
            let recorded = facts.record(&queue.definition.name, &target, &chosen).await?;
            finish(&queue, &facts, &chosen, &recorded).await
        }
    };
    queue.let_go(&others).await?;
    outcome
}

/// The letters a redrive is about, and the others. An interrupted redrive comes first, whatever was asked for.
fn choose(letters: Vec<Letter>, options: &Redrive, open: Option<&DeadLettersRedriven>) -> (Vec<Letter>, Vec<Letter>) {
    let recorded = open.map(|open| open.letters.iter().map(|letter| letter.message_id.as_str()).collect::<BTreeSet<_>>());
    let mut left = usize::from(options.limit);
    letters.into_iter().partition(|letter| match &recorded {
        Some(recorded) => recorded.contains(letter.id.as_str()),
        None => {
            let fits = (options.message.is_empty() || options.message.contains(&letter.id))
                && options.event_type.as_ref().is_none_or(|wanted| letter.event_type.as_ref() == Some(wanted))
                && left > 0;
            left -= usize::from(fits);
            fits
        }
    })
}

fn preview(queue: &Letters, chosen: &[Letter], target: &str, open: Option<&DeadLettersRedriven>) {
    if let Some(open) = open {
        let (id, count) = (open.redrive_id, open.count);
        say(format_args!("redrive {id} of {count} letters was interrupted: it would be finished first ({} are still here)", chosen.len()));
    }
    say(format_args!("would move {} letters from {} to {target}:", chosen.len(), queue.definition.name));
    chosen.iter().for_each(|letter| letter.print(&letter.told(&queue.definition.source)));
    say(format_args!("nothing was moved; add --yes to do it"));
}

/// Moves the letters of a recorded redrive, and records that all of them were dealt with.
async fn finish(queue: &Letters, facts: &Facts, chosen: &[Letter], redrive: &DeadLettersRedriven) -> Result<Answer, CouldNotTell> {
    for letter in chosen {
        queue.send_back(letter, &redrive.target).await?;
    }
    let gone = redrive.letters.len() - chosen.len();
    let [_, held] = queue.depth().await?;
    if gone > 0 && held > 0 {
        // They may be among those that someone else holds, as an interrupted redrive does for a minute.
        return Err(CouldNotTell::new(
            format!(
                "{} of {} letters were moved; {gone} may be among the {held} that are held by another receiver",
                chosen.len(),
                redrive.count
            ),
            "redrive the queue again in a minute: it goes on with the same redrive",
        ));
    }
    facts.finish(redrive, chosen.len(), gone).await?;
    say(format_args!("moved {} letters from {} to {} (redrive {})", chosen.len(), redrive.queue, redrive.target, redrive.redrive_id));
    if gone > 0 {
        say(format_args!("{gone} of it were no longer there: moved before it was interrupted, or past their retention"));
    }
    Ok(Answer::Yes)
}

fn find(name: &str) -> Result<LetterQueue, CouldNotTell> {
    let queues = letter_queues();
    let names = queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = queues.into_iter().find(|queue| queue.name == name);
    found.ok_or_else(|| CouldNotTell::new(format!("{name} is no queue of dead letters"), format!("nothing was changed; there are {names}")))
}

/// A queue of dead letters, reached over SQS's API.
struct Letters {
    sqs: Client,
    url: String,
    definition: LetterQueue,
}

impl Letters {
    async fn open(session: &Session, definition: LetterQueue) -> Result<Self, CouldNotTell> {
        let sqs = session.sqs(ROLE);
        let url = url(&sqs, &definition.name).await?;
        Ok(Self { sqs, url, definition })
    }

    /// All letters, and those among them that a receiver holds.
    async fn depth(&self) -> Result<[u64; 2], CouldNotTell> {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible};
        let asked = self.sqs.get_queue_attributes().queue_url(&self.url).attribute_names(QueueAttributeName::All);
        let said = asked.send().await.map_err(|error| failed(&self.definition.name, &error))?.attributes.unwrap_or_default();
        let count = |name: QueueAttributeName| said.get(&name).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        let held = count(ApproximateNumberOfMessagesNotVisible);
        Ok([count(ApproximateNumberOfMessages) + held + count(ApproximateNumberOfMessagesDelayed), held])
    }

    async fn say_what_is_held(&self) -> Result<(), CouldNotTell> {
        let [_, held] = self.depth().await?;
        if held > 0 {
            say(format_args!("{held} more are held by another receiver for the moment"));
        }
        Ok(())
    }

    /// Receives up to `most` letters: until they are let go of, no one else gets them.
    async fn take(&self, most: usize) -> Result<Vec<Letter>, CouldNotTell> {
        let mut letters = Vec::new();
        while letters.len() < most {
            let asked = self.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10).visibility_timeout(HELD);
            let asked = asked.message_system_attribute_names(MessageSystemAttributeName::All).message_attribute_names("All");
            let received = asked.send().await.map_err(|error| failed(&self.definition.name, &error))?;
            let received = received.messages.unwrap_or_default();
            if received.is_empty() {
                break;
            }
            letters.extend(received.into_iter().map(Letter::read));
        }
        Ok(letters)
    }

    /// Shows letters again at once.
    async fn let_go(&self, letters: &[Letter]) -> Result<(), CouldNotTell> {
        for ten in letters.chunks(10) {
            let entry = |(place, letter): (usize, &Letter)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string()).receipt_handle(&letter.receipt);
                entry.visibility_timeout(0).build().expect("an entry has an id and a receipt, as it was just given both")
            };
            let entries = ten.iter().enumerate().map(entry).collect();
            let asked = self.sqs.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
            asked.send().await.map_err(|error| failed(&self.definition.name, &error))?;
        }
        Ok(())
    }

    /// Sends a letter to its source, then deletes it.
    async fn send_back(&self, letter: &Letter, target: &str) -> Result<(), CouldNotTell> {
        let mut sent = self.sqs.send_message().queue_url(url(&self.sqs, target).await?).message_body(&letter.body);
        for (name, value) in letter.attributes.iter().filter(|(name, _)| !ADDED.contains(&name.as_str())) {
            sent = sent.message_attributes(name, value.clone());
        }
        sent.send().await.map_err(|error| failed(target, &error))?;
        let deleted = self.sqs.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt).send().await;
        deleted.map(drop).map_err(|error| failed(&self.definition.name, &error))
    }
}

async fn url(sqs: &Client, queue: &str) -> Result<String, CouldNotTell> {
    let said = sqs.get_queue_url().queue_name(queue).send().await.map_err(|error| failed(queue, &error))?;
    said.queue_url.ok_or_else(|| CouldNotTell::reading(format!("queue {queue} has no URL")))
}

fn failed(queue: &str, error: &(dyn std::error::Error + 'static)) -> CouldNotTell {
    let next = "what was recorded stays, and letters that were not moved show again within a minute; run it again";
    CouldNotTell::new(format!("queue {queue}: {}", DisplayErrorContext(error)), next)
}

/// A dead letter in hand.
struct Letter {
    id: String,
    receipt: String,
    body: String,
    attributes: std::collections::HashMap<String, aws_sdk_sqs::types::MessageAttributeValue>,
    sent_at_millis: Option<i64>,
    event_id: Option<String>,
    event_type: Option<String>,
    stream: Option<String>,
    tenant: Option<String>,
}

impl Letter {
    fn read(message: Message) -> Self {
        let body = message.body.unwrap_or_default();
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let metadata = &event["detail"]["metadata"];
        let text = |value: &Value| value.as_str().map(|text| stream::plain(&text.into()));
        let sent = message.attributes.as_ref().and_then(|said| said.get(&MessageSystemAttributeName::SentTimestamp));
        Self {
            id: message.message_id.unwrap_or_default(),
            receipt: message.receipt_handle.unwrap_or_default(),
            sent_at_millis: sent.and_then(|millis| millis.parse().ok()),
            event_id: text(&metadata["event_id"]),
            event_type: text(&event["detail-type"]),
            stream: text(&metadata["stream"]),
            tenant: text(&metadata["tenant"]),
            attributes: message.message_attributes.unwrap_or_default(),
            body,
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.string_value()
    }

    fn age_seconds(&self) -> Option<i64> {
        Some((MachineClock.now().micros() / 1000 - self.sent_at_millis?).max(0) / 1000)
    }

    /// What may be told of it: no payload, for it may be about someone.
    fn told(&self, source: &Source) -> Value {
        let retries = self.attribute("RETRY_ATTEMPTS").and_then(|retries| retries.parse::<u32>().ok());
        let (attempts, error) = match source {
            Source::Queue { function, attempts, .. } => (Some(*attempts), Some(format!("function {function} failed: its log says why"))),
            _ => (retries.map(|retries| retries + 1), self.attribute("ERROR_CODE").map(str::to_owned)),
        };
        json!({
            "message_id": self.id, "event_id": self.event_id, "type": self.event_type, "stream": self.stream, "tenant": self.tenant,
            "attempts": attempts, "error": error, "age_seconds": self.age_seconds(),
        })
    }

    fn print(&self, told: &Value) {
        let text = |name: &str| if told[name].is_null() { "-".to_owned() } else { stream::plain(&told[name]) };
        let aged = self.age_seconds().map_or("-".to_owned(), age);
        say(format_args!("  {}  {}  {}  {aged} old", self.id, text("type"), text("event_id")));
        say(format_args!("    after {} attempts: {}", text("attempts"), text("error")));
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The facts of a queue's redrives, in the log of the service that owns it.
struct Facts {
    streams: Streams<Redrives>,
    stream: annals_kit::StreamId,
    tenant: Tenant,
    options: (annals_kit::Actor, String),
}

impl Facts {
    fn new(session: &Session, definition: &LetterQueue, options: &Redrive) -> Result<Self, CouldNotTell> {
        let wrong = |error: annals_kit::ids::InvalidId| CouldNotTell::new(error, "nothing was moved");
        Ok(Self {
            streams: Streams::new(stream::log_as(session, ROLE, ServiceLog::of(definition.service))),
            stream: redrives_stream(&definition.name).map_err(wrong)?,
            tenant: TENANT.parse().map_err(wrong)?,
            options: (options.actor.clone(), options.reason.clone()),
        })
    }

    /// The redrive that was recorded and not finished.
    async fn open(&self) -> Result<Option<DeadLettersRedriven>, CouldNotTell> {
        Ok(self.streams.load(&self.stream).await.map_err(CouldNotTell::reading)?.state.open)
    }

    async fn record(&self, queue: &str, target: &str, chosen: &[Letter]) -> Result<DeadLettersRedriven, CouldNotTell> {
        let letter = |letter: &Letter| RedrivenLetter { message_id: letter.id.clone(), event_id: letter.event_id.clone() };
        let redrive = DeadLettersRedriven {
            redrive_id: MachineIds.uuid(),
            queue: queue.to_owned(),
            target: target.to_owned(),
            reason: self.options.1.clone(),
            count: chosen.len() as u64,
            letters: chosen.iter().map(letter).collect(),
        };
        let request = self.request(redrive.redrive_id, "redrive");
        let recorded = self.streams.execute(&request, &self.stream, Expect::Existing, &Record(redrive.clone())).await;
        recorded
            .map_err(|error| CouldNotTell::new(format!("the redrive could not be recorded: {error}"), "nothing was moved; run it again"))?;
        Ok(redrive)
    }

    async fn finish(&self, redrive: &DeadLettersRedriven, moved: usize, gone: usize) -> Result<(), CouldNotTell> {
        let done = DeadLettersMoved { redrive_id: redrive.redrive_id, moved: moved as u64, gone: gone as u64 };
        let request = self.request(redrive.redrive_id, "moved");
        let recorded = self.streams.execute(&request, &self.stream, Expect::Existing, &Finish(done)).await;
        let next = "the letters were moved; redrive the queue again to finish the same redrive";
        recorded.map(drop).map_err(|error| CouldNotTell::new(format!("the end of the redrive could not be recorded: {error}"), next))
    }

    fn request(&self, redrive: uuid::Uuid, step: &str) -> Request {
        let command = CommandId::derived(&self.tenant, &format!("{step}/{redrive}"));
        Request { correlation: redrive, ..Request::new(&self.tenant, self.options.0.clone(), command, step.as_bytes()) }
    }
}
