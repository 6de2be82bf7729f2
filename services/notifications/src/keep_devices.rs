//! `/v1/me/devices`: the devices to which things are pushed for a person. The provider keeps a device's token, and nobody else does.

use annals_answers::load_problem;
use annals_contract::Route;
use annals_contract::route::Method;
use annals_kit::{StreamId, Version};
use annals_lambda::causes;
use annals_lambda::http::{self, Caller, Problem, Response};
use annals_lambda::metrics::measured;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use lambda_runtime::{Error, LambdaEvent};
use notifications::devices::{Because, ChangeDevices, DeviceAdded, DeviceRemoved, Endpoint, TooMany};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::caller::{Change, person};
use crate::deps::{DeviceDeps, SERVICE};
use crate::forget_devices::delete;

const FUNCTION: &str = "keep-devices";
/// The largest body.
const BODY_LIMIT: usize = 8 * 1024;

/// What an app says of the device that it is on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// What the device's platform has given the app, such as an FCM registration token.
    #[schemars(length(min = 1, max = 4096), regex(pattern = "^[!-~]+$"))]
    token: String,
}

/// A device.
#[derive(Serialize, JsonSchema)]
struct Device {
    id: Uuid,
}

/// The caller's devices.
#[derive(Serialize, JsonSchema)]
struct Kept {
    devices: Vec<Device>,
    /// Of the devices; none where there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
}

/// The routes.
pub(crate) fn routes() -> [Route; 3] {
    const ONE: &str = "/v1/me/devices/{id}";
    let of = |method, path, name, summary| Route::new(method, path, name, summary).function(FUNCTION).for_oneself();
    let kept = json!({ "devices": [{ "id": "018f2c00-0000-7000-8000-000000000201" }], "version": 1 });
    [
        of(Method::Get, "/v1/me/devices", "list-devices", "Shows the devices to which things are pushed for the caller.").answers::<Kept>(
            200,
            "The devices.",
            kept.clone(),
        ),
        of(Method::Put, ONE, "add-device", "Has things pushed to a device from now on, or tells another token of it.")
            .path::<Uuid>("id", "The device, by an id that its app has made.")
            .body::<Asked>(json!({ "token": "fXk3-example-registration-token" }))
            .answers::<Kept>(200, "It is so.", kept.clone())
            .refuses(409, &["too-many-devices"])
            .refuses(422, &["invalid-token"])
            .refuses(503, &["unknown-outcome"]),
        of(Method::Delete, ONE, "remove-device", "Has nothing pushed to a device any more: what an app asks when its person logs out.")
            .path::<Uuid>("id", "The device.")
            .answers::<Kept>(200, "It is so.", json!({ "devices": [], "version": 2 }))
            .refuses(503, &["unknown-outcome"]),
    ]
}

/// Answers 200 with the devices that there are then.
pub async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>, deps: &DeviceDeps) -> Result<Response, Error> {
    // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
    let work = Box::pin(keep(&event.payload, deps));
    Ok(measured(&*deps.kept.metrics, &*deps.kept.clock, SERVICE, FUNCTION, work).await)
}

async fn keep(event: &ApiGatewayV2httpRequest, deps: &DeviceDeps) -> Result<Response, Problem> {
    let (caller, user) = person(event)?;
    match event.route_key.as_deref() {
        Some("GET /v1/me/devices") => shown(deps, user).await,
        Some("PUT /v1/me/devices/{id}") => add(event, deps, &caller, user).await,
        Some("DELETE /v1/me/devices/{id}") => remove(event, deps, &caller, user).await,
        _ => Err(Problem::not_found("route")),
    }
}

/// Cost: one strong Query, 1 RCU.
async fn shown(deps: &DeviceDeps, user: Uuid) -> Result<Response, Problem> {
    let loaded = deps.kept.streams.load(&stream(user)).await.map_err(|error| load_problem(error, "devices"))?;
    let devices = loaded.state.endpoints.keys().map(|id| Device { id: *id }).collect();
    Ok(http::json(200, &Kept { devices, version: loaded.head.map(|head| head.version) }))
}

/// Cost: a call to SNS, two strong Queries, and 1 WCU where something changes.
async fn add(event: &ApiGatewayV2httpRequest, deps: &DeviceDeps, caller: &Caller, user_id: Uuid) -> Result<Response, Problem> {
    let device_id: Uuid = http::path(event, "id", "device")?;
    let asked: Asked = http::json_body(event, BODY_LIMIT)?;
    if !(1..=4096).contains(&asked.token.len()) || !asked.token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::new(400, "invalid", "`token` is 1 to 4096 printable characters"));
    }
    let endpoint = endpoint(deps, &asked.token).await?;
    change(deps, caller, user_id, ChangeDevices::Add(DeviceAdded { user_id, device_id, endpoint })).await
}

/// Cost: a call to SNS, two strong Queries, and 1 WCU where something changes.
async fn remove(event: &ApiGatewayV2httpRequest, deps: &DeviceDeps, caller: &Caller, user_id: Uuid) -> Result<Response, Problem> {
    let device_id: Uuid = http::path(event, "id", "device")?;
    let loaded = deps.kept.streams.load(&stream(user_id)).await.map_err(|error| load_problem(error, "devices"))?;
    let endpoint = loaded.state.endpoints.get(&device_id).ok_or_else(|| Problem::not_found("device"))?;
    delete(endpoint, &deps.sns).await.map_err(|error| {
        tracing::warn!(error = causes(&*error), "a device was not removed");
        Problem::busy()
    })?;
    change(deps, caller, user_id, ChangeDevices::Remove(DeviceRemoved { user_id, device_id, because: Because::Asked })).await
}

/// The provider's name for the device of this token: the same for the same token.
async fn endpoint(deps: &DeviceDeps, token: &str) -> Result<Endpoint, Problem> {
    let made = deps.sns.create_platform_endpoint().platform_application_arn(&deps.application).token(token).send().await;
    match made {
        Ok(made) => Ok(Endpoint(made.endpoint_arn().unwrap_or_default().to_owned())),
        Err(SdkError::ServiceError(refused)) if refused.err().is_invalid_parameter_exception() => {
            Err(Problem::new(422, "invalid-token", "the device's platform does not take this token"))
        }
        // The code only: the provider's words may have the token.
        Err(error) => {
            tracing::warn!(code = error.code().unwrap_or("no answer"), "a device was not added");
            Err(Problem::busy())
        }
    }
}

async fn change(deps: &DeviceDeps, caller: &Caller, user: Uuid, change: ChangeDevices) -> Result<Response, Problem> {
    let stream = stream(user);
    let change = Change { function: FUNCTION, what: "device", stream: &stream, asked: user.as_bytes(), command: change };
    let too_many = |refused: TooMany| Problem::new(409, "too-many-devices", refused.to_string());
    change.make(&deps.kept, caller, too_many).await?;
    shown(deps, user).await
}

/// The stream of a person's devices.
pub(crate) fn stream(user: Uuid) -> StreamId {
    StreamId::of("DEVICES", user)
}
