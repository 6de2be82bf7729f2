//! What only the services' own code knows of their streams: how they fold, which of their events are effects, which rows they make.

use std::future::Future;
use std::pin::Pin;

use annals_kit::{StoredEvent, StreamId, Version};
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
}
