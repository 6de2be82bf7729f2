//! The Lambda function `manage-members`.

use annals_lambda::function;
use identity_service::{Deps, manage_members};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, manage_members::handle).await
}
