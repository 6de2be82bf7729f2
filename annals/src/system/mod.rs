//! The whole system in one process: the local account, wired to the functions of every service.
//!
//! - [`contracts`]: what the services tell, hear, answer and how that is delivered; [`api`]: what this machine answers beside them;
//!   [`wiring`]: the account as they say
//! - [`handlers`]: which code is which function; [`processes`]: the same functions as processes of their own binaries
//! - [`roles`]: who may do what, from the policies in `infra/policies`
//! - [`credentials`]: the secrets of this data directory
//! - [`guard`]: refuses reads that no matrix lists
//! - [`ledger`]: the ledgers' keys and proofs
//! - [`web`]: the HTTP API without TCP
//! - [`demo`]: the organisation that a new data directory begins with
//! - [`letters`]: which queues hold dead letters, of what, and where they go back to
//! - [`metrics`]: takes in what is counted; [`store`]: keeps it; [`services`]: whose it is
//! - [`measurements`]: what is measured now; [`status`]: for people, [`openmetrics`]: for Prometheus
//! - [`alarms`]: which there are
//! - [`ticks`]: a scheduled function's run, by hand

mod alarms;
pub mod api;
pub mod contracts;
pub mod credentials;
pub mod demo;
mod guard;
mod handlers;
pub mod ledger;
pub mod letters;
mod measurements;
mod metrics;
mod openmetrics;
#[cfg(test)]
mod planned;
pub mod processes;
pub mod roles;
mod services;
pub mod status;
mod store;
pub mod ticks;
mod web;
mod wiring;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use access_patterns::Table;
use annals_contract::{Committed, Errors};
use annals_kit::{Clock, Generation, Ids};
use annals_lambda::{Account, Host, Web};
use annals_local::{Config, Durability, Faults, Local, OpenError, Store, Trim};
use identity_service::found::Founding;

pub use self::credentials::Credentials;
pub use self::ledger::Ledgers;
pub use self::status::Status;
pub use self::web::API as IN_PROCESS_API;
use crate::logs::LOGS;

/// The region of the local account.
pub const REGION: &str = annals_local::arn::REGION;

/// How many shards the stream of a new table has: as many as a new on-demand table on AWS.
const SHARDS: u32 = 4;

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
    /// When stream records go.
    pub trim: Trim,
    /// What tests break.
    pub faults: Option<Arc<dyn Faults>>,
}

/// The system, opened; it delivers nothing until it is started. Clones are the same system.
#[derive(Clone)]
pub struct System {
    local: Local,
    credentials: Credentials,
    /// The data directory; `None` where everything is in memory.
    directory: Option<PathBuf>,
    ledgers: Ledgers,
    store: Arc<store::MetricsStore>,
    owners: services::Owners,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
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
    /// The demo organisation cannot be founded.
    #[error("the demo organisation could not be founded: {0}")]
    Demo(String),
    /// Contracts and code name different functions.
    #[error("{0}; nothing was started")]
    Functions(String),
}

impl System {
    /// Opens the system and installs every function. Nothing is delivered yet.
    pub async fn open(options: Options) -> Result<Self, SystemError> {
        Self::open_with(options, |_| {}).await
    }

    /// The same without schedules: for whoever moves the clock and says what runs when.
    pub async fn open_unscheduled(options: Options) -> Result<Self, SystemError> {
        Self::open_with(options, |config| config.schedules.clear()).await
    }

    async fn open_with(options: Options, change: impl FnOnce(&mut Config)) -> Result<Self, SystemError> {
        let Options { store, durability, clock, ids, trim, faults } = options;
        let directory = match &store {
            Store::Directory(path) => Some(path.clone()),
            Store::Memory => None,
        };
        let mut config = Config::new(store, clock.clone(), Arc::new(metrics::RandomBytes(ids.clone())));
        config.durability = durability;
        config.trim = trim;
        config.faults = faults;
        config.outbox = directory.as_deref().map(outbox);
        config.failures = directory.as_deref().map(failures);
        config.shards = SHARDS;
        config.tables = access_patterns::all().iter().flat_map(|matrix| matrix.tables().iter().map(Table::definition_json)).collect();
        config.resource_policies = roles::resource_policies();
        config.read_guard = Some(Arc::new(guard::ListedReads));
        let contracts = contracts::committed().map_err(SystemError::Contracts)?;
        wiring::connect(&mut config, contracts, &api::described());
        change(&mut config);
        let owners = services::Owners::of(&config);
        let store = Arc::new(store::MetricsStore::new(clock.clone()));
        config.alarms = alarms::rules(&config, &owners);
        config.observer = Some(Arc::new(metrics::AccountMetrics { owners: owners.clone(), store: store.clone() }));
        let credentials = match &directory {
            Some(directory) => Credentials::of(directory, &*ids)?,
            None => Credentials::new(&*ids),
        };
        config.roles = roles::roles(&credentials);
        let local = Local::open(config).await?;
        let ledgers = match &directory {
            Some(directory) => Ledgers::of(directory, &*ids)?,
            None => Ledgers::new(&*ids),
        };
        let system = Self { local, credentials, directory, ledgers, store, owners, clock: clock.clone(), ids: ids.clone() };
        system.install(contracts, &clock, &ids)?;
        Ok(system)
    }

    /// Founds the demo organisation, if it is not there.
    pub async fn found_demo(&self) -> Result<(), SystemError> {
        self.found(&demo::organisation(&self.credentials)).await
    }

    /// Founds an organisation, if it is not there.
    pub async fn found(&self, founding: &Founding) -> Result<(), SystemError> {
        let metrics = Arc::new(metrics::LocalMetrics { local: self.local.clone(), store: self.store.clone() });
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        let host = Host { account: self.account(demo::ROLE), metrics, clock, ids, generation: Generation::default() };
        // Boxed: the futures of AWS calls nest deeper than the compiler lays out.
        let founded = Box::pin(demo::ensure(&host, &self.credentials, founding)).await;
        founded.map(drop).map_err(|problem| SystemError::Demo(problem.detail))
    }

    fn install(&self, contracts: &[Committed], clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Result<(), SystemError> {
        let functions = wiring::functions(handlers::of_services(self, clock, ids), contracts).map_err(SystemError::Functions)?;
        functions.into_iter().chain(handlers::of_this_machine(self, clock, ids)).for_each(|function| self.local.install(function));
        Ok(())
    }

    /// Closes it: its directory is free once nobody else holds the system. Nothing is delivered any more by then.
    pub fn close(self) {
        self.local.uninstall();
    }

    /// The local account below.
    pub fn local(&self) -> &Local {
        &self.local
    }

    /// The folder of the batches that event source mappings gave up on. In memory there is none: a path that does not exist.
    pub fn failures(&self) -> PathBuf {
        self.directory.as_deref().map_or_else(PathBuf::new, failures)
    }

    /// Signs what the ledgers have got, as the schedule does every minute: before the system stops, so that nothing waits meanwhile.
    pub async fn sign(&self) {
        let signing = LOGS.iter().map(|log| async move {
            if let Err(error) = self.local.invoke(&format!("{}-signer", log.service), serde_json::json!({})).await {
                tracing::warn!(service = log.service, ?error, "the ledger was not signed; it will be");
            }
        });
        futures_util::future::join_all(signing).await;
    }

    /// The secrets of this system.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The keys and proofs of the ledgers.
    pub fn ledgers(&self) -> Ledgers {
        self.ledgers.clone()
    }

    /// AWS as `role` reaches it, in process.
    pub fn account(&self, role: &str) -> Account {
        let credentials = self.local.credentials(role).expect("every role of the system is one of the local account's");
        Account::new(self.local.http_client(), credentials, REGION)
    }

    /// The HTTP API, in process.
    pub fn web(&self) -> Arc<dyn Web> {
        Arc::new(web::InProcessWeb(self.local.clone()))
    }
}

/// Every route that asks who calls, as `GET /v1/me`.
pub fn authorized_routes() -> Vec<String> {
    let contracts = contracts::committed().unwrap_or_default();
    let routes = wiring::routes(contracts, &api::described()).into_iter().filter(|route| route.authorizer.is_some());
    routes.map(|route| format!("{} {}", route.method, route.path)).collect()
}

/// Where the batches are that stream mappings gave up on, under the keys that S3 would have.
pub fn failures(directory: &Path) -> PathBuf {
    directory.join("failures")
}

/// Where emails are written.
pub fn outbox(directory: &Path) -> PathBuf {
    directory.join("outbox")
}
