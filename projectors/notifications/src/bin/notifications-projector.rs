//! The Lambda function `notifications-projector`.

use std::sync::Arc;

use annals_lambda::machine::{MachineClock, MachineIds, log_to_stderr};
use annals_lambda::metrics::EmbeddedMetrics;
use annals_lambda::{Account, variable};
use lambda_runtime::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_to_stderr("info");
    let metrics = Arc::new(EmbeddedMetrics::new(MachineClock));
    let projector = notifications_projectors::projector(
        &Account::from_env()?,
        &variable("ANNALS_BUS")?,
        metrics,
        Arc::new(MachineClock),
        Arc::new(MachineIds),
    );
    lambda_runtime::run(service_fn(|event| notifications_projectors::handle(event, &projector))).await
}
