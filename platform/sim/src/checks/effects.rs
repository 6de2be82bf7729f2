//! Checks what people are told: every event that asks for it has led to exactly one email, and one item in an inbox; and nothing was asked of
//! the provider once it was done.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kit::ids::derived_uuid;
use annals_log::Commit;
use uuid::Uuid;

use super::{Checked, Streams};
use crate::bus::Queue;
use crate::services::Service;
use crate::world::World;

/// 10.
pub fn check(world: &Arc<World>, logs: &BTreeMap<Service, Streams>, checked: &mut Checked) {
    let notes = &logs[&Service::Notifications];
    for commit in logs[&Service::Billing].values().chain(logs[&Service::Identity].values()).flatten() {
        for (index, event) in commit.events.iter().enumerate() {
            if Queue::SendEmail.takes(&event.event_type) {
                let ended = ends(notes, "email", commit, index, &["EMAIL_SENT", "EMAIL_GIVEN_UP"]);
                checked.expect(10, ended == 1, || format!("{} asks for an email, which ended {ended} times", commit.event_id(index)));
            }
            if Queue::AddToInbox.takes(&event.event_type) && is_of_account(&event.payload) {
                let told = ends(notes, "inbox", commit, index, &["INBOX_ITEM_ADDED", "INBOX_ITEM_LEFT_OUT"]);
                checked.expect(10, told == 1, || format!("{} belongs into an inbox, and is {told} times in it", commit.event_id(index)));
            }
        }
    }
    emails(world, notes, checked);
}

/// What the provider was asked agrees with what is recorded.
fn emails(world: &Arc<World>, notes: &Streams, checked: &mut Checked) {
    let asked = world.network.provider.asked();
    for (stream, note) in notes.iter().filter(|(_, note)| count(note, &["EMAIL_INTENDED"]) > 0) {
        let id = stream.trim_start_matches("NOTE#");
        let requests = asked.get(id).map_or(&[][..], Vec::as_slice);
        let sent = note.iter().find(|commit| commit.events.iter().any(|event| event.event_type == "EMAIL_SENT"));
        if let Some(sent) = sent {
            let done_at = world.network.tables.inserted_at(Service::Notifications.log(), stream, sent.version.get()).unwrap_or(u64::MAX);
            checked.expect(10, !requests.is_empty(), || format!("{stream} says that an email was sent, and the provider knows none"));
            // A request of another attempt may have been under way when one was done.
            let late = requests.iter().filter(|at| **at > done_at + 10_000).count();
            checked.expect(10, late == 0, || format!("{stream} was asked for {late} times after it was done"));
        } else if count(note, &["EMAIL_GIVEN_UP"]) == 0 {
            checked.violated(10, format!("{stream} was begun and not ended"));
        }
    }
}

/// How often what the event of a commit asks for has come to one of these ends.
fn ends(notes: &Streams, way: &str, commit: &Commit, index: usize, ends: &[&str]) -> usize {
    let id = derived_uuid(way, &commit.tenant, &commit.event_id(index).to_string());
    notes.get(&format!("NOTE#{id}")).map_or(0, |note| count(note, ends))
}

fn count(note: &[Commit], event_types: &[&str]) -> usize {
    note.iter().flat_map(|commit| &commit.events).filter(|event| event_types.contains(&event.event_type.as_str())).count()
}

/// Whether an event is about somebody who may have an account: customers of other names have none.
fn is_of_account(payload: &serde_json::Map<String, serde_json::Value>) -> bool {
    let whom = payload.get("user_id").or_else(|| payload.get("customer_id")).and_then(|id| id.as_str());
    whom.is_some_and(|id| Uuid::parse_str(id).is_ok())
}
