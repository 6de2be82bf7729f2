//! What a command's request says, for its hash: the same command asked again is known by it.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::Serialize;

/// The route, the path and what was asked. `asked` is the parsed form, so that white space and the order of fields make no other request.
pub fn request_bytes(event: &ApiGatewayV2httpRequest, asked: &impl Serialize) -> Vec<u8> {
    let route = event.route_key.as_deref().unwrap_or_default();
    let path = event.raw_path.as_deref().unwrap_or_default();
    let asked = serde_json::to_vec(asked).unwrap_or_default();
    [route.as_bytes(), b"\n", path.as_bytes(), b"\n", &asked].concat()
}
