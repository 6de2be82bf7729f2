//! Checks emails: every event that asks for one has led to exactly one, and nothing was asked of the provider once it was done.

use std::collections::BTreeMap;
use std::sync::Arc;

use annals_kit::ids::derived_uuid;

use super::{Checked, Streams};
use crate::services::Service;
use crate::world::World;

/// 10.
pub fn check(world: &Arc<World>, logs: &BTreeMap<Service, Streams>, checked: &mut Checked) {
    let (asked, notes) = (world.network.provider.asked(), &logs[&Service::Notifications]);
    for commit in logs[&Service::Billing].values().chain(logs[&Service::Identity].values()).flatten() {
        for (index, event) in commit.events.iter().enumerate() {
            if !matches!(event.event_type.as_str(), "PAYMENT_RECEIVED" | "PAYMENT_FAILED" | "USER_CREATED") {
                continue;
            }
            let event_id = commit.event_id(index);
            let id = derived_uuid("email", &commit.tenant, &event_id.to_string());
            let ended = notes.get(&format!("NOTE#{id}")).is_some_and(|note| has(note, "EMAIL_SENT") || has(note, "EMAIL_GIVEN_UP"));
            checked.expect(10, ended, || format!("{event_id} asks for an email, which was neither sent nor given up"));
        }
    }
    for (stream, note) in notes {
        let id = stream.trim_start_matches("NOTE#");
        let requests = asked.get(id).map_or(&[][..], Vec::as_slice);
        let sent = note.iter().find(|commit| commit.events.iter().any(|event| event.event_type == "EMAIL_SENT"));
        if let Some(sent) = sent {
            let done_at = world.network.tables.inserted_at(Service::Notifications.log(), stream, sent.version.get()).unwrap_or(u64::MAX);
            checked.expect(10, !requests.is_empty(), || format!("{stream} says that an email was sent, and the provider knows none"));
            // A request of another attempt may have been under way when one was done.
            let late = requests.iter().filter(|at| **at > done_at + 10_000).count();
            checked.expect(10, late == 0, || format!("{stream} was asked for {late} times after it was done"));
        } else if !has(note, "EMAIL_GIVEN_UP") {
            checked.violated(10, format!("{stream} was begun and not ended"));
        }
    }
}

fn has(note: &[annals_log::Commit], event_type: &str) -> bool {
    note.iter().flat_map(|commit| &commit.events).any(|event| event.event_type == event_type)
}
