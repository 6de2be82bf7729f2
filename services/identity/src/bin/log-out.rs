//! The Lambda function `log-out`.

use annals_lambda::function;
use identity_service::{Deps, log_out};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, log_out::handle).await
}
