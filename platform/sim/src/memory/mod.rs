//! AWS in memory, as far as the pipeline asks for it: the tables and the keys behind the ports.
//!
//! - [`database`]: DynamoDB's reads and writes; [`expressions`]: their conditions, updates and projections
//! - [`kms`]: data keys, wrapped and opened
//!
//! Not here: the bus and the email provider, which are the simulator's own at both layers ([`crate::bus`], [`crate::provider`]); capacity,
//! limits of size and indexes, which no check asks for.

pub mod database;
pub mod expressions;
pub mod kms;

use annals_aws::{Request, Response};

use database::Database;

/// Tables and keys.
#[derive(Debug, Default)]
pub struct Memory {
    /// The tables.
    pub database: Database,
}

impl Memory {
    /// Carries a request out. Panics on one of a service that is not here.
    pub fn call(&self, request: Request) -> Response {
        match request {
            Request::GenerateDataKey(input) => kms::generate(&input),
            Request::Decrypt(input) => kms::decrypt(&input),
            other => self.database.call(other),
        }
    }
}
