//! The Lambda function `read-billing`.

use annals_lambda::function;
use billing_service::{Deps, read};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), read::handle).await
}
