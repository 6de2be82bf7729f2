//! The Lambda function `keep-preferences`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{PreferenceDeps, keep_preferences};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(PreferenceDeps::new(host)), keep_preferences::handle).await
}
