//! Retries of the bus, queues through SQS's own API, and schedules.

mod queues;
mod retries;
mod schedules;
#[path = "../support/mod.rs"]
mod support;
