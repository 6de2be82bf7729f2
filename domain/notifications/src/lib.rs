//! What can happen to a notification: pure decide and evolve.
//!
//! - [`email`]: intended, sent, given up
//! - [`rows`]: what is read of them

pub mod email;
pub mod rows;
