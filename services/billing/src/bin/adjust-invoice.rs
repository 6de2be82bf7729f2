//! The Lambda function `adjust-invoice`.

use annals_lambda::function;
use billing_service::{Deps, adjust_invoice};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), adjust_invoice::handle).await
}
