//! The Lambda function `keep-devices`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_service::{DeviceDeps, keep_devices};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(DeviceDeps::from_env, keep_devices::handle).await
}
