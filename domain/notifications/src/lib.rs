//! What can happen to a notification: pure decide and evolve.
//!
//! - [`note`]: one notification, whichever way it goes
//! - [`email`], [`push`]: intended, sent, given up
//! - [`inbox`]: added, read
//! - [`devices`]: to what things are pushed
//! - [`preferences`]: what a person wants to be told
//! - [`rows`]: what is read of them

pub mod devices;
pub mod email;
pub mod inbox;
pub mod note;
pub mod preferences;
pub mod push;
pub mod rows;
