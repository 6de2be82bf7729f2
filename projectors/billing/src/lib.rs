//! Billing's projector: from log to rows to bus.
//!
//! - [`rows`]: one row per subscription, invoice, plan and kept webhook
//! - [`payments`], [`credit_notes`], [`open_invoices`]: several rows of an invoice, and a row that comes and goes
//! - [`revenue_by_month`], [`mrr_movements`], [`receivables_by_customer`], [`active_customers`], [`account_balances`]: sums and sets over many streams
//! - [`handler`]: the functions; [`ledger`]: those of the ledger

pub mod account_balances;
pub mod active_customers;
pub mod credit_notes;
pub mod handler;
pub mod ledger;
pub mod mrr_movements;
pub mod open_invoices;
pub mod payments;
pub mod receivables_by_customer;
pub mod revenue_by_month;
pub mod rows;

pub use handler::{projector, reconciler};
