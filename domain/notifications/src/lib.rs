//! What can happen to a notification: pure decide and evolve.
//!
//! - [`email`]: intended, sent, given up
//! - [`preferences`]: what a person wants to be told
//! - [`rows`]: what is read of them

pub mod email;
pub mod preferences;
pub mod rows;
