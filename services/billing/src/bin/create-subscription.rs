//! The Lambda function `create-subscription`.

use annals_lambda::function;
use billing_service::{Deps, create_subscription};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), create_subscription::handle).await
}
