//! The Lambda function `send-push`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{PushDeps, send_push};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(PushDeps::new(host)), send_push::handle).await
}
