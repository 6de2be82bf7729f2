//! The contracts of every service, as they are committed: what this system is wired by.

use std::sync::LazyLock;

use annals_contract::delivery::Function;
use annals_contract::{Committed, CommittedApi, Contract, Errors, laws};

/// The committed files of one service: what each is called, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// What it tells and hears.
    pub asyncapi: (&'a str, &'a str),
    /// What it answers.
    pub openapi: (&'a str, &'a str),
}

macro_rules! files {
    ($service:literal) => {
        Files {
            asyncapi: (
                concat!("services/", $service, "/asyncapi.yaml"),
                include_str!(concat!("../../../services/", $service, "/asyncapi.yaml")),
            ),
            openapi: (
                concat!("services/", $service, "/openapi.yaml"),
                include_str!(concat!("../../../services/", $service, "/openapi.yaml")),
            ),
        }
    };
}

/// The services' files.
const FILES: [Files<'static>; 3] = [files!("billing"), files!("identity"), files!("notifications")];

static COMMITTED: LazyLock<Result<Vec<Committed>, Errors>> = LazyLock::new(|| proven(&FILES));

/// The contracts as the services describe them in Rust: what the files are derived from.
pub fn described() -> Vec<Contract> {
    vec![billing_service::contract(), identity_service::contract(), notifications_service::contract()]
}

/// The committed contracts, which hold.
pub fn committed() -> Result<&'static [Committed], Errors> {
    COMMITTED.as_deref().map_err(Errors::clone)
}

/// A function of a service.
pub(crate) struct Listed {
    pub(crate) name: &'static str,
    pub(crate) service: &'static str,
    pub(crate) function: &'static Function,
}

/// Every function of the committed contracts; none where they do not hold, and then no system opens.
pub(crate) fn functions() -> impl Iterator<Item = Listed> {
    committed().unwrap_or_default().iter().flat_map(|Committed { contract, .. }| {
        contract.delivery.functions.iter().map(|(name, function)| Listed { name, service: &contract.service, function })
    })
}

/// The functions that a schedule invokes. A run may come twice or not at all: each does what is due by the clock.
pub fn scheduled() -> impl Iterator<Item = &'static str> {
    let schedules = committed().unwrap_or_default().iter().flat_map(|committed| committed.contract.delivery.schedules.values());
    schedules.map(|schedule| schedule.function.as_str())
}

/// The contracts in these files, if they hold together and with the matrices.
pub fn proven(files: &[Files<'_>]) -> Result<Vec<Committed>, Errors> {
    let (mut contracts, mut problems) = (vec![], vec![]);
    for Files { asyncapi, openapi } in files {
        match (Committed::parse(asyncapi.0, asyncapi.1), CommittedApi::parse(openapi.0, openapi.1)) {
            (Ok(contract), Ok(api)) => contracts.push(contract.with_api(api)),
            (contract, api) => problems.extend(contract.err().into_iter().chain(api.err()).flat_map(|Errors(found)| found)),
        }
    }
    if !problems.is_empty() {
        return Err(Errors(problems));
    }
    laws::check(&contracts, &access_patterns::all())?;
    Ok(contracts)
}
