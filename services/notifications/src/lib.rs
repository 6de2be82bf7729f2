//! Notifications' functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`read`]: every `GET`
//! - [`send_email`]: receipts, retry notices and reminders, one per event
//! - [`contract()`]: what notifications hears, and how its functions are reached
//! - [`deps`]: what it stands on

mod contacts;
mod contract;
pub mod deps;
mod message;
pub mod read;
pub mod send_email;

pub use contract::contract;
pub use deps::{Deps, ReadDeps, Settings};
