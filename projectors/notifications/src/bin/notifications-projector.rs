//! The Lambda function `notifications-projector`.

use annals_lambda::{function, variable};
use lambda_runtime::Error;
use notifications_projectors::projector;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(projector(host, &variable("ANNALS_BUS")?)), annals_projection::handle).await
}
