//! The Lambda function `ask-verification`.

use annals_lambda::function;
use identity_service::{Deps, ask_verification};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, ask_verification::handle).await
}
