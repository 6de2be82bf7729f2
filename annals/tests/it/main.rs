//! The whole system: its path, hostile input, append-only logs, webhooks by others, and the real process.

mod append_only;
mod bad_input;
mod dlq;
mod path;
mod policies;
mod process;
mod webhooks;
mod world;
