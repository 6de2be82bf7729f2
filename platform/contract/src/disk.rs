//! The contracts of a checkout, `<folder>/<service>/asyncapi.yaml`, and what was released of them, `released/asyncapi.yaml` beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use access_patterns::Errors;

use crate::committed::Committed;
use crate::contract::Contract;

const FILE: &str = "asyncapi.yaml";
const RELEASED: &str = "released";

/// A file or folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct DiskError {
    path: PathBuf,
    source: std::io::Error,
}

impl DiskError {
    fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, source }
    }
}

/// The text of a service's committed contract, if it has one.
pub fn text(folder: &Path, service: &str) -> Result<Option<String>, DiskError> {
    read(&folder.join(service).join(FILE))
}

/// A service's committed contract, or what is wrong with it; `None` where it has none.
pub fn committed(folder: &Path, service: &str) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    parsed(&folder.join(service).join(FILE))
}

/// What was released of a service's contract, if anything was.
pub fn released(folder: &Path, service: &str) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    parsed(&folder.join(service).join(RELEASED).join(FILE))
}

/// Writes the contracts that are not on disk as they should be; the paths written.
pub fn derive(folder: &Path, contracts: &[Contract]) -> Result<Vec<PathBuf>, DiskError> {
    let mut written = vec![];
    for contract in contracts {
        let path = folder.join(&contract.service).join(FILE);
        if write(&path, &contract.to_yaml())? {
            written.push(path);
        }
    }
    Ok(written)
}

/// Copies the contracts to where releases are kept; the paths written.
pub fn release(folder: &Path, contracts: &[Contract]) -> Result<Vec<PathBuf>, DiskError> {
    let mut written = vec![];
    for contract in contracts {
        let path = folder.join(&contract.service).join(RELEASED).join(FILE);
        if write(&path, &contract.to_yaml())? {
            written.push(path);
        }
    }
    Ok(written)
}

fn parsed(path: &Path) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    Ok(read(path)?.map(|text| Committed::parse(&path.display().to_string(), &text)))
}

fn read(path: &Path) -> Result<Option<String>, DiskError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::at(path)(error)),
    }
}

/// Whether the file had to be written.
fn write(path: &Path, text: &str) -> Result<bool, DiskError> {
    if read(path)?.as_deref() == Some(text) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(DiskError::at(folder))?;
    }
    fs::write(path, text).map_err(DiskError::at(path))?;
    Ok(true)
}
