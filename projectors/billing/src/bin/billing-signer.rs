//! The Lambda function `billing-signer`: one at a time, on a schedule.

use annals_lambda::function;
use annals_ledger::function::{sign, signer_settings, witnessed};
use billing_projectors::ledger::signer;
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let deps = |host: &annals_lambda::Host| {
        let (objects, key) = signer_settings("billing", host.generation)?;
        witnessed(signer(host, objects, key))
    };
    function::run(deps, sign).await
}
