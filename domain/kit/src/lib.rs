//! The words every service is written in: no I/O, no clock, no randomness, no AWS.
//!
//! - [`time`]: instants as the log stores them, and where the time comes from
//! - [`ids`]: streams, versions, commands, events, tenants, actors, and where new ids come from
//! - [`role`]: what a person or key may do within a tenant
//! - [`money`]: whole minor units of an ISO 4217 currency
//! - [`event`]: the stored form of an event, its schema version and upcasts
//! - [`aggregate`]: what folds events, and the commands that decide them
//! - [`schema`]: JSON Schemas of types that are written as text, for contracts
//! - [`story`]: given, when, then, for domain tests

pub mod aggregate;
pub mod event;
pub mod ids;
pub mod money;
pub mod role;
pub mod schema;
pub mod story;
pub mod time;

pub use aggregate::{Aggregate, Command, Recorded};
pub use event::{Event, Payload, Schema, StoredEvent, Undecodable};
pub use ids::{Actor, CommandId, CustomerId, EventId, Generation, Ids, ProviderId, StreamId, Tenant, Version};
pub use money::{Currency, Money, MoneyError};
pub use role::Role;
pub use time::{Clock, Timestamp};
