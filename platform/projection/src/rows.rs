//! What a developer writes of a projection that keeps several rows of a stream, or rows that move.

use annals_kit::{Event, Recorded, StreamId};
use annals_reads::Item;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows that follow from one stream: several of them, or some whose key changes, or none for a while.
///
/// The state is kept on the stream's stamp; the rows are a function of it. When the state changes, the rows that are new or other are put,
/// those that are no longer there are deleted, and the stamp moves on, in one transaction.
pub trait Rows: Send + Sync + 'static {
    /// Its name, such as `open-invoices`, unique in the service.
    const NAME: &'static str;
    /// The streams it reads, such as `INV`.
    const STREAM_TYPE: &'static str;
    /// Raised whenever the fold, the rows or the state's form change; streams of an older revision are folded again from the log.
    const REVISION: u32;
    /// The stream's events.
    type Event: Event;
    /// What one stream must remember between two events.
    type State: Default + Serialize + DeserializeOwned;

    /// Takes in one event. An error, or a panic, parks the stream in this projection only.
    fn fold(stream: &StreamId, state: &mut Self::State, event: &Self::Event, recorded: Recorded) -> Result<(), CannotFold>;

    /// The rows of the state. Their keys hold the stream's id: a key that another stream has written parks the stream. No more than 49
    /// rows may change with one commit, as a transaction has 100 actions.
    fn rows(stream: &StreamId, state: &Self::State) -> Vec<NewRow>;
}

/// An event that a fold cannot take in, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotFold(String);

impl CannotFold {
    /// For this reason, which an operator reads.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A row as a projection makes it: an entity of the matrix, and its attributes without keys.
#[derive(Debug)]
pub struct NewRow {
    pub(crate) entity: &'static str,
    pub(crate) content: Result<Item, serde_dynamo::Error>,
}

impl NewRow {
    /// A row of `entity`; the serde names of `content` are attribute names, and the entity's key templates take their holes from them.
    pub fn new(entity: &'static str, content: &impl Serialize) -> Self {
        Self { entity, content: serde_dynamo::to_item(content) }
    }
}
