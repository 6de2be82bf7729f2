//! Notifications' functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`send_email`]: receipts, retry notices and reminders, one per event
//! - [`deps`]: what it stands on

mod contacts;
pub mod deps;
mod message;
pub mod send_email;

pub use deps::{Deps, Settings};
