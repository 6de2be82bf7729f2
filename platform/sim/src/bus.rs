//! The bus: it takes events, and delivers them to the queue that asks for emails: late, twice, and in no order, if it comes to that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clock::SimClock;
use crate::faults::{Fault, Faults};
use crate::network::call::digest;

/// The event types that ask for an email.
const ASK_FOR_EMAIL: [&str; 3] = ["PAYMENT_RECEIVED", "PAYMENT_FAILED", "USER_CREATED"];
/// How often a message is received before it is a dead letter.
const MOST_RECEIVES: u32 = 12;

/// A message of the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: u64,
    /// The event, as the queue has it.
    pub body: String,
    /// What it is about.
    pub event_id: String,
    /// From when on it is shown.
    pub visible_at: u64,
    /// When it was put there, in microseconds since 1970.
    pub sent_at: i64,
    /// How often it was received.
    pub receives: u32,
}

/// The bus and its queue.
#[derive(Debug, Default)]
pub struct Bus {
    state: Mutex<State>,
    /// Told of every message.
    pub arrivals: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Every event that was accepted, by id: what it says, and how often it came.
    accepted: BTreeMap<String, (u64, u64)>,
    /// Event ids that came again with other words.
    contradicted: Vec<String>,
    queue: VecDeque<Message>,
    dead: Vec<Message>,
    next: u64,
}

impl Bus {
    /// Takes the entries that do not fail; the answer.
    pub fn put_events(&self, body: &Value, failing: &[u64], clock: &SimClock, faults: &Faults) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut answers, mut failed) = (vec![], 0);
        for (number, entry) in body["Entries"].as_array().into_iter().flatten().enumerate() {
            if failing.contains(&(number as u64)) {
                failed += 1;
                answers.push(json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "injected" }));
                continue;
            }
            answers.push(json!({ "EventId": format!("event-{}", state.next) }));
            let detail: Value = entry["Detail"].as_str().and_then(|detail| serde_json::from_str(detail).ok()).unwrap_or_default();
            let id = detail["metadata"]["event_id"].as_str().unwrap_or_default().to_owned();
            let said = digest(&detail);
            let (known, times) = *state.accepted.entry(id.clone()).and_modify(|(_, times)| *times += 1).or_insert((said, 1));
            if known != said {
                state.contradicted.push(id.clone());
            }
            let event_type = entry["DetailType"].as_str().unwrap_or_default();
            if ASK_FOR_EMAIL.contains(&event_type) {
                deliver(&mut state, (entry, detail, &id, times), clock, faults);
            }
        }
        drop(state);
        self.arrivals.notify_waiters();
        json!({ "FailedEntryCount": failed, "Entries": answers }).to_string()
    }

    /// Takes up to `most` messages that are shown now, and hides them until `hidden_until`.
    pub fn receive(&self, most: usize, now: u64, hidden_until: u64) -> Vec<Message> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut received = vec![];
        for message in state.queue.iter_mut().filter(|message| message.visible_at <= now).take(most) {
            message.visible_at = hidden_until;
            message.receives += 1;
            received.push(message.clone());
        }
        received
    }

    /// Shows a message again at a time; where it was received too often, it is a dead letter.
    pub fn show(&self, id: u64, at: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = state.queue.iter().position(|message| message.id == id) else { return };
        if state.queue[place].receives >= MOST_RECEIVES {
            let dead = state.queue.remove(place);
            state.dead.extend(dead);
        } else {
            state.queue[place].visible_at = at;
        }
    }

    /// Takes a message off the queue.
    pub fn done(&self, id: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).queue.retain(|message| message.id != id);
    }

    /// Puts dead letters back into the queue; how many.
    pub fn redrive(&self, now: u64) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = std::mem::take(&mut state.dead);
        let count = dead.len();
        state.queue.extend(dead.into_iter().map(|message| Message { visible_at: now, receives: 0, ..message }));
        count
    }

    /// Messages in the queue, and dead letters.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.queue.len(), state.dead.len())
    }

    /// The ids of the events that were accepted, each as often as it came.
    pub fn accepted(&self) -> BTreeMap<String, u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.accepted.iter().map(|(id, (_, times))| (id.clone(), *times)).collect()
    }

    /// The ids that came again with other words.
    pub fn contradicted(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).contradicted.clone()
    }
}

fn deliver(state: &mut State, (entry, detail, id, times): (&Value, Value, &str, u64), clock: &SimClock, faults: &Faults) {
    let (now, place) = (clock.elapsed(), ("bus", id, times));
    let event = json!({
        "version": "0", "id": format!("event-{}", state.next), "detail-type": entry["DetailType"], "source": entry["Source"],
        "account": "000000000000", "time": clock.true_now().to_string(), "region": "eu-west-1", "resources": [], "detail": detail,
    });
    let copies = 1 + u64::from(faults.fires(Fault::BusDuplicate, place, now));
    for copy in 0..copies {
        let late = faults.fires(Fault::BusDelay, ("bus", id, times * 8 + copy), now);
        let delay = if late { 1_000 + faults.extent(60_000, ("bus", id, times * 8 + copy)) } else { 5 };
        state.next += 1;
        let (number, sent_at) = (state.next, clock.true_now().micros());
        let message =
            Message { id: number, body: event.to_string(), event_id: id.to_owned(), visible_at: now + delay, sent_at, receives: 0 };
        state.queue.push_back(message);
    }
}
