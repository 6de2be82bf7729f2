//! Checks the logs: what was acknowledged is there, what is there was asked for, once, without gaps; and the bus has been told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use annals_kit::{Aggregate, CommandId, Recorded};
use annals_log::Commit;
use billing::invoice::Invoice;
use identity::claim::EmailClaim;

use super::{Checked, Streams, place};
use crate::history::Told;
use crate::revisions::Counting;
use crate::services::{Service, log_of};
use crate::world::World;

/// Reads a log; its versions must be 1 to the last of each stream, and their times must not go back.
pub async fn read(world: &Arc<World>, service: Service, checked: &mut Checked) -> Streams {
    let mut streams = Streams::new();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for item in world.table(service.log()).await {
        let (stream, version) = place(&item);
        let last = versions.entry(stream.to_owned()).or_default();
        checked.expect(3, version == *last + 1, || format!("{stream} has version {version} after {last}"));
        *last = version;
        match Commit::from_item(&item) {
            Ok(commit) => {
                let commits = streams.entry(stream.to_owned()).or_default();
                let before = commits.last().is_none_or(|last| last.recorded_at <= commit.recorded_at);
                checked.expect(3, before, || format!("{stream}@{version} is of an earlier time than the commit before it"));
                commits.push(commit);
            }
            Err(error) => checked.violated(3, format!("{stream}@{version} cannot be read: {error}")),
        }
    }
    streams
}

/// 1, 2 and 4: answers and commits agree.
pub fn answers(world: &Arc<World>, logs: &BTreeMap<Service, Streams>, checked: &mut Checked) {
    let billing = &logs[&Service::Billing];
    let issued = world.history.issued();
    let mut seen: BTreeSet<(String, CommandId)> = BTreeSet::new();
    for (stream, commits) in billing {
        for commit in commits {
            let asked = issued.get(&commit.command).is_some_and(|issued| issued.stream.as_deref() == Some(stream));
            checked.expect(2, asked, || format!("nobody asked for {stream}@{}", commit.version));
            let first = seen.insert((stream.clone(), commit.command));
            let denied = issued.get(&commit.command).is_some_and(|issued| issued.told == Told::Busy);
            checked
                .expect(4, !denied, || format!("{stream}@{} is there, and its caller was told that nothing was written", commit.version));
            checked.expect(4, first, || format!("{} is in {stream} twice, again at version {}", commit.command, commit.version));
        }
    }
    for (command, issued) in issued.iter() {
        let (Told::Committed(version), Some(stream)) = (&issued.told, &issued.stream) else { continue };
        let there = billing.get(stream).is_some_and(|commits| commits.iter().any(|commit| commit.command == *command));
        checked.expect(1, there, || format!("{command} was acknowledged at {stream}@{version} and is not in the log"));
    }
    for organisation in world.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let is_there = logs[&Service::Identity].values().flatten().any(|commit| commit.tenant.as_str() == organisation);
        checked.expect(1, is_there, || format!("{organisation} was founded, as its founder was told, and is not in the log"));
    }
    let people = world.founded.lock().unwrap_or_else(PoisonError::into_inner);
    for (stream, commits) in &logs[&Service::Identity] {
        for commit in commits {
            let known = commit.tenant.as_str() == "identity" || people.contains_key(commit.tenant.as_str());
            checked.expect(2, known, || format!("nobody asked for {stream}@{} of {}", commit.version, commit.tenant));
        }
    }
}

/// 9: the bus was told of every published event; and no event id says two things.
pub fn bus(world: &Arc<World>, logs: &BTreeMap<Service, Streams>, checked: &mut Checked) {
    let accepted = world.network.bus.accepted();
    for (service, streams) in logs {
        let published = service.projector(world.reader(), 0).publishes();
        for commit in streams.values().flatten() {
            for (index, event) in commit.events.iter().enumerate().filter(|(_, event)| published.contains(event.event_type.as_str())) {
                let id = commit.event_id(index).to_string();
                checked.expect(9, accepted.contains(&id), || format!("{} {id} was never published", event.event_type));
            }
        }
    }
    for id in world.network.bus.contradicted() {
        checked.violated(9, format!("event id {id} was published with two contents"));
    }
}

/// 12: an address has one owner.
pub fn owners(logs: &BTreeMap<Service, Streams>, checked: &mut Checked) {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for (stream, commits) in logs[&Service::Identity].iter().filter(|(stream, _)| stream.starts_with("EMAIL#")) {
        let mut claim = EmailClaim::default();
        for commit in commits {
            for event in &commit.events {
                let Ok(event) = event.decode() else { continue };
                let before = claim.owner;
                claim.evolve(&event, Recorded { version: commit.version, at: commit.recorded_at });
                let taken = before.is_some() && claim.owner.is_some() && before != claim.owner;
                checked.expect(12, !taken, || format!("{stream} passes from one owner to another at version {}", commit.version));
            }
        }
        if let Some(owner) = claim.owner {
            let other = owners.insert(owner.to_string(), stream.clone());
            checked.expect(12, other.is_none(), || format!("{owner} owns {stream} and {other:?}"));
        }
    }
}

/// 5: a state that is loaded, by this release or by the next, is what its log folds to.
pub async fn loads(world: &Arc<World>, billing: &Streams, checked: &mut Checked) {
    let host = world.reader();
    let streams = annals_log::Streams::<Counting<Invoice>>::new(log_of(Service::Billing, host));
    for (stream, commits) in billing.iter().filter(|(stream, _)| stream.starts_with("INV#")) {
        let mut folded = Counting::<Invoice>::default();
        for commit in commits {
            for event in commit.events.iter().filter_map(|event| event.decode().ok()) {
                folded.evolve(&event, Recorded { version: commit.version, at: commit.recorded_at });
            }
        }
        let Ok(id) = stream.parse() else { continue };
        match streams.load(&id).await {
            Ok(loaded) => {
                let same = loaded.state.events == folded.events && loaded.state.state == folded.state;
                checked.expect(5, same, || format!("{stream} loads as after {} events, and has {}", loaded.state.events, folded.events));
            }
            Err(_) if world.is_strange(&id) => checked.holds(5),
            Err(error) => checked.violated(5, format!("{stream} does not load: {error}")),
        }
    }
}
