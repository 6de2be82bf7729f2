//! The Lambda function `generate-due-invoices`.

use annals_lambda::function;
use billing_service::{Deps, generate_due_invoices};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), generate_due_invoices::handle).await
}
