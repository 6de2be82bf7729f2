//! The contracts of a checkout, `<folder>/<service>/{asyncapi,openapi}.yaml`, and what was released of them, in `released/` beside them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use access_patterns::Errors;

use crate::api::{Api, CommittedApi};
use crate::client_code;
use crate::committed::Committed;
use crate::contract::Contract;

const EVENTS: &str = "asyncapi.yaml";
const ROUTES: &str = "openapi.yaml";
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

/// The texts of a service's committed contract: `asyncapi.yaml` and `openapi.yaml`, where they are there.
pub fn texts(folder: &Path, service: &str) -> Result<[Option<String>; 2], DiskError> {
    let folder = folder.join(service);
    Ok([read(&folder.join(EVENTS))?, read(&folder.join(ROUTES))?])
}

/// A service's committed contract, or what is wrong with it; `None` where it has none.
pub fn committed(folder: &Path, service: &str) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    parsed(&folder.join(service))
}

/// What was released of a service's contract, if anything was.
pub fn released(folder: &Path, service: &str) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    parsed(&folder.join(service).join(RELEASED))
}

/// Writes the contracts, and the clients that services ask others with, where they are not on disk as they should be; the paths written.
pub fn derive(folder: &Path, contracts: &[Contract]) -> Result<Vec<PathBuf>, DiskError> {
    let mut written = write_all(contracts, |contract| folder.join(&contract.service))?;
    for (path, text) in clients(folder, contracts)? {
        if write(&path, &text)? {
            written.push(path);
        }
    }
    Ok(written)
}

/// The clients that these services ask others with: where each belongs, and what it is. Of an API that is not among the contracts, its
/// committed file says what it is; where there is none that can be read, there is no client.
pub fn clients(folder: &Path, contracts: &[Contract]) -> Result<Vec<(PathBuf, String)>, DiskError> {
    let mut clients = vec![];
    for contract in contracts {
        for (asked, operations) in &contract.delivery.asks {
            let Some(api) = api_of(folder, contracts, asked)? else { continue };
            let path = folder.join(&contract.service).join("src").join(format!("{}_api.rs", asked.replace('-', "_")));
            clients.push((path, client_code::client(&api, &contract.service, operations)));
        }
    }
    Ok(clients)
}

fn api_of(folder: &Path, contracts: &[Contract], service: &str) -> Result<Option<Api>, DiskError> {
    if let Some(contract) = contracts.iter().find(|contract| contract.service == service) {
        return Ok(Some(contract.api.clone()));
    }
    let text = read(&folder.join(service).join(ROUTES))?;
    Ok(text.and_then(|text| CommittedApi::parse(ROUTES, &text).ok()).map(|committed| committed.api))
}

/// Copies the contracts to where releases are kept; the paths written.
pub fn release(folder: &Path, contracts: &[Contract]) -> Result<Vec<PathBuf>, DiskError> {
    write_all(contracts, |contract| folder.join(&contract.service).join(RELEASED))
}

/// Writes `text` where it is not what the file has; whether it had to.
pub fn write(path: &Path, text: &str) -> Result<bool, DiskError> {
    if read(path)?.as_deref() == Some(text) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(DiskError::at(folder))?;
    }
    fs::write(path, text).map_err(DiskError::at(path))?;
    Ok(true)
}

/// The text of a file, if it is there.
pub fn read(path: &Path) -> Result<Option<String>, DiskError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DiskError::at(path)(error)),
    }
}

fn write_all(contracts: &[Contract], folder: impl Fn(&Contract) -> PathBuf) -> Result<Vec<PathBuf>, DiskError> {
    let mut written = vec![];
    for contract in contracts {
        for (file, text) in [(EVENTS, contract.to_yaml()), (ROUTES, contract.to_openapi())] {
            let path = folder(contract).join(file);
            if write(&path, &text)? {
                written.push(path);
            }
        }
    }
    Ok(written)
}

/// The contract in a folder. Without its routes where they are not there: what was released before there were any.
fn parsed(folder: &Path) -> Result<Option<Result<Committed, Errors>>, DiskError> {
    let (events, routes) = (folder.join(EVENTS), folder.join(ROUTES));
    let Some(text) = read(&events)? else { return Ok(None) };
    let contract = Committed::parse(&events.display().to_string(), &text);
    let api = read(&routes)?.map(|text| CommittedApi::parse(&routes.display().to_string(), &text));
    Ok(Some(match (contract, api) {
        (contract, None) => contract,
        (Ok(contract), Some(Ok(api))) => Ok(contract.with_api(api)),
        (Err(Errors(mut found)), Some(Err(Errors(more)))) => {
            found.extend(more);
            Err(Errors(found))
        }
        (Err(errors), _) | (_, Some(Err(errors))) => Err(errors),
    }))
}
