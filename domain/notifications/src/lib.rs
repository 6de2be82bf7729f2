//! What can happen to a notification: pure decide and evolve.
//!
//! - [`email`]: intended, sent, given up

pub mod email;
