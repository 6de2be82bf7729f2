//! What only the services' own code knows of their streams: how they fold, which of their events are effects, which rows they make, who is given
//! a role, and whom they are about.

use std::future::Future;
use std::pin::Pin;

use annals_kit::{Actor, CustomerId, Role, StoredEvent, StreamId, Timestamp, Version};
use annals_log::{BoxError, Commit};
use serde_json::Value;

/// The state of one stream, commit by commit.
pub trait State: Send {
    /// Takes in the next commit.
    fn apply(&mut self, commit: &Commit) -> Result<(), BoxError>;
    /// What is so now.
    fn value(&self) -> Value;
}

/// A row that a projection has of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The projection.
    pub projection: String,
    /// Where it differs from what the log folds to; `None` where it does not.
    pub differs: Option<String>,
}

/// A role that somebody was given, or that was taken from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is: their stream.
    pub holder: String,
    /// What they are: `member` or `key`.
    pub kind: &'static str,
    /// The role; none from now on.
    pub role: Option<Role>,
}

/// How an event is about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The field that names them.
    pub named_as: &'static str,
    /// Whether its stream is about nobody else.
    pub of_nobody_else: bool,
    /// As whom they act because of it, as by a key.
    pub acts_as: Option<Actor>,
}

/// An answer on its way.
pub type Deriving<'a> = Pin<Box<dyn Future<Output = Result<Vec<Derived>, BoxError>> + Send + 'a>>;

/// The services' own knowledge.
pub trait Domain: Send + Sync {
    /// The state of `stream` before its first commit.
    fn state(&self, stream: &StreamId) -> Box<dyn State>;
    /// What an event did outside, such as an email that was sent; `None` where it is no effect.
    fn effect(&self, stream: &StreamId, event: &StoredEvent) -> Option<String>;
    /// What projections have of `stream`, whose newest version is this.
    fn derived<'a>(&'a self, stream: &'a StreamId, version: Version) -> Deriving<'a>;
    /// The types of the events that give roles and take them.
    fn role_events(&self) -> &'static [&'static str];
    /// Whom such an event gave a role, or from whom it took it.
    fn standing(&self, event: &StoredEvent) -> Result<Option<Standing>, BoxError>;
    /// How an event is about this person; `None` where it does not name them.
    fn about(&self, stream: &StreamId, event: &StoredEvent, person: &CustomerId) -> Option<About>;
    /// The fields of an event whose text is sealed.
    fn sealed(&self, stream: &StreamId, event: &StoredEvent) -> Vec<&'static str>;
    /// When the person that an event names was erased; `None` where it certifies no erasure.
    fn certified(&self, event: &StoredEvent) -> Option<Timestamp>;
}
