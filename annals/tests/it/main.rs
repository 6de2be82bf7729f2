//! The whole system: its path, hostile input, append-only logs, webhooks by others, and the real process.

mod alarms;
mod append_only;
mod bad_input;
mod outage;
mod contracts;
mod dlq;
mod path;
mod policies;
mod process;
mod schedules;
mod status;
mod processes;
mod webhooks;
mod world;
