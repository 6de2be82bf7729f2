//! What can happen to subscriptions, invoices and payments: pure decide and evolve.
//!
//! - [`subscription`], [`plan`]: what a customer pays for, how much and how often
//! - [`calendar`]: on which days its periods begin
//! - [`invoice`], [`dunning`]: issued, paid; or past due, reminded of, given up
//! - [`webhook`]: what the payment provider sent and no invoice took in
//! - [`rows`]: the read models, as pure folds

pub mod calendar;
pub mod dunning;
pub mod invoice;
pub mod plan;
pub mod rows;
pub mod subscription;
pub mod webhook;
