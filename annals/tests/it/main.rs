//! The whole system: its path, hostile input, append-only logs, webhooks by others, and the real process.

mod append_only;
mod bad_input;
mod contracts;
mod path;
mod policies;
mod process;
mod processes;
mod webhooks;
mod world;
