//! The whole system: its path, hostile input, append-only logs, webhooks by others, and the real process.

mod alarms;
mod answers;
mod append_only;
mod bad_input;
mod catalog;
mod changes;
mod contracts;
mod dlq;
mod events;
mod import;
mod ledger;
mod new_projection;
mod outage;
mod path;
mod policies;
mod process;
mod processes;
mod projections;
mod schedules;
mod status;
mod totals;
mod webhooks;
mod world;
