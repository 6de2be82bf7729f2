//! The whole system in one process: the local account, wired to the functions of every service.
//!
//! - [`contracts`]: what the services tell, hear and how that is delivered; [`wiring`]: the account as they say
//! - [`handlers`]: which code is which function
//! - [`processes`]: the same functions as processes of their own binaries
//! - [`roles`]: who may do what, from the policies in `infra/policies`
//! - [`credentials`]: the secrets of this data directory
//! - [`guard`]: refuses reads that no matrix lists
//! - [`identity`]: a stand-in for identity's contact route
//! - [`metrics`]: counts, and the alarms that some of them are

mod alarms;
pub mod contracts;
pub mod credentials;
mod guard;
mod handlers;
mod identity;
mod metrics;
pub mod processes;
pub mod roles;
mod wiring;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use access_patterns::Table;
use annals_contract::{Committed, Errors};
use annals_kit::{Clock, Ids};
use annals_lambda::{Account, Web};
use annals_local::{Config, Durability, Faults, Local, OpenError, Store};

pub use self::credentials::Credentials;
pub use self::identity::API as IN_PROCESS_API;

/// The region of the local account.
pub const REGION: &str = annals_local::arn::REGION;

/// What a system is made of.
pub struct Options {
    /// Where it keeps everything.
    pub store: Store,
    /// What survives a power cut.
    pub durability: Durability,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and other random bits.
    pub ids: Arc<dyn Ids>,
    /// What tests break.
    pub faults: Option<Arc<dyn Faults>>,
}

/// The system, opened; it delivers nothing until it is started.
pub struct System {
    local: Local,
    credentials: Credentials,
}

/// A system does not open.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The local account does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The directory's secrets cannot be read or made.
    #[error("cannot read or write {path} ({reason}): make it readable and writable for you alone, or choose another directory")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The contracts that this program was built with do not hold.
    #[error("the contracts do not hold; nothing was opened\n{0}")]
    Contracts(Errors),
    /// Contracts and code name different functions.
    #[error("{0}; nothing was started")]
    Functions(String),
}

impl System {
    /// Opens the system and installs every function. Nothing is delivered yet.
    pub async fn open(options: Options) -> Result<Self, SystemError> {
        let Options { store, durability, clock, ids, faults } = options;
        let directory = match &store {
            Store::Directory(path) => Some(path.clone()),
            Store::Memory => None,
        };
        let mut config = Config::new(store, clock.clone(), Arc::new(metrics::RandomBytes(ids.clone())));
        config.durability = durability;
        config.faults = faults;
        config.outbox = directory.as_deref().map(outbox);
        config.tables = access_patterns::all().iter().flat_map(|matrix| matrix.tables().iter().map(Table::definition_json)).collect();
        config.resource_policies = roles::resource_policies();
        config.read_guard = Some(Arc::new(guard::ListedReads));
        let contracts = contracts::committed().map_err(SystemError::Contracts)?;
        wiring::connect(&mut config, contracts);
        let credentials = match &directory {
            Some(directory) => Credentials::of(directory, &*ids)?,
            None => Credentials::new(&*ids),
        };
        config.roles = roles::roles(&credentials);
        let local = Local::open(config).await?;
        let system = Self { local, credentials };
        system.install(contracts, &clock, &ids)?;
        Ok(system)
    }

    fn install(&self, contracts: &[Committed], clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Result<(), SystemError> {
        let functions = wiring::functions(handlers::of_services(self, clock, ids), contracts).map_err(SystemError::Functions)?;
        for contracts::Described { name, function, .. } in contracts::functions() {
            if let Some(unknown) = function.environment.iter().find(|variable| handlers::variable(variable, self, IN_PROCESS_API).is_none())
            {
                let what =
                    format!("{name} needs {unknown}, which has no value on this machine: give it one in annals/src/system/handlers.rs");
                return Err(SystemError::Functions(what));
            }
        }
        functions.into_iter().chain(handlers::of_this_machine(self)).for_each(|function| self.local.install(function));
        Ok(())
    }

    /// The local account below.
    pub fn local(&self) -> &Local {
        &self.local
    }

    /// The secrets of this system.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// AWS as `role` reaches it, in process.
    pub fn account(&self, role: &str) -> Account {
        let credentials = self.local.credentials(role).expect("every role of the system is one of the local account's");
        Account { http: self.local.http_client(), credentials, region: REGION.to_owned(), endpoint: None }
    }

    /// The HTTP API, in process.
    pub fn web(&self) -> Arc<dyn Web> {
        Arc::new(identity::InProcessWeb(self.local.clone()))
    }
}

/// Where emails are written.
pub fn outbox(directory: &Path) -> PathBuf {
    directory.join("outbox")
}
