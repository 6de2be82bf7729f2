//! Notifications' functions. Each is a handler here and a Lambda binary of a few lines in `bin/`.
//!
//! - [`read`]: what somebody was told, and how far it is; a person's own inbox
//! - [`keep_preferences`]: what a person wants to be told; [`keep_inbox`]: what they have read; [`keep_devices`]: what things are pushed to
//! - [`send_email`]: receipts, retry notices, reminders, welcomes and invitations, one per event
//! - [`send_push`]: to devices, one per event; [`forget_devices`]: of those who have left
//! - [`add_to_inbox`]: into inboxes, one per event
//! - [`contract()`]: what notifications hears, and how its functions are reached
//! - `occasion`: what there is to tell; `effect`: one telling of it; `addressee`: where an email goes; `message`: what is said
//! - `identity_api`: the client of identity's API, derived from its contract
//! - [`deps`]: what they stand on; `caller`: who asks about themselves

pub mod add_to_inbox;
mod addressee;
mod caller;
mod contract;
pub mod deps;
mod effect;
pub mod forget_devices;
#[rustfmt::skip]
mod identity_api;
pub mod keep_devices;
pub mod keep_inbox;
pub mod keep_preferences;
mod message;
mod occasion;
pub mod read;
pub mod send_email;
pub mod send_push;

pub use contract::contract;
pub use deps::{Deps, DeviceDeps, ForgetDeps, InboxDeps, KeepInboxDeps, PreferenceDeps, PushDeps, ReadDeps, Settings};
