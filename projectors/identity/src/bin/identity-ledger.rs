//! The Lambda function `identity-ledger`.

use annals_lambda::function;
use identity_projectors::ledger::sequencer;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(sequencer(host)), annals_ledger::function::sequence).await
}
