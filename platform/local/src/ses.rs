//! Writes mail that services send through SES into a folder, as .eml files.
//!
//! A send tagged `annals-effect` happens once: its file is named after the tag, and a second send
//! writes nothing and answers the same MessageId. Real SES does not do this; it sends again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::arn;
use crate::config::Durability;
use crate::engine::lock;
use crate::iam::Need;
use crate::randomness::{Randomness, hex, uuid};
use crate::wire::{Answer, Reply};

/// The tag that makes a send idempotent here.
const EFFECT: &str = "annals-effect";

/// Mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The file's name without `.eml`.
    pub name: String,
    /// The message as it was given to SES.
    pub message: Vec<u8>,
}

/// Where mail goes.
pub(crate) enum Outbox {
    /// Kept for tests to read.
    Memory(Mutex<Vec<Mail>>),
    /// A folder.
    Folder { path: PathBuf, durability: Durability },
}

impl Outbox {
    /// What SendEmail needs of IAM.
    pub fn needs(request: &Value) -> Vec<Need> {
        let sender = request["FromEmailAddress"].as_str().unwrap_or_default();
        let address = sender.rsplit_once('<').map_or(sender, |(_, address)| address.trim_end_matches('>'));
        vec![Need { action: "ses:SendEmail", resource: arn::mail_identity(address), table: None }]
    }

    /// SendEmail with raw content.
    pub fn send(&self, request: &Value, randomness: &dyn Randomness) -> Reply {
        let data = request["Content"]["Raw"]["Data"].as_str();
        let data = data
            .ok_or_else(|| Answer::refused("BadRequestException", "Content.Raw.Data is required: other content is not supported here."))?;
        let message =
            BASE64_STANDARD.decode(data).map_err(|_| Answer::refused("BadRequestException", "Content.Raw.Data is not base64."))?;
        let name = match effect(request)? {
            Some(effect) => effect.to_owned(),
            None => uuid(randomness),
        };
        let message_id = message_id(&name);
        self.keep(Mail { name, message }).map_err(|error| {
            tracing::error!(%error, "mail could not be written");
            Answer::error(500, "InternalServiceErrorException", "the outbox cannot be written")
        })?;
        Ok(json!({ "MessageId": message_id }))
    }

    /// Mail that was sent, oldest first in memory, by name in a folder.
    pub fn list(&self) -> std::io::Result<Vec<Mail>> {
        match self {
            Self::Memory(mail) => Ok(lock(mail).clone()),
            Self::Folder { path, .. } => read_folder(path),
        }
    }

    fn keep(&self, mail: Mail) -> std::io::Result<()> {
        match self {
            Self::Memory(kept) => {
                let mut kept = lock(kept);
                if kept.iter().all(|other| other.name != mail.name) {
                    kept.push(mail);
                }
                Ok(())
            }
            Self::Folder { path, durability } => write_once(path, *durability, &mail),
        }
    }
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

fn write_once(folder: &Path, durability: Durability, mail: &Mail) -> std::io::Result<()> {
    let target = folder.join(format!("{}.eml", mail.name));
    if target.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    // Renaming is atomic: whoever looks into the folder sees whole messages only.
    let unfinished = folder.join(format!(".{}.unfinished", mail.name));
    let mut file = File::create(&unfinished)?;
    file.write_all(&mail.message)?;
    if durability == Durability::Power {
        file.sync_all()?;
    }
    fs::rename(&unfinished, &target)?;
    if durability == Durability::Power {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn read_folder(folder: &Path) -> std::io::Result<Vec<Mail>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut mail = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            mail.push(Mail { name, message: fs::read(&path)? });
        }
    }
    mail.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(mail)
}
