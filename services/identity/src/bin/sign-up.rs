//! The Lambda function `sign-up`.

use annals_lambda::function;
use identity_service::{Deps, sign_up};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, sign_up::handle).await
}
