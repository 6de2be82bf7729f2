//! The Lambda function `authorize`.

use annals_lambda::function;
use identity_service::authorize::{AuthorizeDeps, handle};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(AuthorizeDeps::from_env, handle).await
}
