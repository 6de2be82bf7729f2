//! What can happen to subscriptions, invoices and payments: pure decide and evolve.
//!
//! - [`subscription`], [`plan`]: what a customer pays for, how much and how often; [`price_book`]: what is sold
//! - [`calendar`]: on which days its periods begin
//! - [`invoice`], [`dunning`]: issued, paid, credited, refunded; or past due, reminded of, given up
//! - [`amount`], [`decimal`]: lines, what they come to, and where it is rounded
//! - [`accounts`]: the double-entry legs that every amount posts
//! - [`webhook`]: what the payment provider sent and no invoice took in
//! - [`rows`]: the read models, as pure folds

pub mod accounts;
pub mod amount;
pub mod calendar;
pub mod decimal;
pub mod dunning;
pub mod invoice;
pub mod plan;
pub mod price_book;
pub mod rows;
pub mod subscription;
pub mod webhook;
