//! Notifications' functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`read`]: what was sent, and how far it is
//! - [`keep_preferences`]: what a person wants to be told
//! - [`send_email`]: receipts, retry notices, reminders, welcomes and invitations, one per event
//! - [`contract()`]: what notifications hears, and how its functions are reached
//! - `occasion`: what asks for an email; `addressee`: where it goes; `message`: what it says
//! - `identity_api`: the client of identity's API, derived from its contract
//! - [`deps`]: what it stands on

mod addressee;
mod contract;
pub mod deps;
#[rustfmt::skip]
mod identity_api;
pub mod keep_preferences;
mod message;
mod occasion;
pub mod read;
pub mod send_email;

pub use contract::contract;
pub use deps::{Deps, PreferenceDeps, ReadDeps, Settings};
