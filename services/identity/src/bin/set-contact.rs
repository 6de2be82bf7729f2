//! The Lambda function `set-contact`.

use annals_lambda::function;
use identity_service::{Deps, set_contact};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, set_contact::handle).await
}
