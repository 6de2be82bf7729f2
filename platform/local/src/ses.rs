//! Writes mail that services send through SES into a folder, as .eml files.
//!
//! A send tagged `annals-effect` happens once: its file is named after the tag, and a second send
//! writes nothing and answers the same MessageId. Real SES does not do this; it sends again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::arn;
use crate::iam::Need;
use crate::outbox::Outbox;
use crate::randomness::{Randomness, hex, uuid};
use crate::wire::{Answer, Reply};

/// The tag that makes a send idempotent here.
const EFFECT: &str = "annals-effect";
/// The extension of mail files.
const EXTENSION: &str = "eml";

/// Mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The file's name without `.eml`.
    pub name: String,
    /// The message as it was given to SES.
    pub message: Vec<u8>,
}

/// What SendEmail needs of IAM.
pub(crate) fn needs(request: &Value) -> Vec<Need> {
    let sender = request["FromEmailAddress"].as_str().unwrap_or_default();
    let address = sender.rsplit_once('<').map_or(sender, |(_, address)| address.trim_end_matches('>'));
    vec![Need { action: "ses:SendEmail", resource: arn::mail_identity(address), table: None }]
}

/// SendEmail with raw content.
pub(crate) fn send(outbox: &Outbox, request: &Value, randomness: &dyn Randomness) -> Reply {
    let data = request["Content"]["Raw"]["Data"].as_str();
    let data =
        data.ok_or_else(|| Answer::refused("BadRequestException", "Content.Raw.Data is required: other content is not supported here."))?;
    let message = BASE64_STANDARD.decode(data).map_err(|_| Answer::refused("BadRequestException", "Content.Raw.Data is not base64."))?;
    let name = match effect(request)? {
        Some(effect) => effect.to_owned(),
        None => uuid(randomness),
    };
    outbox.keep(&format!("{name}.{EXTENSION}"), message).map_err(|error| {
        tracing::error!(%error, "mail could not be written");
        Answer::error(500, "InternalServiceErrorException", "the outbox cannot be written")
    })?;
    Ok(json!({ "MessageId": message_id(&name) }))
}

/// Mail that was sent, oldest first in memory, by name in a folder.
pub(crate) fn list(outbox: &Outbox) -> std::io::Result<Vec<Mail>> {
    Ok(outbox.list(EXTENSION)?.into_iter().map(|(name, message)| Mail { name, message }).collect())
}

/// The value of the tag that names the effect, which SES allows few characters.
fn effect(request: &Value) -> Result<Option<&str>, Answer> {
    let tags = request["EmailTags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(value) = tags.iter().find(|tag| tag["Name"] == EFFECT).and_then(|tag| tag["Value"].as_str()) else {
        return Ok(None);
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
    if value.is_empty() || value.len() > 200 || value.starts_with('.') || !value.bytes().all(allowed) {
        return Err(Answer::refused("BadRequestException", "Invalid message tag value: 1 to 200 of A-Z, a-z, 0-9, _, -, . and @."));
    }
    Ok(Some(value))
}

/// Derived from the name, so that a repeated effect gets the same answer after a restart too.
fn message_id(name: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(name)[..30])
}
