//! The Lambda function `generate-invoice`.

use annals_lambda::function;
use billing_service::{Deps, generate_invoice};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), generate_invoice::handle).await
}
