//! The Lambda function `send-email`.

use annals_lambda::machine::log_to_stderr;
use lambda_runtime::{Error, service_fn};
use notifications_service::{Deps, send_email};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_to_stderr("info");
    let deps = Deps::from_env()?;
    lambda_runtime::run(service_fn(|event| send_email::handle(event, &deps))).await
}
