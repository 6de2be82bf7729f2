//! The Lambda function `mint-link`.

use annals_lambda::function;
use identity_service::{Deps, mint_link};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, mint_link::handle).await
}
