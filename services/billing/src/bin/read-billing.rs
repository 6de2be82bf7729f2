//! The Lambda function `read-billing`.

use annals_lambda::machine::log_to_stderr;
use billing_service::{Deps, read};
use lambda_runtime::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_to_stderr("info");
    let deps = Deps::from_env()?;
    lambda_runtime::run(service_fn(|event| read::handle(event, &deps))).await
}
