//! The bus: it takes events, and delivers them to the queues of notifications: late, twice, and in no order, if it comes to that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clock::SimClock;
use crate::faults::{Fault, Faults};
use crate::network::call::digest;

/// A queue of notifications, by the function that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Emails.
    SendEmail,
    /// Items in the inboxes of accounts.
    AddToInbox,
}

impl Queue {
    /// Both.
    pub const ALL: [Self; 2] = [Self::SendEmail, Self::AddToInbox];

    /// The function's name.
    pub fn name(self) -> &'static str {
        ["send-email", "add-to-inbox"][self as usize]
    }

    /// Whether events of a type are delivered to it. Source: services/notifications/asyncapi.yaml.
    pub fn takes(self, event_type: &str) -> bool {
        match event_type {
            "PAYMENT_RECEIVED" | "PAYMENT_FAILED" | "DUNNING_STEP_TAKEN" | "USER_CREATED" => true,
            "USER_VERIFICATION_REQUESTED" | "MEMBER_INVITED" => self == Self::SendEmail,
            "MEMBER_ROLE_CHANGED" | "USER_PASSWORD_CHANGED" => self == Self::AddToInbox,
            _ => false,
        }
    }
}

/// How often a message is received before it is a dead letter.
const MOST_RECEIVES: u32 = 12;

/// A message of the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: u64,
    /// The event, as the queue has it.
    pub body: String,
    /// From when on it is shown.
    pub visible_at: u64,
    /// When it was put there, in microseconds since 1970.
    pub sent_at: i64,
    /// How often it was received.
    pub receives: u32,
}

/// An event on its way to the bus.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The service.
    pub source: &'a str,
    /// The event type.
    pub detail_type: &'a str,
    /// The detail, as JSON.
    pub detail: &'a str,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is on the bus, under this id.
    Accepted(String),
    /// It is not.
    Failed,
}

/// The bus and its queues.
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
    queues: BTreeMap<Queue, Vec<Message>>,
    dead: BTreeMap<Queue, Vec<Message>>,
    next: u64,
}

impl State {
    fn queue(&mut self, queue: Queue) -> &mut Vec<Message> {
        self.queues.entry(queue).or_default()
    }
}

impl Bus {
    /// Takes the entries that do not fail; what became of each.
    pub fn put_events(&self, entries: &[Entry<'_>], failing: &[bool], clock: &SimClock, faults: &Faults) -> Vec<Put> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut results = vec![];
        for (entry, fails) in entries.iter().zip(failing) {
            if *fails {
                results.push(Put::Failed);
                continue;
            }
            results.push(Put::Accepted(format!("event-{}", state.next)));
            let detail: Value = serde_json::from_str(entry.detail).unwrap_or_default();
            let id = detail["metadata"]["event_id"].as_str().unwrap_or_default().to_owned();
            let said = digest(&detail);
            let (known, times) = *state.accepted.entry(id.clone()).and_modify(|(_, times)| *times += 1).or_insert((said, 1));
            if known != said {
                state.contradicted.push(id.clone());
            }
            for queue in Queue::ALL.into_iter().filter(|queue| queue.takes(entry.detail_type)) {
                deliver(&mut state, queue, (entry, &detail, &id, times), clock, faults);
            }
        }
        drop(state);
        self.arrivals.notify_waiters();
        results
    }

    /// Takes up to `most` messages that are shown now, and hides them until `hidden_until`.
    pub fn receive(&self, queue: Queue, most: usize, now: u64, hidden_until: u64) -> Vec<Message> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut received = vec![];
        for message in state.queue(queue).iter_mut().filter(|message| message.visible_at <= now).take(most) {
            message.visible_at = hidden_until;
            message.receives += 1;
            received.push(message.clone());
        }
        received
    }

    /// Shows a message again at a time; where it was received too often, it is a dead letter.
    pub fn show(&self, queue: Queue, id: u64, at: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = state.queue(queue);
        let Some(place) = messages.iter().position(|message| message.id == id) else { return };
        if messages[place].receives >= MOST_RECEIVES {
            let dead = messages.remove(place);
            state.dead.entry(queue).or_default().push(dead);
        } else {
            messages[place].visible_at = at;
        }
        drop(state);
        self.arrivals.notify_waiters();
    }

    /// When the next message of a queue is shown; `None` where it holds none.
    pub fn next_shown(&self, queue: Queue) -> Option<u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).queue(queue).iter().map(|message| message.visible_at).min()
    }

    /// Takes a message off the queue.
    pub fn done(&self, queue: Queue, id: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).queue(queue).retain(|message| message.id != id);
    }

    /// Puts dead letters back into a queue.
    pub fn redrive(&self, queue: Queue, now: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = state.dead.remove(&queue).unwrap_or_default();
        state.queue(queue).extend(dead.into_iter().map(|message| Message { visible_at: now, receives: 0, ..message }));
        drop(state);
        self.arrivals.notify_waiters();
    }

    /// Messages in the queues, and dead letters.
    pub fn depth(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let all = |messages: &BTreeMap<Queue, Vec<Message>>| messages.values().map(Vec::len).sum();
        (all(&state.queues), all(&state.dead))
    }

    /// The ids of the events that were accepted.
    pub fn accepted(&self) -> BTreeSet<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).accepted.keys().cloned().collect()
    }

    /// The ids that came again with other words.
    pub fn contradicted(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).contradicted.clone()
    }
}

fn deliver(
    state: &mut State,
    queue: Queue,
    (entry, detail, id, times): (&Entry<'_>, &Value, &str, u64),
    clock: &SimClock,
    faults: &Faults,
) {
    let (now, site) = (clock.elapsed(), format!("bus/{}", queue.name()));
    let place = (site.as_str(), id, times);
    let event = json!({
        "version": "0", "id": format!("event-{}", state.next), "detail-type": entry.detail_type, "source": entry.source,
        "account": "000000000000", "time": clock.true_now().to_string(), "region": "eu-west-1", "resources": [], "detail": detail,
    });
    let copies = 1 + u64::from(faults.fires(Fault::BusDuplicate, place, now));
    for copy in 0..copies {
        let late = faults.fires(Fault::BusDelay, (&site, id, times * 8 + copy), now);
        let delay = if late { 1_000 + faults.extent(60_000, (&site, id, times * 8 + copy)) } else { 5 };
        state.next += 1;
        let (number, sent_at) = (state.next, clock.true_now().micros());
        let message = Message { id: number, body: event.to_string(), visible_at: now + delay, sent_at, receives: 0 };
        state.queue(queue).push(message);
    }
}
