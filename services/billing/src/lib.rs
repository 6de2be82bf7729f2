//! Billing's functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`create_subscription`]: `POST /v1/subscriptions`
//! - [`generate_invoice`]: `POST /v1/subscriptions/{id}/invoices`
//! - [`process_webhook`]: `POST /v1/webhooks/stripe`
//! - [`read`]: every `GET`
//! - [`signature`]: the payment provider's signature scheme
//! - [`stripe`]: what is read of the provider's events
//! - [`contract()`]: what billing tells, and how its functions are reached
//! - [`deps`]: what they stand on

mod answer;
mod contract;
pub mod create_subscription;
pub mod deps;
mod examples;
pub mod generate_invoice;
pub mod process_webhook;
pub mod read;
pub mod signature;
pub mod stripe;

pub use contract::contract;
pub use deps::{Deps, WebhookDeps, WebhookSettings};
