//! The Lambda function `identity-projector`.

use annals_lambda::{function, variable};
use identity_projectors::projector;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(projector(host, &variable("ANNALS_BUS")?)), annals_projection::handle).await
}
