//! What a batch of the log's stream tells the ledger.

use annals_kit::Timestamp;
use annals_log::CommitHash;
use annals_reads::Item;
use aws_lambda_events::dynamodb::{Event, EventRecord};

use crate::fact::{Fact, Irregularity};

/// A fact on its way into the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The fact.
    pub fact: Fact,
    /// The sequence number of its record; empty where it comes from the log itself.
    pub record: String,
    /// No entry for it can have been sequenced before this time, by the clock of the stream.
    pub created_at: Timestamp,
}

/// The facts in a batch, in its order.
pub fn facts(event: Event) -> Vec<Delivered> {
    event.records.into_iter().map(delivered).collect()
}

fn delivered(record: EventRecord) -> Delivered {
    let number = record.change.sequence_number.clone().unwrap_or_default();
    let created_at = Timestamp::new(record.change.approximate_creation_date_time);
    let keys: Item = record.change.keys.into();
    let image: Item = record.change.new_image.into();
    let fact = match record.event_name.as_str() {
        "INSERT" => Fact::of_insert(&image, &number),
        "REMOVE" => Fact::irregular(Irregularity::Removed, &keys, &number, [0; 32]),
        // MODIFY, or a word that AWS does not use today.
        _ => Fact::irregular(Irregularity::Changed, &keys, &number, CommitHash::of(&image).map_or([0; 32], |hash| hash.0)),
    };
    Delivered { fact, record: number, created_at }
}
