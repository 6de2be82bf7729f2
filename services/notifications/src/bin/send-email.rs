//! The Lambda function `send-email`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{Deps, send_email};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(Deps::from_env, send_email::handle).await
}
