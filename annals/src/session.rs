//! How a command reaches the system: the one that runs on the data directory or, where none runs, one of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Generation, Ids};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_lambda::web::TcpWeb;
use annals_lambda::{Account, Host, Metric, Metrics, Web};
use annals_local::{Durability, OpenError, Running, Store, Trim};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::system::{Credentials, IN_PROCESS_API, Ledgers, Options, REGION, System, SystemError};

/// Where a running system listens, as it writes it into its data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The process.
    pub process: u32,
    /// The HTTP API.
    pub api: String,
    /// AWS.
    pub aws: String,
}

impl Listening {
    fn file(directory: &Path) -> PathBuf {
        directory.join("running.json")
    }

    /// Says where this process listens.
    pub fn write(&self, directory: &Path) -> std::io::Result<()> {
        std::fs::write(Self::file(directory), serde_json::to_vec_pretty(self)?)
    }

    /// Takes back what was said.
    pub fn remove(directory: &Path) {
        // A file left behind names a process that no longer holds the lock, which is what counts.
        let _ = std::fs::remove_file(Self::file(directory));
    }

    fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::file(directory)).ok()?).ok()
    }
}

/// A way to the system of one data directory.
pub enum Session {
    /// Another process runs it.
    Remote {
        /// Where it listens.
        listening: Listening,
        /// Its secrets.
        credentials: Credentials,
        /// The keys and proofs of its ledgers.
        ledgers: Ledgers,
        /// HTTP on this machine.
        web: Arc<dyn Web>,
    },
    /// This process runs it, for as long as the command takes.
    Own {
        /// The system.
        system: System,
        /// Its deliveries; none where it is only looked at.
        running: Option<Running>,
    },
}

/// No way to the system.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It does not open.
    #[error(transparent)]
    System(#[from] SystemError),
    /// It runs, but does not say where it listens.
    #[error("process {process} holds {directory} but does not say where it listens: it may be starting or stopping; try again")]
    Silent {
        /// The directory.
        directory: PathBuf,
        /// The process.
        process: String,
    },
}

/// A command is asked by a person, who reads what it finds.
struct NotCounted;

impl Metrics for NotCounted {
    fn count(&self, _: &'static str, _: Metric, _: u64, _: &str) {}

    fn time(&self, _: &'static str, _: Metric, _: TimeDelta, _: &str) {}
}

/// How often a system that is just starting or stopping is asked again, a tenth of a second apart.
const PATIENCE: u32 = 30;

impl Session {
    /// The system of `directory`. One of our own delivers what is open.
    pub async fn open(directory: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, SessionError> {
        let mut session = Self::open_still(directory, clock, ids).await?;
        if let Self::Own { system, running } = &mut session {
            *running = Some(system.local().start());
            system.found_demo().await?;
        }
        Ok(session)
    }

    /// The system of `directory`. One of our own delivers nothing: what waits in it can be seen.
    pub async fn open_still(directory: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, SessionError> {
        let mut process = String::new();
        for _ in 0..PATIENCE {
            let store = Store::Directory(directory.to_owned());
            let options = Options {
                store,
                durability: Durability::Process,
                clock: clock.clone(),
                ids: ids.clone(),
                trim: Trim::OncePassed,
                faults: None,
            };
            match System::open(options).await {
                Ok(system) => return Ok(Self::Own { system, running: None }),
                Err(SystemError::Open(OpenError::InUse { process: holder, .. })) => {
                    // The one that listens must be the one that holds the directory: an old file may name another.
                    if let Some(listening) = Listening::read(directory).filter(|said| said.process.to_string() == holder.trim()) {
                        let credentials = Credentials::of(directory, &*ids)?;
                        let ledgers = Ledgers::of(directory, &*ids)?;
                        return Ok(Self::Remote { listening, credentials, ledgers, web: Arc::new(TcpWeb::loopback()) });
                    }
                    process = holder;
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(SessionError::Silent { directory: directory.to_owned(), process })
    }

    /// A system that someone else opened in this process, and delivers or not.
    pub fn of(system: System) -> Self {
        Self::Own { system, running: None }
    }

    /// AWS as `role` reaches it.
    pub fn account(&self, role: &str) -> Account {
        match self {
            Self::Own { system, .. } => system.account(role),
            Self::Remote { listening, credentials, .. } => {
                let pair = credentials.role(role);
                let credentials = aws_credential_types::Credentials::from_keys(&pair.id, &pair.secret, None);
                let endpoint = Some(listening.aws.clone());
                Account { endpoint, ..Account::new(annals_lambda::clients::loopback(), credentials, REGION) }
            }
        }
    }

    /// SQS as `role` reaches it. It does not retry: a command says what failed.
    pub fn sqs(&self, role: &str) -> aws_sdk_sqs::Client {
        let account = self.account(role);
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .http_client(account.http)
            .credentials_provider(account.credentials)
            .region(aws_sdk_sqs::config::Region::new(account.region))
            .retry_config(aws_sdk_sqs::config::retry::RetryConfig::disabled());
        config.set_endpoint_url(account.endpoint);
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// HTTP, and where the API is.
    pub fn api(&self) -> (Arc<dyn Web>, &str) {
        match self {
            Self::Own { system, .. } => (system.web(), IN_PROCESS_API),
            Self::Remote { listening, web, .. } => (web.clone(), &listening.api),
        }
    }

    /// The secrets.
    pub fn credentials(&self) -> &Credentials {
        match self {
            Self::Own { system, .. } => system.credentials(),
            Self::Remote { credentials, .. } => credentials,
        }
    }

    /// Lets a system of our own finish what it found undone; one that runs elsewhere is at work anyway.
    pub async fn settle(&self) {
        if let Self::Own { system, .. } = self {
            system.local().settle().await;
        }
    }

    /// What code of the functions stands on when a command runs it as `role`.
    pub fn host(&self, role: &str) -> Host {
        let (clock, ids) = (Arc::new(MachineClock), Arc::new(MachineIds));
        Host { account: self.account(role), metrics: Arc::new(NotCounted), clock, ids, generation: Generation::default() }
    }

    /// The keys and proofs of the ledgers.
    pub fn ledgers(&self) -> Ledgers {
        match self {
            Self::Own { system, .. } => system.ledgers(),
            Self::Remote { ledgers, .. } => ledgers.clone(),
        }
    }

    /// Has a system of our own sign what its ledgers have got; one that runs elsewhere signs every minute.
    pub async fn sign(&self) {
        if let Self::Own { system, running: Some(_) } = self {
            system.sign().await;
        }
    }

    /// Ends the session. A system of our own first finishes what the command has set going, and signs it.
    pub async fn close(self) {
        if let Self::Own { system, running: Some(running) } = self {
            system.local().settle().await;
            system.sign().await;
            running.stop().await;
        }
    }
}
