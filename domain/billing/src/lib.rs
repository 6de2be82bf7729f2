//! What can happen to subscriptions, invoices and payments: pure decide and evolve.
//!
//! - [`subscription`], [`plan`]: what a customer pays for, how much and how often
//! - [`invoice`]: issued, paid, failed
//! - [`webhook`]: what the payment provider sent and no invoice took in
//! - [`rows`]: the read models, as pure folds

pub mod invoice;
pub mod plan;
pub mod rows;
pub mod subscription;
pub mod webhook;
