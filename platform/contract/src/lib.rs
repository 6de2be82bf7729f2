//! What a service tells and hears, and how it is delivered: described in Rust, written as AsyncAPI 3.0, read back and held to laws.
//!
//! - [`Contract`]: the messages a service publishes, the events it consumes, its [`delivery`]
//! - [`delivery`]: functions, stream mappings, rules, queues, schedules, as local system and Terraform read them under `x-delivery`
//! - `schema`: JSON Schemas from Rust types; `document`: the AsyncAPI form; `yaml`: text in a stable order, and where things stand in it
//! - [`Committed`]: a contract read back from its file, with places for errors
//! - [`laws`]: what holds in one contract and between all of them and the access-pattern matrices
//! - [`compatible`]: whether what is published fits what a consumer reads, or what was released
//! - [`disk`]: the contracts of a checkout: derive, read, release
//!
//! `docs/contracts.md` is the guide.

mod committed;
pub mod compatible;
mod contract;
pub mod delivery;
pub mod disk;
mod document;
pub mod laws;
mod limits;
mod schema;
mod yaml;

pub use access_patterns::{Errors, Problem};
pub use committed::Committed;
pub use contract::{Consumed, Contract, Message};
pub use delivery::{DeadLetterQueue, Delivery, Function, Queue, QueueMapping, Rule, Schedule, StreamMapping, Target};
