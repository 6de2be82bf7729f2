//! The Lambda function `billing-reconciler`.

use std::sync::Arc;

use annals_lambda::{function, variable};
use annals_projection::failures::bucket::Bucket;
use annals_projection::reconciliation::handle;
use billing_projectors::reconciler;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(
        |host| {
            let failures = Bucket::new(host.account.s3(), variable("ANNALS_FAILURES")?);
            Ok(reconciler(host, &variable("ANNALS_BUS")?, Arc::new(failures)))
        },
        handle,
    )
    .await
}
