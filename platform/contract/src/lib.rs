//! What a service tells, hears and answers, and how it is delivered: described in Rust, written as AsyncAPI 3.0 and OpenAPI 3.1, read back
//! and held to laws.
//!
//! - [`Contract`]: the messages a service publishes, the events it consumes, its [`delivery`], its [`Api`]
//! - [`Api`], [`route`]: what is answered over HTTP, and to whom
//! - [`delivery`]: functions, stream mappings, rules, queues, schedules, as local system and Terraform read them under `x-delivery`
//! - `schema`: JSON Schemas from Rust types; `document`: the AsyncAPI form; `openapi`: the OpenAPI form; `yaml`: text in a stable order, and where things stand in it
//! - [`Committed`], [`CommittedApi`]: a contract read back from its files, with places for errors
//! - [`laws`]: what holds in one contract and between all of them and the access-pattern matrices
//! - `route_laws`: what holds for routes
//! - [`compatible`]: whether what is published fits what a consumer reads, or what was released; [`clients`]: the same of routes
//! - `client_code`: the Rust clients of APIs, which services ask others with; `ask_laws`: what holds for what they ask
//! - [`disk`]: the contracts of a checkout: derive, read, release
//!
//! `docs/contracts.md` is the guide.

mod api;
mod ask_laws;
mod client_code;
pub mod clients;
mod committed;
pub mod compatible;
mod contract;
pub mod delivery;
pub mod disk;
mod document;
pub mod laws;
mod limits;
mod openapi;
pub mod route;
mod route_laws;
mod schema;
mod yaml;

pub use access_patterns::{Errors, Problem};
pub use api::{Api, CommittedApi};
pub use committed::Committed;
pub use contract::{Consumed, Contract, Message, Reader};
pub use delivery::{DeadLetterQueue, Delivery, Function, Queue, QueueMapping, Rule, Schedule, StreamMapping, Target};
pub use route::{Access, Route};
