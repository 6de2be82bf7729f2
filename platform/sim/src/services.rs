//! The functions of the three services on the simulated machine.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use annals_kit::Generation;
use annals_lambda::Host;
use annals_ledger::Sequencer;
use annals_ledger::checkpoint::{LedgerKey, Origin};
use annals_ledger::objects::{Memory, Objects};
use annals_log::{Log, LogConfig, Streams};
use annals_projection::{Projector, Reconciliation};
use annals_reads::Reads;
use billing::invoice::Invoice;
use billing::price_book::Plan;
use billing::subscription::Subscription;

use crate::delivery::Mappings;
use crate::functions::Function;
use crate::network::Network;
use crate::revisions::{BUS, billing};

/// The matrices of the services, in the order of [`Service::ALL`].
pub fn matrices() -> [Arc<access_patterns::Matrix>; 3] {
    [access_patterns::billing(), access_patterns::identity(), access_patterns::notifications()]
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Subscriptions, invoices, payments.
    Billing,
    /// People and organisations.
    Identity,
    /// Emails.
    Notifications,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Billing, Self::Identity, Self::Notifications];

    /// Its log.
    pub fn log(self) -> &'static str {
        ["subscriptions-log", "users-log", "notifications-log"][self as usize]
    }

    /// Its read models.
    pub fn rows(self) -> &'static str {
        ["subscriptions", "users", "notifications"][self as usize]
    }

    /// Its ledger.
    pub fn ledger(self) -> &'static str {
        ["subscriptions-ledger", "users-ledger", "notifications-ledger"][self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        ["billing", "identity", "notifications"][self as usize]
    }

    /// Its matrix.
    pub fn matrix(self) -> Arc<access_patterns::Matrix> {
        matrices()[self as usize].clone()
    }

    /// Its projector, of a release.
    pub fn projector(self, host: &Host, release: u32) -> Projector {
        match self {
            Self::Billing => billing(host, release),
            Self::Identity => identity_projectors::projector(host, BUS),
            Self::Notifications => notifications_projectors::projector(host, BUS),
        }
    }

    fn sequencer(self, host: &Host) -> Sequencer {
        annals_ledger::function::sequencer(host, self.ledger(), self.matrix())
    }

    fn reconciliation(self, host: &Host, release: u32) -> Reconciliation {
        let projector = self.projector(host, release);
        let followers = projector.followers().to_vec();
        let reconciliation = Reconciliation::new(host, self.name(), self.log(), self.matrix()).with_pages_of(17).feeding(projector);
        let feed = annals_ledger::function::feed(host, self.ledger(), self.log(), self.matrix());
        followers.into_iter().fold(reconciliation, Reconciliation::feeding).feeding(feed)
    }
}

/// The functions on one service's log.
pub struct Pipeline {
    /// The service.
    pub service: Service,
    /// Rows and bus.
    pub projector: Function<Projector>,
    /// The ledger.
    pub sequencer: Function<Sequencer>,
    /// What finds what the stream has lost.
    pub reconciler: Function<Reconciliation>,
    /// The stream.
    pub mappings: Arc<Mappings>,
    release: Arc<AtomicU32>,
    signed: Mutex<(u32, Arc<Memory>)>,
}

impl Pipeline {
    /// The functions of `service`; nothing is read yet.
    pub fn new(service: Service, network: &Arc<Network>, after: u64) -> Self {
        let release = Arc::new(AtomicU32::new(0));
        let mappings = Arc::new(Mappings::new(network.clone(), service.log(), after));
        let of = |release: &Arc<AtomicU32>| {
            let release = release.clone();
            move || release.load(Ordering::Relaxed)
        };
        let (now, then, failures) = (of(&release), of(&release), mappings.clone());
        Self {
            service,
            projector: Function::new("projector", move |host| service.projector(host, now())),
            sequencer: Function::new("ledger", move |host| service.sequencer(host)),
            reconciler: Function::new("reconciler", move |host| service.reconciliation(host, then()).with_failures(failures.clone())),
            mappings,
            release,
            signed: Mutex::default(),
        }
    }

    /// Which release of the projections is deployed.
    pub fn release(&self) -> u32 {
        self.release.load(Ordering::Relaxed)
    }

    /// Rolls the next release out; returns when the old one has done its last batch: only then may a walk make all rows again (docs/model.md).
    pub async fn deploy(&self) {
        self.release.store(1, Ordering::Relaxed);
        self.projector.retire();
        self.reconciler.retire();
        self.projector.has_retired().await;
    }

    /// Deploys all of them anew: what they remember is not so any more.
    pub fn retire(&self) {
        self.projector.retire();
        self.sequencer.retire();
        self.reconciler.retire();
    }

    /// Begins another ledger, in the next generation.
    pub fn restore(&self) {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        *signed = (signed.0 + 1, Arc::default());
        self.retire();
    }

    /// Where the ledger's checkpoints are kept, and what signs them.
    pub fn signing(&self) -> (Arc<dyn Objects>, LedgerKey) {
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = Origin::new("sim.example", self.service.name(), Generation(signed.0));
        (signed.1.clone(), LedgerKey::generate(origin, &annals_kit::ids::SeededIds::new(u64::from(signed.0))))
    }
}

/// The command functions of billing.
pub struct Commands {
    /// Subscriptions.
    pub subscriptions: Streams<Subscription>,
    /// Invoices.
    pub invoices: Streams<Invoice>,
    /// The price book.
    pub plans: Streams<Plan>,
}

impl Commands {
    /// On this host, writing in a generation.
    pub fn new(host: &Host, generation: u32) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::billing());
        let config = LogConfig {
            generation: Generation(generation),
            snapshot_after_commits: 8,
            snapshot_after_bytes: 4096,
            ..LogConfig::new(Service::Billing.log())
        };
        let log = Log::new(dynamodb, reads, config, host.clock.clone(), host.ids.clone());
        Self { subscriptions: Streams::new(log.clone()), invoices: Streams::new(log.clone()), plans: Streams::new(log) }
    }
}

/// Identity's functions on this host.
pub fn identity(host: &Host) -> identity_service::Deps {
    let settings = identity_service::Settings {
        vault_key: crate::world::VAULT_KEY.into(),
        hash_key: "hash".into(),
        public_url: "https://app.example".into(),
    };
    identity_service::Deps::new(host, settings)
}

/// A log read with nothing in the way.
pub fn log_of(service: Service, host: &Host) -> Log {
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), service.matrix());
    Log::new(dynamodb, reads, LogConfig::new(service.log()), host.clock.clone(), host.ids.clone())
}
