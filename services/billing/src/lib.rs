//! Billing's functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`create_subscription`]: `POST /v1/subscriptions`
//! - [`change_subscription`]: `POST /v1/subscriptions/{id}/changes`, `/cancellation`, `/reactivation`
//! - [`manage_price_book`]: `POST /v1/plans/{plan}/drafts`, `/releases`, `/retirement`
//! - [`generate_invoice`]: `POST /v1/subscriptions/{id}/invoices`
//! - [`adjust_invoice`]: `POST /v1/invoices/{id}/credit-notes`, `/refunds`
//! - [`process_webhook`]: `POST /v1/webhooks/stripe`
//! - [`generate_due_invoices`]: on schedule, the invoice of every period that has begun, and whatever else is due about a subscription
//! - [`run_dunning`]: on schedule, the next step for every invoice that is due for one
//! - [`follow_dunning`]: from a queue, what an invoice's dunning means for its subscription
//! - [`read`]: every `GET`
//! - `routes`: all of them, and who may ask
//! - [`schedule`]: how scheduled functions walk what is due
//! - [`signature`]: the payment provider's signature scheme
//! - [`stripe`]: what is read of the provider's events
//! - [`contract()`]: what billing tells, and how its functions are reached
//! - [`deps`]: what they stand on

pub mod adjust_invoice;
mod answer;
pub mod change_subscription;
mod contract;
pub mod create_subscription;
mod delivery;
pub mod deps;
mod examples;
pub mod follow_dunning;
pub mod generate_due_invoices;
pub mod generate_invoice;
mod issue;
pub mod manage_price_book;
mod prices;
pub mod process_webhook;
pub mod read;
mod routes;
pub mod run_dunning;
pub mod schedule;
mod settle;
pub mod signature;
pub mod stripe;
mod take_in;

pub use contract::contract;
pub use deps::{Deps, WebhookDeps, WebhookSettings};
