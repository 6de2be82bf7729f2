//! AWS as the platform calls it: by the inputs and outputs of the SDKs, through their clients or through a port in their place.
//!
//! - [`client`]: one API of AWS
//! - [`operation`]: what is asked of it
//! - [`port`]: what may stand in its place
//!
//! Requests are built and answers read by the same code whichever it is (ADR 55). Not here: where AWS is and as whom it is called
//! (`annals_lambda::Account`); calls of SNS, SQS and S3, which nothing stands in for.

pub mod client;
pub mod operation;
pub mod port;

pub use client::{Client, DynamoDb, EventBridge, Kms, Ses};
pub use operation::Operation;
pub use port::{Answering, Failure, Port, Request, Response};
