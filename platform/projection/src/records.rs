//! What a batch of the log's stream holds: new commits by stream, and tampering.

use std::collections::HashMap;

use annals_kit::StreamId;
use annals_log::{Commit, StreamHead};
use annals_reads::Item;
use aws_lambda_events::dynamodb::{Event, EventRecord};

/// One stream's part of a batch.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) stream: StreamId,
    /// The lowest sequence number of its records: what to report when the stream fails.
    pub(crate) first_sequence: String,
    /// Its commits, in version order, each once. Those that cannot be read are left out: a gap, to be filled from the log.
    pub(crate) commits: Vec<Commit>,
    /// The highest version that the records name, read or not.
    pub(crate) highest: u64,
}

impl Delivered {
    /// As records of the commits that were read on the way, and one more that says no more than that its stream has come this far.
    pub(crate) fn hint(head: &StreamHead) -> Self {
        Self { stream: head.stream.clone(), first_sequence: String::new(), commits: head.commits.clone(), highest: head.version.get() }
    }
}

/// A record that is no insert: someone changed or deleted a commit.
#[derive(Debug)]
pub(crate) struct Tampering {
    /// `MODIFY` or `REMOVE`.
    pub(crate) kind: String,
    /// `PK SK` of the item.
    pub(crate) key: String,
}

/// Sorts a batch out. Records whose key is not a log's are left out: nothing of ours writes such.
pub(crate) fn sort_out(event: Event) -> (Vec<Delivered>, Vec<Tampering>) {
    let (mut delivered, mut tampering): (Vec<Delivered>, Vec<Tampering>) = (vec![], vec![]);
    let mut places: HashMap<StreamId, usize> = HashMap::new();
    for record in event.records {
        let keys: Item = record.change.keys.clone().into();
        let key = |name: &str| keys.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        if record.event_name != "INSERT" {
            tampering.push(Tampering { kind: record.event_name, key: format!("PK={} SK={}", key("PK"), key("SK")) });
            continue;
        }
        let (Ok(stream), Ok(version)) = (key("PK").parse::<StreamId>(), key("SK").parse::<u64>()) else { continue };
        let commit = new_image(&record).and_then(|item| Commit::from_item(&item).ok());
        let place = *places.entry(stream).or_insert_with_key(|stream| {
            let first_sequence = record.change.sequence_number.clone().unwrap_or_default();
            delivered.push(Delivered { stream: stream.clone(), first_sequence, commits: vec![], highest: 0 });
            delivered.len() - 1
        });
        let sequence = record.change.sequence_number.unwrap_or_default();
        // Longer is larger: sequence numbers have no leading zeros. A batch may hold a stream's records in another order.
        if (sequence.len(), &sequence) < (delivered[place].first_sequence.len(), &delivered[place].first_sequence) {
            delivered[place].first_sequence = sequence;
        }
        delivered[place].highest = delivered[place].highest.max(version);
        delivered[place].commits.extend(commit);
    }
    for one in &mut delivered {
        one.commits.sort_by_key(|commit| commit.version);
        one.commits.dedup_by_key(|commit| commit.version);
    }
    (delivered, tampering)
}

fn new_image(record: &EventRecord) -> Option<Item> {
    let image = record.change.new_image.clone();
    (!image.is_empty()).then(|| image.into())
}
