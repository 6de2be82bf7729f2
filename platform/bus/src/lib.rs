//! Publishes committed events to EventBridge.
//!
//! - [`envelope`]: what the bus carries of an event
//! - [`publish`]: PutEvents, entry by entry

pub mod envelope;
pub mod publish;

pub use envelope::{Detail, Metadata};
pub use publish::{Bus, NotAccepted, Outgoing};
