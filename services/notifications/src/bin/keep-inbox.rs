//! The Lambda function `keep-inbox`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{KeepInboxDeps, keep_inbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(KeepInboxDeps::new(host)), keep_inbox::handle).await
}
