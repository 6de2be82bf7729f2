//! The secrets of one data directory: a key pair per role, in the AWS CLI's own file format, and the webhook secret.
//!
//! `AWS_SHARED_CREDENTIALS_FILE=.annals/credentials aws --profile auditor …` uses them as they are.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use annals_kit::Ids;
use identity_service::secret::{Bearer, Secret};

use super::{SystemError, roles};

/// The section of the provider's webhook secret.
const WEBHOOK: &str = "stripe-webhook";
/// The section of the API key of the demo organisation's owner.
const DEMO: &str = "demo-owner";
/// The section of the key under which addresses are hashed.
const HASH_KEY: &str = "hash-key";
/// The sections of the services' own keys.
const SERVICES: [&str; 1] = ["service-notifications"];

/// The secrets.
#[derive(Clone)]
pub struct Credentials {
    sections: BTreeMap<String, KeyPair>,
}

/// What a request is signed with.
#[derive(Clone)]
pub struct KeyPair {
    /// Names the role.
    pub id: String,
    /// Proves it.
    pub secret: String,
}

impl Credentials {
    /// New secrets, kept nowhere.
    pub fn new(ids: &dyn Ids) -> Self {
        let pair = |name: &str| {
            let id = format!("AKIA{}", name.to_ascii_uppercase().replace('-', ""));
            (name.to_owned(), KeyPair { id, secret: format!("{:016x}{:016x}", ids.random(), ids.random()) })
        };
        let webhook = KeyPair { id: "stripe".into(), secret: format!("whsec_{:016x}{:016x}", ids.random(), ids.random()) };
        let secret = |name: &str| KeyPair { id: name.to_owned(), secret: Secret::new(ids).text().to_owned() };
        let mut sections: BTreeMap<_, _> = roles::names().map(pair).collect();
        sections.insert(WEBHOOK.into(), webhook);
        sections.extend([DEMO, HASH_KEY].into_iter().chain(SERVICES).map(|name| (name.to_owned(), secret(name))));
        Self { sections }
    }

    /// The secrets of a data directory, made on first use, readable by their owner only.
    pub fn of(directory: &Path, ids: &dyn Ids) -> Result<Self, SystemError> {
        let path = file(directory);
        let failed = |reason: String| SystemError::Credentials { path: path.clone(), reason };
        loop {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    let mut known = Self::parse(&text);
                    // A role that this version knows and the file does not, as after an update.
                    if known.complete(Self::new(ids)) {
                        known.write(directory).and_then(|beside| fs::rename(beside, &path)).map_err(|error| failed(error.to_string()))?;
                    }
                    return Ok(known);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error.to_string())),
            }
            match Self::new(ids).write_new(directory, &path) {
                // Another process was first: theirs count.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error.to_string())),
                Ok(()) => {}
            }
        }
    }

    /// The key pair of a role.
    pub fn role(&self, name: &str) -> &KeyPair {
        self.sections.get(name).expect("every role has a section: what a file lacks is made")
    }

    /// What the payment provider signs its webhooks with.
    pub fn webhook_secret(&self) -> &str {
        &self.role(WEBHOOK).secret
    }

    /// What the API key of the demo organisation's owner is made of.
    pub fn demo_secret(&self) -> Secret {
        self.secret(DEMO)
    }

    /// What the key of a service is made of.
    pub fn service_secret(&self, service: &str) -> Secret {
        self.secret(&format!("service-{service}"))
    }

    /// What a service sends as `Authorization: Bearer ...`.
    pub fn service_key(&self, service: &str) -> String {
        Bearer::Service(service.to_owned(), self.service_secret(service)).text()
    }

    /// The key under which addresses are hashed.
    pub fn hash_key(&self) -> &str {
        &self.role(HASH_KEY).secret
    }

    fn secret(&self, section: &str) -> Secret {
        // One that was changed by hand into something else opens nothing; it is not made up anew.
        self.role(section).secret.parse().unwrap_or_else(|_| panic!("[{section}] in the file of credentials holds 32 digits 0-9 a-f"))
    }

    fn parse(text: &str) -> Self {
        let mut sections: BTreeMap<String, KeyPair> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                current = name.to_owned();
            } else if let Some((key, value)) = line.split_once('=') {
                let pair = sections.entry(current.clone()).or_insert_with(|| KeyPair { id: String::new(), secret: String::new() });
                match key.trim() {
                    "aws_access_key_id" => pair.id = value.trim().to_owned(),
                    "aws_secret_access_key" => pair.secret = value.trim().to_owned(),
                    _ => {}
                }
            }
        }
        sections.retain(|_, pair| !pair.id.is_empty() && !pair.secret.is_empty());
        Self { sections }
    }

    /// Takes from `other` what is missing; whether anything was.
    fn complete(&mut self, other: Self) -> bool {
        let before = self.sections.len();
        for (name, pair) in other.sections {
            self.sections.entry(name).or_insert(pair);
        }
        self.sections.len() > before
    }

    /// Whole or not at all: written beside, then linked under its name if that is free.
    fn write_new(&self, directory: &Path, path: &Path) -> std::io::Result<()> {
        let beside = self.write(directory)?;
        let linked = fs::hard_link(&beside, path);
        fs::remove_file(&beside)?;
        linked
    }

    /// Writes a file beside the real one; its path.
    fn write(&self, directory: &Path) -> std::io::Result<PathBuf> {
        fs::create_dir_all(directory)?;
        let beside = directory.join(format!("credentials.{}", std::process::id()));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        for (name, pair) in &self.sections {
            writeln!(file, "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", pair.id, pair.secret)?;
        }
        file.sync_all()?;
        Ok(beside)
    }
}

/// The file of a data directory's secrets.
pub fn file(directory: &Path) -> PathBuf {
    directory.join("credentials")
}
