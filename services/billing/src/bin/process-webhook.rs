//! The Lambda function `process-webhook`.

use annals_lambda::function;
use billing_service::{WebhookDeps, process_webhook};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(WebhookDeps::from_env, process_webhook::handle).await
}
