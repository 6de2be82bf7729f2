//! The Lambda function `follow-dunning`.

use annals_lambda::function;
use billing_service::{Deps, follow_dunning};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), follow_dunning::handle).await
}
