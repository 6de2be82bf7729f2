//! Hands a queue's messages to a function in batches; failed ones come again later and later.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::account::Account;
use crate::batch_delivery::backoff;
use crate::config::{Queue, QueueMapping};
use crate::queues::Message;
use crate::timer;

const STORE_BACKOFF: Duration = Duration::from_secs(1);

/// Runs a mapping until it is told to stop.
pub(crate) async fn run(account: Arc<Account>, mapping: QueueMapping, mut stop: watch::Receiver<bool>) {
    let (Some(queue), Some(mut arrivals)) = (account.queues.definition(&mapping.queue), account.queues.arrivals(&mapping.queue)) else {
        return;
    };
    while !*stop.borrow() {
        arrivals.borrow_and_update();
        let batch = match account.queues.receive(queue, mapping.batch_size, queue.visibility_timeout) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(mapping = mapping.name, %error, "the queue could not be read");
                tokio::time::sleep(STORE_BACKOFF).await;
                continue;
            }
        };
        if batch.is_empty() {
            account.progress.moved();
            wait(&account, &mapping, &mut arrivals, &mut stop).await;
            continue;
        }
        if let Err(error) = handle(&account, &mapping, queue, batch).await {
            // They show again when their visibility ends.
            tracing::error!(mapping = mapping.name, %error, "the queue could not be written");
        }
        account.progress.moved();
    }
}

async fn handle(account: &Account, mapping: &QueueMapping, queue: &Queue, batch: Vec<Message>) -> rusqlite::Result<()> {
    let records = batch.iter().map(|message| message.event_record(&queue.name)).collect::<Vec<_>>();
    let answer = account.functions.invoke(&mapping.function, json!({ "Records": records })).await;
    let failed = match &answer {
        Ok(answer) => failed(answer, &batch),
        Err(_) => None,
    };
    let (mut done, mut again) = (Vec::new(), Vec::new());
    for message in &batch {
        let Some(receipt) = message.receipt.as_deref() else { continue };
        if failed.as_ref().is_some_and(|failed| !failed.contains(message.message_id.as_str())) {
            done.push(receipt);
        } else {
            let wait = backoff(mapping.backoff, message.received.saturating_sub(1));
            again.push((receipt, wait.min(queue.visibility_timeout)));
        }
    }
    account.queues.finish(&queue.name, &done, &again)
}

/// The messages a function reports as failed; `None` when the whole batch counts as failed.
fn failed<'a>(answer: &'a Value, batch: &[Message]) -> Option<HashSet<&'a str>> {
    let failures = match &answer["batchItemFailures"] {
        Value::Array(failures) => failures.as_slice(),
        Value::Null => &[],
        _ => return None,
    };
    let known = |id: &&str| batch.iter().any(|message| message.message_id == *id);
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().filter(known)).collect()
}

/// Waits for a message to arrive or to show again.
async fn wait(account: &Account, mapping: &QueueMapping, arrivals: &mut watch::Receiver<u64>, stop: &mut watch::Receiver<bool>) {
    let next = account.queues.next_visible(&mapping.queue).unwrap_or_else(|error| {
        tracing::error!(mapping = mapping.name, %error, "the queue could not be read");
        Some(account.clock.now().plus(chrono::TimeDelta::seconds(1)))
    });
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        _ = arrivals.changed() => {}
        () = timer::reached(&*account.clock, next) => {}
    }
}
