//! A stand-in for identity's contact route until identity exists: customer `c` is reached at `c@customers.example`.

use annals_lambda::Web;
use annals_lambda::http::{self, Response};
use annals_lambda::web::Answering;
use annals_local::Local;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use bytes::Bytes;
use lambda_runtime::{Error, LambdaEvent};

use super::api::Contact;

/// Where functions in this process find the API.
pub const API: &str = "http://api.annals.internal";

/// Answers with a customer's address.
pub(super) async fn contact(event: LambdaEvent<ApiGatewayV2httpRequest>, _: &()) -> Result<Response, Error> {
    let customer: Result<annals_kit::CustomerId, _> = http::path(&event.payload, "customer", "customer");
    Ok(match customer {
        Ok(customer) => http::json(200, &Contact { email: format!("{customer}@customers.example") }),
        Err(problem) => problem.response(),
    })
}

/// The HTTP API without TCP.
pub(super) struct InProcessWeb(pub(super) Local);

impl Web for InProcessWeb {
    fn call(&self, request: ::http::Request<Bytes>) -> Answering<'_> {
        Box::pin(async move { Ok(self.0.http(request).await) })
    }
}
