//! The contracts of every service, as they are committed: what this system is wired by.

use std::sync::LazyLock;

use annals_contract::{Committed, Contract, Errors, Function, laws};

/// The committed files.
const FILES: [(&str, &str); 2] = [
    ("services/billing/asyncapi.yaml", include_str!("../../../services/billing/asyncapi.yaml")),
    ("services/notifications/asyncapi.yaml", include_str!("../../../services/notifications/asyncapi.yaml")),
];

static COMMITTED: LazyLock<Result<Vec<Committed>, Errors>> = LazyLock::new(|| proven(&FILES));

/// The contracts as the services describe them in Rust: what the files are derived from.
pub fn described() -> Vec<Contract> {
    vec![billing_service::contract(), notifications_service::contract()]
}

/// The committed contracts, which hold.
pub fn committed() -> Result<&'static [Committed], Errors> {
    COMMITTED.as_deref().map_err(Errors::clone)
}

/// A function of a service, as its contract has it.
#[derive(Clone, Copy)]
pub(super) struct Described {
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    pub(super) function: &'static Function,
}

/// Every function of every service. Stand-ins of this machine are none: they have no binary. A system whose contracts do not hold, and so
/// has none, does not open.
pub(super) fn functions() -> impl Iterator<Item = Described> {
    committed().into_iter().flatten().flat_map(|Committed { contract, .. }| {
        contract.delivery.functions.iter().map(|(name, function)| Described { service: &contract.service, name, function })
    })
}

/// The contracts in these files, if they hold together and with the matrices.
pub fn proven(files: &[(&str, &str)]) -> Result<Vec<Committed>, Errors> {
    let (mut contracts, mut problems) = (vec![], vec![]);
    for (name, text) in files {
        match Committed::parse(name, text) {
            Ok(contract) => contracts.push(contract),
            Err(Errors(found)) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Errors(problems));
    }
    laws::check(&contracts, &access_patterns::all())?;
    Ok(contracts)
}
