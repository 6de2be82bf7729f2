//! Offers the account on loopback: AWS for the AWS CLI and other processes, and the account's HTTP routes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use http::header::{DATE, HeaderValue};
use http::{Request, Response};

use crate::account::Account;
use crate::gateway::{self, Outcome};
use crate::routes;
use crate::server::Answers;
use crate::signature;
use crate::transport::response;
use crate::wire::Answer;

/// What DynamoDB takes, the largest of the services.
pub(crate) const MOST_AWS_BYTES: usize = 16 * 1024 * 1024;

/// AWS: every request must be signed.
#[derive(Clone)]
pub(crate) struct AwsEndpoint(pub Arc<Account>);

/// The account's HTTP routes.
#[derive(Clone)]
pub(crate) struct HttpEndpoint(pub Arc<Account>);

impl Answers for AwsEndpoint {
    async fn answer(&self, request: Request<Option<Bytes>>, _peer: SocketAddr) -> Option<Response<Bytes>> {
        let account = &*self.0;
        let (parts, body) = request.into_parts();
        let Some(body) = body else {
            return Some(dated(response(Answer::error(413, "RequestEntityTooLarge", "The request is too large."), account), account));
        };
        let request = Request::from_parts(parts, body);
        let answer = match signature::caller(&account.iam, &request, account.clock.now()) {
            Err(refusal) => refusal,
            Ok(principal) => match gateway::call(account, principal, &request).await {
                Outcome::Answered(answer) => answer,
                Outcome::Lost => return None,
            },
        };
        Some(dated(response(answer, account), account))
    }
}

impl Answers for HttpEndpoint {
    async fn answer(&self, request: Request<Option<Bytes>>, peer: SocketAddr) -> Option<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let response = match body {
            Some(body) => routes::serve(&self.0, Request::from_parts(parts, body), &peer.ip().to_string()).await,
            None => routes::too_large(),
        };
        Some(dated(response, &self.0))
    }
}

fn dated(mut response: Response<Bytes>, account: &Account) -> Response<Bytes> {
    let now = DateTime::from_timestamp_micros(account.clock.now().micros()).unwrap_or_default();
    if let Ok(date) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
