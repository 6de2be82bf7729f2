//! The Lambda function `manage-price-book`.

use annals_lambda::function;
use billing_service::{Deps, manage_price_book};
use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    function::run(|host| Ok(Deps::new(host)), manage_price_book::handle).await
}
