//! The ledgers of a system: the key that signs each, and where its tiles and checkpoints are kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_kit::{Generation, Ids};
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::{Directory, Memory, Objects};

use super::SystemError;
use crate::logs::{LOGS, ServiceLog};

/// The host part of the ledgers' names on one machine.
pub(super) const HOST: &str = "annals.localhost";

/// One service's.
#[derive(Clone)]
pub struct Ledger {
    /// What signs it.
    pub key: LedgerKey,
    /// Where proofs are kept.
    pub objects: Arc<dyn Objects>,
    /// The folder behind it; empty where they are kept in memory.
    pub folder: String,
}

/// Every service's.
#[derive(Clone)]
pub struct Ledgers(BTreeMap<&'static str, Ledger>);

impl Ledgers {
    /// New keys, kept nowhere.
    pub fn new(ids: &dyn Ids) -> Self {
        let ledger = |service| Ledger {
            key: LedgerKey::generate(origin(service), ids),
            objects: Arc::new(Memory::default()),
            folder: String::new(),
        };
        Self(LOGS.iter().map(|log| (log.service, ledger(log.service))).collect())
    }

    /// Those of a data directory: `keys/<service>-ledger.key`, made on first use, and `ledger/<service>/`.
    pub fn of(directory: &Path, ids: &dyn Ids) -> Result<Self, SystemError> {
        let ledger = |service: &str| -> Result<Ledger, SystemError> {
            let key = key(&directory.join("keys").join(format!("{service}-ledger.key")), service, ids)?;
            let folder = directory.join("ledger").join(service);
            // Absolute: a function in a process of its own may stand elsewhere.
            let folder = std::path::absolute(&folder).unwrap_or(folder);
            Ok(Ledger { key, objects: Arc::new(Directory::new(folder.clone())), folder: folder.to_string_lossy().into_owned() })
        };
        LOGS.iter().map(|log| Ok((log.service, ledger(log.service)?))).collect::<Result<_, _>>().map(Self)
    }

    /// The ledger of a service of the contracts.
    pub fn of_service(&self, service: &str) -> &Ledger {
        &self.0[ServiceLog::of(service).service]
    }
}

fn origin(service: &str) -> Origin {
    Origin::new(HOST, service, Generation(0))
}

/// The key in a file, readable by its owner only.
fn key(path: &Path, service: &str, ids: &dyn Ids) -> Result<LedgerKey, SystemError> {
    let failed = |reason: String| SystemError::Credentials { path: PathBuf::from(path), reason };
    match write_new(path, LedgerKey::generate(origin(service), ids).secret_text()) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error.to_string())),
        Ok(()) | Err(_) => {}
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    LedgerKey::from_text(origin(service), &text).map_err(|error| failed(error.to_string()))
}

/// Whole or not at all: written beside, then linked under its name if that is free.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let beside = path.with_extension(std::process::id().to_string());
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    linked
}
