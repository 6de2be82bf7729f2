//! What a caller asks of a stream, and what it is told.

use std::sync::Arc;

use annals_kit::{Actor, CommandId, EventId, StoredEvent, Tenant, Timestamp, Version};
use annals_reads::ReadError;
use uuid::Uuid;

use crate::commit::{EncodeError, RequestHash};
use crate::fold::FoldError;
use crate::log::BoxError;
use crate::size::ITEM_LIMIT;

/// Who asks for what, and because of what: goes into the commit.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose data.
    pub tenant: Tenant,
    /// Who asks.
    pub actor: Actor,
    /// Which attempt of theirs; repeating it does nothing twice.
    pub command: CommandId,
    /// What they ask, to tell a repetition from another request under the same id.
    pub hash: RequestHash,
    /// What it belongs to across services; the command id where nothing came before.
    pub correlation: Uuid,
    /// The event that led to it, where one did.
    pub causation: Option<EventId>,
    /// What seals personal data on its way into the commit, where there is any.
    pub seal: Option<Arc<dyn Seal>>,
}

impl Request {
    /// What `actor` asks by itself: no event led to it, it belongs to nothing older, and nothing in it is sealed. `asked` tells it from
    /// another request under the same command id.
    pub fn new(tenant: &Tenant, actor: Actor, command: CommandId, asked: &[u8]) -> Self {
        let hash = RequestHash::of(asked);
        Self { tenant: tenant.clone(), actor, command, hash, correlation: command.0, causation: None, seal: None }
    }

    /// The same, because of an event of something under way.
    pub fn because_of(self, event: EventId, correlation: Uuid) -> Self {
        Self { causation: Some(event), correlation, ..self }
    }
}

/// Seals personal data in an event that is about to be stored.
pub trait Seal: std::fmt::Debug + Send + Sync {
    /// Replaces what is personal in `event` by its sealed form, bound to `place`: moved elsewhere, it does not open.
    fn seal(&self, event: &mut StoredEvent, place: &EventId);
}

/// What is known of a stream before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It should not exist yet: the first insert is tried without reading.
    New,
    /// It should exist.
    Existing,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<E> {
    /// Its events are in the log, by this call or by an earlier one with the same command id.
    Committed {
        /// The commit's version.
        version: Version,
        /// When it was recorded.
        recorded_at: Timestamp,
        /// Its events.
        events: Vec<E>,
        /// Whether an earlier call wrote it.
        repeated: bool,
    },
    /// It is already so; nothing was written.
    Unchanged {
        /// The newest version; `None` where the stream has no commit.
        version: Option<Version>,
    },
}

/// Why a command came to nothing, by what the caller must do.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The domain says no, judged by the newest state; nothing was written.
    #[error("refused")]
    Refused(R),
    /// The stream is another tenant's: answer as if it did not exist.
    #[error("no such stream")]
    NotFound,
    /// The command id was used for another request in the last 24 hours; nothing was written.
    #[error("the command id {command} was used for another request")]
    IdReused {
        /// The id.
        command: CommandId,
    },
    /// The commit would be larger than an item can be; nothing was written.
    #[error("the commit would take {size} bytes, of at most {ITEM_LIMIT}")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// The commit cannot be written in canonical form; nothing was written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Every attempt was throttled or lost the race; nothing was written. Try again later with the same command id.
    #[error("the log is busy; nothing was written")]
    Busy {
        /// The last reason.
        source: BoxError,
    },
    /// Perhaps written: ask again with the same command id, and never report "failed".
    #[error("no answer from the log; command {command} may or may not have been carried out")]
    Unknown {
        /// The id to ask again with.
        command: CommandId,
        /// The last reason.
        source: BoxError,
    },
    /// The stream does not fold: `annals verify` tells more. Nothing was written.
    #[error(transparent)]
    Broken(#[from] FoldError),
    /// Anything else, such as a missing permission; nothing was written.
    #[error("the log refused")]
    Failed {
        /// The reason.
        source: BoxError,
    },
}

/// A stream could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The reads failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read does not fold.
    #[error(transparent)]
    Fold(#[from] FoldError),
}
