//! The Lambda function `change-subscription`.

use annals_lambda::function;
use billing_service::{Deps, change_subscription};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), change_subscription::handle).await
}
