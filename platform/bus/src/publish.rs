//! PutEvents in tens: each entry's result is inspected, only the failed ones are sent again.

use std::sync::Arc;
use std::time::Duration;

use annals_aws::EventBridge;
use annals_kit::Ids;
use annals_planted::{Bug, planted};
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::operation::put_events::PutEventsInput;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::envelope::Detail;

/// The most entries a PutEvents call takes.
const ENTRIES_PER_CALL: usize = 10;
/// The most bytes a PutEvents call takes, all entries together. Source: EventBridge User Guide, "PutEvents entry size", January 2026.
const BYTES_PER_CALL: usize = 1024 * 1024;
/// How often an entry is tried.
const TRIES: u32 = 4;

/// An event on its way to the bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The event type, which is the detail-type.
    pub event_type: String,
    /// The detail.
    pub detail: Detail,
}

/// Why the bus has not accepted an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus did not accept the event: {0}")]
pub struct NotAccepted(pub String);

/// One service's way to the bus.
#[derive(Clone)]
pub struct Bus {
    client: EventBridge,
    name: String,
    source: &'static str,
    ids: Arc<dyn Ids>,
}

impl Bus {
    /// Events of `source` (the service) to the bus called `name`. The client must not retry by itself.
    pub fn new(client: impl Into<EventBridge>, name: impl Into<String>, source: &'static str, ids: Arc<dyn Ids>) -> Self {
        Self { client: client.into(), name: name.into(), source, ids }
    }

    /// Publishes `events`; one result each, in their order. Accepted means stored by EventBridge: rules deliver from there.
    ///
    /// Cost: one call per ten events or per megabyte, $1 per million events of 64 KB; a failed entry is tried four times in all.
    pub async fn publish(&self, events: &[Outgoing]) -> Vec<Result<(), NotAccepted>> {
        let entries: Vec<_> = events.iter().map(|event| self.entry(event)).collect();
        let mut results: Vec<Result<(), NotAccepted>> = vec![Err(NotAccepted("not sent".into())); events.len()];
        let mut open: Vec<usize> = (0..events.len()).collect();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(self.pause(attempt)).await;
            }
            for call in calls(&open, &entries) {
                self.put(&call, &entries, &mut results).await;
            }
            open.retain(|&i| results[i].is_err());
            if open.is_empty() {
                break;
            }
        }
        results
    }

    /// One call; writes the result of each of its entries.
    async fn put(&self, call: &[usize], entries: &[Entry], results: &mut [Result<(), NotAccepted>]) {
        let sent = call.iter().map(|&i| entries[i].request.clone()).collect();
        match self.client.send(PutEventsInput::builder().set_entries(Some(sent))).await {
            Ok(answer) => {
                for (place, &i) in call.iter().enumerate() {
                    // An answer that is shorter than the call has not accepted the rest.
                    results[i] = match answer.entries().get(place) {
                        _ if planted(Bug::FailedEntriesIgnored) => Ok(()),
                        Some(entry) if entry.error_code().is_none() && entry.event_id().is_some() => Ok(()),
                        Some(entry) => {
                            Err(NotAccepted(format!("{}: {}", entry.error_code().unwrap_or("no id"), entry.error_message().unwrap_or(""))))
                        }
                        None => Err(NotAccepted("the answer has no entry for it".into())),
                    };
                }
            }
            Err(error) => {
                let reason = NotAccepted(DisplayErrorContext(&error).to_string());
                call.iter().for_each(|&i| results[i] = Err(reason.clone()));
            }
        }
    }

    fn entry(&self, event: &Outgoing) -> Entry {
        let mut detail = json(&event.detail);
        let size = |detail: &str| self.source.len() + event.event_type.len() + detail.len() + 14;
        if size(&detail) > BYTES_PER_CALL {
            let mut reference = Detail { metadata: event.detail.metadata.clone(), data: Default::default() };
            reference.metadata.by_reference = true;
            detail = json(&reference);
        }
        let bytes = size(&detail);
        let request = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(self.source)
            .detail_type(&event.event_type)
            .detail(detail)
            .build();
        Entry { request, bytes }
    }

    /// Full jitter: evenly between nothing and 20 ms doubled per attempt.
    fn pause(&self, attempt: u32) -> Duration {
        Duration::from_micros(self.ids.random() % (20_000 << attempt))
    }
}

struct Entry {
    request: PutEventsRequestEntry,
    /// Its size as EventBridge counts it: source, type, detail, and 14 for the time.
    bytes: usize,
}

fn json(detail: &Detail) -> String {
    serde_json::to_string(detail).expect("a detail is strings, numbers and JSON values, which all serialize")
}

/// The entries of each call: at most ten, at most a megabyte, in order.
fn calls(open: &[usize], entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut calls: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for &i in open {
        match calls.last_mut() {
            Some(call) if call.len() < ENTRIES_PER_CALL && bytes + entries[i].bytes <= BYTES_PER_CALL => {
                call.push(i);
                bytes += entries[i].bytes;
            }
            _ => {
                calls.push(vec![i]);
                bytes = entries[i].bytes;
            }
        }
    }
    calls
}
