//! The Lambda function `read-identity`.

use annals_lambda::function;
use identity_service::{Deps, read};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, read::handle).await
}
