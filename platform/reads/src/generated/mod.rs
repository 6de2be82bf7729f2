//! One typed function a pattern, derived from the matrices by `cargo run -p access-patterns --example derive`.
//!
//! Written by that command and compared in a test, so formatting leaves it alone.

#[rustfmt::skip]
pub mod billing;
#[rustfmt::skip]
pub mod identity;
#[rustfmt::skip]
pub mod notifications;
