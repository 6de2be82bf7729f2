//! The Lambda function `change-profile`.

use annals_lambda::function;
use identity_service::{Deps, change_profile};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, change_profile::handle).await
}
