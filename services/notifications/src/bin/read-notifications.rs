//! The Lambda function `read-notifications`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{ReadDeps, read};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(ReadDeps::new(host)), read::handle).await
}
