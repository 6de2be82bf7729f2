//! Notifications' projector: watches its log. Nobody reads rows of notifications yet, so it folds none; a changed or deleted commit
//! is an alarm here as on every log.
//!
//! - [`handler`]: the function

pub mod handler;

pub use handler::projector;
