//! Retries of the bus, queues through SQS's own API and their mappings to functions, and schedules.

mod mappings;
mod queues;
mod retries;
mod schedules;
#[path = "../support/mod.rs"]
mod support;
