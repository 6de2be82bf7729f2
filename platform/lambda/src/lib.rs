//! What every function needs at its edge.
//!
//! - [`function`]: what a function stands on, and its loop: the whole of a Lambda `main`
//! - [`clients`]: the AWS clients of one function, over one [`transport`]
//! - [`causes`]: an error with all that led to it, for logs
//! - [`http`]: requests, answers, problems
//! - [`queue`]: a batch of a queue's messages, each by itself
//! - [`metrics`]: what is counted and timed, defined once; embedded metric format
//! - [`web`]: HTTP calls to others; [`api`]: services' APIs, as generated clients ask them
//! - [`machine`]: the machine's clock, randomness and logs, for `main` functions only

pub mod api;
pub mod clients;
mod errors;
pub mod function;
pub mod http;
pub mod machine;
pub mod metrics;
pub mod queue;
mod transport;
pub mod web;

pub use clients::{Account, MissingVariable, variable};
pub use errors::causes;
pub use function::Host;
pub use http::{Caller, Problem, Response};
pub use metrics::{Metric, Metrics};
pub use web::Web;
