//! The Lambda function `accept-invitation`.

use annals_lambda::function;
use identity_service::{Deps, accept_invitation};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, accept_invitation::handle).await
}
