//! AWS on this machine, in process, behind the AWS SDK's own HTTP client, and on loopback.
//!
//! - [`config`]: what the local account contains; [`local`]: opens, starts, waits, stops; [`open_error`]: why it does not open
//! - `transport`: the SDK's `HttpClient`; `endpoint`: the same on loopback, by `server` and `signature`; `gateway`: finds service and role,
//!   asks IAM, injects faults, tallies; `turns`: lets commands go first
//! - `iam`: policies; `access`: what each DynamoDB operation asks of them; `partiql`: what a statement touches
//! - `dynamodb`: operations on `engine`, the embedded database; `tables`: the tables there must be
//! - `streams`: shards and records; `stream_records`: what the engine keeps of them; `stream_api`: the Streams API;
//!   `stream_mapping`: a reader a shard; `shard_reader`: batches; `batch_delivery`: a batch to a function;
//!   [`checkpoints`]: how far they got; `failures`: the batches that were given up
//! - [`events`]: the bus; [`pattern`] and `matcher`: what rules match; `transformer`: what targets get
//! - `deliveries`: events to the queues of targets, with retries and dead letters
//! - [`queues`]: queues and dead letters; `queue_mapping`: messages to functions
//! - `sqs`: SQS's own API; `sqs_messages`: of messages; `sqs_moves`: of tasks that move dead letters
//! - `scheduler`: functions at certain times; [`schedule_expression`]: which times; `timer`: waits for them
//! - [`ses`]: mail into a folder; [`sns`]: pushes into the same; `outbox`: the folder; `kms`: keys under a key file
//! - [`functions`]: invocations; [`runtime`]: functions in processes of their own; `routes`: HTTP to functions; `authorizer`: who calls; `problem`: refusals as RFC 9457 has them
//! - `host_store`: the second database; `housekeeping`: what is deleted when; `settled` and `progress`: whether work is left
//! - [`faults`]: what tests may break; [`meter`]: what calls cost; [`alarms`]: what a person must see;
//!   [`levels`]: how much waits; [`observer`]: who is told what happens
//!
//! It knows nothing of the services that run on it. Where it and AWS differ, AWS is right.

mod access;
mod account;
pub mod alarms;
pub mod arn;
mod authorizer;
mod batch_delivery;
pub mod checkpoints;
pub mod config;
mod deliveries;
mod dynamodb;
mod endpoint;
mod engine;
pub mod events;
mod failures;
pub mod faults;
pub mod functions;
mod gateway;
mod host_store;
mod housekeeping;
mod iam;
mod kms;
pub mod levels;
pub mod local;
mod matcher;
pub mod meter;
pub mod observer;
pub mod open_error;
mod ordered_json;
mod outbox;
mod partiql;
pub mod pattern;
mod problem;
mod progress;
mod query;
mod queue_mapping;
pub mod queues;
pub mod randomness;
mod routes;
pub mod runtime;
pub mod schedule_expression;
mod scheduler;
mod server;
pub mod ses;
mod settled;
mod shard_reader;
mod signature;
pub mod sns;
mod sqs;
mod sqs_messages;
mod sqs_moves;
mod stream_api;
mod stream_mapping;
mod stream_records;
mod streams;
mod tables;
mod timer;
mod transformer;
mod transport;
mod turns;
mod wire;

pub use alarms::{Acknowledged, Alarm, AlarmChange, AlarmState, Unreadable};
pub use config::{
    AlarmRule, Archive, Config, Durability, Input, Queue, QueueMapping, ReadGuard, Role, Route, Rule, Schedule, Store, StreamMapping,
    Target, Trim, Watched,
};
pub use faults::{Batch, BatchFault, Call, Delivery, DeliveryFault, Fault, Faults};
pub use functions::{BoxFuture, Code, Function, FunctionError};
pub use levels::Levels;
pub use local::{Local, Running};
pub use meter::Meter;
pub use observer::Observer;
pub use open_error::OpenError;
pub use runtime::Process;
pub use runtime::timings::Timings;
