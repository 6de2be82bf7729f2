//! The Lambda function `verify-email`.

use annals_lambda::function;
use identity_service::{Deps, verify_email};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, verify_email::handle).await
}
