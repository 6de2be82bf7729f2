//! What every function needs at its edge.
//!
//! - [`clients`]: the AWS clients of one function, over one transport
//! - [`http`]: requests, answers, problems
//! - [`metrics`]: what is counted, in embedded metric format
//! - [`machine`]: the machine's clock, randomness and logs, for `main` functions only

pub mod clients;
pub mod http;
pub mod machine;
pub mod metrics;

pub use clients::{Account, MissingVariable, variable};
pub use http::{Caller, Problem, Response};
pub use metrics::{Metric, Metrics};
