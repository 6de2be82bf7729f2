//! The Lambda function `add-to-inbox`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{InboxDeps, add_to_inbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(InboxDeps::from_env, add_to_inbox::handle).await
}
