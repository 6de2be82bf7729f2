//! The Lambda function `notifications-ledger`.

use annals_lambda::function;
use lambda_runtime::Error;
use notifications_projectors::ledger::sequencer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(sequencer(host)), annals_ledger::function::sequence).await
}
