//! The Lambda function `manage-api-keys`.

use annals_lambda::function;
use identity_service::{Deps, manage_api_keys};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, manage_api_keys::handle).await
}
