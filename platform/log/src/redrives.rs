//! Redrives of dead letters are facts: `DLQ#<queue>` streams in the log of the service that owns the queue.
//!
//! A redrive is recorded before anything is moved, with the letters it is about, and stays open until all of them were dealt with. An
//! interrupted one is found open by the next, which finishes it under the same fact: no fact is lost, and none is told twice.

use annals_kit::ids::InvalidId;
use annals_kit::{Aggregate, Command, Event, Recorded, Schema, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most letters of one redrive: their ids must fit into a commit.
pub const MOST_LETTERS: usize = 500;

/// What happens to a queue of dead letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum RedriveEvent {
    /// Someone decided that letters go back.
    #[serde(rename = "DEAD_LETTERS_REDRIVEN")]
    Redriven(DeadLettersRedriven),
    /// All of them were dealt with.
    #[serde(rename = "DEAD_LETTERS_MOVED")]
    Moved(DeadLettersMoved),
}

/// Letters go back to a queue. Who and when are in the commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLettersRedriven {
    /// Names this redrive.
    pub redrive_id: Uuid,
    /// The queue they lie in.
    pub queue: String,
    /// The queue they go to.
    pub target: String,
    /// Why, in the operator's words, which must name no person.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Which.
    pub letters: Vec<RedrivenLetter>,
}

/// A letter of a redrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RedrivenLetter {
    /// Its id in the queue of dead letters.
    pub message_id: String,
    /// The event it carries, where it carries one.
    pub event_id: Option<String>,
}

/// What became of a redrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLettersMoved {
    /// The redrive.
    pub redrive_id: Uuid,
    /// Letters moved by the run that finished it; an interrupted one may have moved others before.
    pub moved: u64,
    /// Letters that were no longer there.
    pub gone: u64,
}

impl Event for RedriveEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "DEAD_LETTERS_REDRIVEN", upcasts: &[], published: false },
        Schema { event_type: "DEAD_LETTERS_MOVED", upcasts: &[], published: false },
    ];
}

/// The redrives of one queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Redrives {
    /// The one that was recorded and not finished.
    pub open: Option<DeadLettersRedriven>,
}

impl Aggregate for Redrives {
    const STREAM_TYPE: &'static str = "DLQ";
    const FOLD_REVISION: u32 = 1;
    type Event = RedriveEvent;

    fn evolve(&mut self, event: &RedriveEvent, _: Recorded) {
        self.open = match event {
            RedriveEvent::Redriven(redrive) => Some(redrive.clone()),
            RedriveEvent::Moved(_) => None,
        };
    }
}

/// Another redrive of the queue is not finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("redrive {0} of this queue is not finished")]
pub struct StillOpen(pub Uuid);

/// Records a redrive.
pub struct Redrive(pub DeadLettersRedriven);

impl Command for Redrive {
    type Aggregate = Redrives;
    type Refusal = StillOpen;

    fn decide(&self, state: &Redrives, _: Timestamp) -> Result<Vec<RedriveEvent>, StillOpen> {
        match &state.open {
            Some(open) => Err(StillOpen(open.redrive_id)),
            None => Ok(vec![RedriveEvent::Redriven(self.0.clone())]),
        }
    }
}

/// Finishes a redrive; one that is finished already stays so.
pub struct Finish(pub DeadLettersMoved);

impl Command for Finish {
    type Aggregate = Redrives;
    type Refusal = std::convert::Infallible;

    fn decide(&self, state: &Redrives, _: Timestamp) -> Result<Vec<RedriveEvent>, Self::Refusal> {
        let is_open = state.open.as_ref().is_some_and(|open| open.redrive_id == self.0.redrive_id);
        Ok(if is_open { vec![RedriveEvent::Moved(self.0.clone())] } else { vec![] })
    }
}

/// The stream of a queue's redrives.
pub fn redrives_stream(queue: &str) -> Result<StreamId, InvalidId> {
    StreamId::new(Redrives::STREAM_TYPE, queue)
}
