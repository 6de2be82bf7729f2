//! Writes what services push to devices through SNS into the outbox, as JSON files.
//!
//! A publish with the attribute `annals-effect` happens once a device: its file is named after both, and a second one writes nothing and
//! answers the same MessageId. Real SNS does not do this for devices; it pushes again. Devices' tokens are not kept: an endpoint is a hash.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::arn;
use crate::iam::Need;
use crate::outbox::Outbox;
use crate::randomness::{hex, uuid};
use crate::wire::{Answer, Reply};

/// The attribute that makes a publish idempotent here.
const EFFECT: &str = "annals-effect";
/// The extension of push files.
const EXTENSION: &str = "json";
/// What AWS says of a publish to a device that is not there: no NotFound.
const NO_TARGET: &str = "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified";
/// How many attributes a message has at most. Source: SNS Developer Guide, "Amazon SNS message attributes".
const ATTRIBUTES: usize = 10;

/// Something that was pushed to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The file's name without `.json`.
    pub name: String,
    /// The endpoint of the device.
    pub endpoint: String,
    /// The message, by platform, as it was given to SNS.
    pub message: Value,
}

/// What an operation needs of IAM: rights on the application to add a device, on the endpoint for everything else.
pub(crate) fn needs(operation: &str, request: &Value) -> Vec<Need> {
    let of = |member: &str| request[member].as_str().unwrap_or("*").to_owned();
    let (action, resource) = match operation {
        "CreatePlatformEndpoint" => ("sns:CreatePlatformEndpoint", of("PlatformApplicationArn")),
        "DeleteEndpoint" => ("sns:DeleteEndpoint", of("EndpointArn")),
        "SetEndpointAttributes" => ("sns:SetEndpointAttributes", of("EndpointArn")),
        "Publish" => ("sns:Publish", of("TargetArn")),
        _ => ("sns:*", "*".to_owned()),
    };
    vec![Need { action, resource, table: None }]
}

/// Runs an operation.
pub(crate) fn run(account: &Account, operation: &str, request: &Value) -> Reply {
    match operation {
        "CreatePlatformEndpoint" => create(account, request),
        "DeleteEndpoint" => delete(account, request),
        "SetEndpointAttributes" => enable(account, request),
        "Publish" => publish(account, request),
        _ => Err(Answer::refused("InvalidAction", "The action is not known, or not supported here.")),
    }
}

/// What was pushed.
pub(crate) fn list(outbox: &Outbox) -> std::io::Result<Vec<Push>> {
    let read = |(name, content): (String, Vec<u8>)| {
        let kept: Value = serde_json::from_slice(&content).unwrap_or_default();
        Push { name, endpoint: kept["endpoint"].as_str().unwrap_or_default().to_owned(), message: kept["message"].clone() }
    };
    Ok(outbox.list(EXTENSION)?.into_iter().map(read).collect())
}

/// The same token has the same endpoint, which is enabled again by nothing but SetEndpointAttributes, as on AWS.
fn create(account: &Account, request: &Value) -> Reply {
    let (application, token) = (text(request, "PlatformApplicationArn")?, text(request, "Token")?);
    if !application.contains(":app/") {
        return Err(Answer::refused("InvalidParameter", "Invalid parameter: PlatformApplicationArn"));
    }
    let id = &hex(&Sha256::digest(format!("{application} {token}")))[..32];
    let endpoint = arn::push_endpoint(application, id);
    let insert = "INSERT INTO push_endpoints (arn, enabled) VALUES (?1, 1) ON CONFLICT DO NOTHING";
    account.host.write(|database| database.execute(insert, [&endpoint])).map_err(|error| unavailable(&error))?;
    Ok(json!({ "EndpointArn": endpoint }))
}

/// Deleting what is not there is no error, as on AWS.
fn delete(account: &Account, request: &Value) -> Reply {
    let endpoint = text(request, "EndpointArn")?;
    let delete = "DELETE FROM push_endpoints WHERE arn = ?1";
    account.host.write(|database| database.execute(delete, [endpoint])).map_err(|error| unavailable(&error))?;
    Ok(json!({}))
}

/// Sets `Enabled`: what providers do when an app is removed from a device.
fn enable(account: &Account, request: &Value) -> Reply {
    let endpoint = text(request, "EndpointArn")?;
    if request["Attributes.entry.1.key"] != "Enabled" {
        return Err(Answer::refused("InvalidParameter", "Invalid parameter: only Enabled is supported here"));
    }
    let enabled = request["Attributes.entry.1.value"] == "true";
    let update = "UPDATE push_endpoints SET enabled = ?2 WHERE arn = ?1";
    let changed = account.host.write(|database| database.execute(update, (endpoint, enabled))).map_err(|error| unavailable(&error))?;
    if changed == 0 { Err(no_endpoint()) } else { Ok(json!({})) }
}

fn publish(account: &Account, request: &Value) -> Reply {
    let (endpoint, message) = (text(request, "TargetArn")?, text(request, "Message")?);
    let message: Value = match request["MessageStructure"].as_str() {
        Some("json") => serde_json::from_str(message).ok().filter(|message: &Value| message["default"].is_string()),
        _ => Some(json!({ "default": message })),
    }
    .ok_or_else(|| Answer::refused("InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"))?;
    let find = "SELECT enabled FROM push_endpoints WHERE arn = ?1";
    let found = account.host.read(|database| {
        let mut statement = database.prepare_cached(find)?;
        let mut rows = statement.query([endpoint])?;
        rows.next()?.map(|row| row.get::<_, bool>(0)).transpose()
    });
    match found.map_err(|error| unavailable(&error))? {
        None => return Err(Answer::refused("InvalidParameter", NO_TARGET)),
        Some(false) => return Err(Answer::refused("EndpointDisabled", "Endpoint is disabled")),
        Some(true) => {}
    }
    let device = arn::name_of(endpoint);
    let name = match effect(request)? {
        Some(effect) => format!("{effect}.{device}"),
        None => uuid(&*account.config.randomness),
    };
    let content = serde_json::to_vec_pretty(&json!({ "endpoint": endpoint, "message": message })).unwrap_or_default();
    account.outbox.keep(&format!("{name}.{EXTENSION}"), content).map_err(|error| {
        tracing::error!(%error, "a push could not be written");
        Answer::error(500, "InternalError", "the outbox cannot be written")
    })?;
    Ok(json!({ "MessageId": hex(&Sha256::digest(name)[..16]) }))
}

/// The value of the attribute that names the effect: a part of a file's name, so letters, digits and hyphens.
fn effect(request: &Value) -> Result<Option<&str>, Answer> {
    let entry = |number: usize, member: &str| request[format!("MessageAttributes.entry.{number}.{member}")].as_str();
    let Some(number) = (1..=ATTRIBUTES).find(|number| entry(*number, "Name") == Some(EFFECT)) else { return Ok(None) };
    let value = entry(number, "Value.StringValue").unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match (1..=100).contains(&value.len()) && value.bytes().all(allowed) {
        true => Ok(Some(value)),
        false => Err(Answer::refused("InvalidParameterValue", "Invalid message attribute annals-effect: 1 to 100 of A-Z, a-z, 0-9 and -.")),
    }
}

fn text<'a>(request: &'a Value, member: &str) -> Result<&'a str, Answer> {
    let text = request[member].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| Answer::refused("InvalidParameter", &format!("Invalid parameter: {member}")))
}

fn no_endpoint() -> Answer {
    Answer::error(404, "NotFound", "Endpoint does not exist")
}

fn unavailable(error: &rusqlite::Error) -> Answer {
    tracing::error!(%error, "endpoints cannot be read or written");
    Answer::error(500, "InternalError", "the endpoints cannot be read or written")
}
