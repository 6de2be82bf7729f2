//! One function's own binary on a local account, for the test that each function has in the crate of its binary.
//!
//! The process gets what it gets on AWS: events over the Lambda runtime API, AWS over loopback with requests signed by its own role, whose
//! policy is the file of its name in `infra/policies`. The tables are those of the matrices, the logs append-only.
//!
//! - [`harness`]: the account, the function, and ways to hand it events
//! - [`events`]: events as AWS hands them over
//! - [`histories`]: streams and deliveries for the law of a projection; needs no binary
//! - `bin/misbehaving`: a function that does what functions should not, for the tests of the runtime itself

pub mod events;
pub mod harness;
pub mod histories;

pub use harness::{EVERYBODY, Harness, Stage};
