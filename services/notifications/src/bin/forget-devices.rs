//! The Lambda function `forget-devices`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{ForgetDeps, forget_devices};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(ForgetDeps::new(host)), forget_devices::handle).await
}
