//! The Lambda function `log-in`.

use annals_lambda::function;
use identity_service::{Deps, log_in};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, log_in::handle).await
}
