//! Runs every listed read against a database filled with generated items and decoys, and compares with a brute-force answer.
//!
//! Nothing here names a pattern of a service: adding a pattern to a matrix adds its tests. `ANNALS_TEST_DYNAMODB=http://...` runs the
//! same tests against another endpoint (DynamoDB Local, AWS; `ANNALS_TEST_LACKS` says what an old one does not have); without it each case has a local AWS of its own, in memory, whose read
//! guard refuses any request that the matrix does not list.
//!
//! - [`world`]: generated items and decoys; [`oracle`]: the brute-force answer over typed values
//! - [`laws`]: what must hold of every read; [`writing`]: of every write; [`meddling`]: breaks the wire; [`mutants`]: each break is caught
//! - [`large`]: answers beyond 1 MB; [`endpoint`]: where the tables are
//!
//! What the embedded database does not show, so that only another endpoint can: eventual reads are never stale in it, it never throttles,
//! and it has one partition a table (BACKEND notes 7 and 11; AWS is right).

mod endpoint;
mod large;
mod laws;
mod meddling;
mod mutants;
mod oracle;
mod reading;
mod world;
mod writing;

use std::sync::Arc;

use access_patterns::Matrix;

/// The matrices under test: the committed ones, and the museum's, which uses what those do not.
fn matrices() -> Vec<Arc<Matrix>> {
    let museum = (!endpoint::lacks("native-keys")).then(museum);
    access_patterns::all().into_iter().chain(museum).collect()
}

fn museum() -> Arc<Matrix> {
    let museum = Matrix::parse("museum.toml", include_str!("../fixtures/museum.toml"));
    Arc::new(museum.unwrap_or_else(|errors| panic!("{errors}")))
}
