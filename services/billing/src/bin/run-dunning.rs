//! The Lambda function `run-dunning`.

use annals_lambda::function;
use billing_service::{Deps, run_dunning};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), run_dunning::handle).await
}
