//! The whole system: its path, hostile input, append-only logs, webhooks by others, and the real process.

mod alarms;
mod append_only;
mod bad_input;
mod contracts;
mod dlq;
mod erasure;
mod ledger;
mod new_projection;
mod outage;
mod path;
mod people;
mod policies;
mod process;
mod processes;
mod projections;
mod schedules;
mod status;
mod tenants;
mod totals;
mod webhooks;
mod world;
