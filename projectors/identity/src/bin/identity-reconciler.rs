//! The Lambda function `identity-reconciler`.

use annals_lambda::{function, variable};
use annals_projection::reconciliation::handle;
use identity_projectors::reconciler;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(reconciler(host, &variable("ANNALS_BUS")?)), handle).await
}
