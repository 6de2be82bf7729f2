//! The Lambda function `read-contact`.

use annals_lambda::function;
use identity_service::{Deps, read_contact};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, read_contact::handle).await
}
