//! `GET /local/alarms`: the alarms of this machine, for the command line.

use annals_lambda::http::{self, Response};
use annals_local::Local;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent};

/// Answers with every alarm, oldest first.
pub(super) async fn list(_: LambdaEvent<ApiGatewayV2httpRequest>, local: &Local) -> Result<Response, Error> {
    let alarms: Vec<_> =
        local.alarms().iter().map(|alarm| serde_json::json!({ "name": alarm.name, "at": alarm.at, "detail": alarm.detail })).collect();
    Ok(http::json(200, &serde_json::json!({ "items": alarms })))
}
