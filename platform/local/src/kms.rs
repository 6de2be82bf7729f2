//! Answers KMS under one key kept in a file: data keys, encryption and decryption bound to a context.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::arn;
use crate::iam::Need;
use crate::randomness::Randomness;
use crate::wire::{Answer, Reply};

/// The id of the one key; any alias means it too.
const KEY_ID: &str = "vault";
/// The first byte of what is encrypted here.
const FORMAT: u8 = 1;
const NONCE: usize = 12;

/// The key.
pub(crate) struct Kms(Aes256GcmSiv);

impl Kms {
    /// A new key that ends with the process.
    pub fn in_memory(randomness: &dyn Randomness) -> Self {
        let mut key = [0; 32];
        randomness.fill(&mut key);
        Self(Aes256GcmSiv::new(&key.into()))
    }

    /// The key in this file, made when absent, readable by its owner only.
    pub fn in_file(path: &Path, randomness: &dyn Randomness) -> std::io::Result<Self> {
        let key = match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path, randomness)?,
            key => key?,
        };
        let key: [u8; 32] = key.try_into().map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "a key is 32 bytes"))?;
        Ok(Self(Aes256GcmSiv::new(&key.into())))
    }

    /// What an operation needs of IAM.
    pub fn needs(operation: &str) -> Vec<Need> {
        let action = match operation {
            "GenerateDataKey" => "kms:GenerateDataKey",
            "Encrypt" => "kms:Encrypt",
            "Decrypt" => "kms:Decrypt",
            _ => "kms:*",
        };
        vec![Need { action, resource: arn::key(KEY_ID), table: None }]
    }

    /// Runs an operation.
    pub fn run(&self, operation: &str, request: &Value, randomness: &dyn Randomness) -> Reply {
        match operation {
            "GenerateDataKey" => self.generate_data_key(request, randomness),
            "Encrypt" => self.encrypt(request, randomness),
            "Decrypt" => self.decrypt(request),
            _ => Err(Answer::refused("UnknownOperationException", "")),
        }
    }

    fn generate_data_key(&self, request: &Value, randomness: &dyn Randomness) -> Reply {
        known_key(request, true)?;
        let length = match (request["KeySpec"].as_str(), request["NumberOfBytes"].as_u64()) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(length @ 1..=1024)) => length as usize,
            _ => return Err(Answer::refused("ValidationException", "give either KeySpec or NumberOfBytes (1 to 1024)")),
        };
        let mut key = vec![0; length];
        randomness.fill(&mut key);
        let sealed = self.seal(&key, request, randomness)?;
        Ok(json!({ "CiphertextBlob": BASE64_STANDARD.encode(sealed), "Plaintext": BASE64_STANDARD.encode(key), "KeyId": arn::key(KEY_ID) }))
    }

    fn encrypt(&self, request: &Value, randomness: &dyn Randomness) -> Reply {
        known_key(request, true)?;
        let plaintext = bytes(request, "Plaintext")?;
        if !(1..=4096).contains(&plaintext.len()) {
            return Err(Answer::refused("ValidationException", "Plaintext must have length between 1 and 4096"));
        }
        let sealed = self.seal(&plaintext, request, randomness)?;
        Ok(
            json!({ "CiphertextBlob": BASE64_STANDARD.encode(sealed), "KeyId": arn::key(KEY_ID), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
        )
    }

    fn decrypt(&self, request: &Value) -> Reply {
        known_key(request, false)?;
        let blob = bytes(request, "CiphertextBlob")?;
        let invalid = || Answer::error(400, "InvalidCiphertextException", "");
        let (nonce, sealed) = blob.strip_prefix(&[FORMAT]).and_then(|rest| rest.split_at_checked(NONCE)).ok_or_else(invalid)?;
        let payload = Payload { msg: sealed, aad: &context(request)? };
        let plaintext = self.0.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| invalid())?;
        Ok(json!({ "Plaintext": BASE64_STANDARD.encode(plaintext), "KeyId": arn::key(KEY_ID), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
    }

    fn seal(&self, plaintext: &[u8], request: &Value, randomness: &dyn Randomness) -> Result<Vec<u8>, Answer> {
        let mut nonce = [0; NONCE];
        randomness.fill(&mut nonce);
        let payload = Payload { msg: plaintext, aad: &context(request)? };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| Answer::internal("encryption failed"))?;
        Ok([&[FORMAT][..], &nonce, &sealed].concat())
    }
}

fn create(path: &Path, randomness: &dyn Randomness) -> std::io::Result<Vec<u8>> {
    let mut key = vec![0; 32];
    randomness.fill(&mut key);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Whole or absent: half a key would seal what nothing can open.
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(key)
}

fn known_key(request: &Value, required: bool) -> Result<(), Answer> {
    let Some(id) = request["KeyId"].as_str() else {
        let missing = Answer::refused("ValidationException", "KeyId is required");
        return if required { Err(missing) } else { Ok(()) };
    };
    if id == KEY_ID || id == arn::key(KEY_ID) || id.starts_with("alias/") || id.contains(":alias/") {
        return Ok(());
    }
    Err(Answer::refused("NotFoundException", &format!("Key '{}' does not exist", arn::key(id))))
}

/// The encryption context in one form, however its members are ordered.
fn context(request: &Value) -> Result<Vec<u8>, Answer> {
    let wrong = || Answer::refused("ValidationException", "EncryptionContext must map text to text");
    let context: BTreeMap<String, String> = match &request["EncryptionContext"] {
        Value::Null => BTreeMap::new(),
        members => serde_json::from_value(members.clone()).map_err(|_| wrong())?,
    };
    serde_json::to_vec(&context).map_err(|_| wrong())
}

fn bytes(request: &Value, member: &str) -> Result<Vec<u8>, Answer> {
    let text = request[member].as_str().unwrap_or_default();
    BASE64_STANDARD.decode(text).map_err(|_| Answer::refused("ValidationException", &format!("{member} is not base64")))
}
