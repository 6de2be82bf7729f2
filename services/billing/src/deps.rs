//! What billing's functions stand on.

use std::sync::Arc;

use annals_kit::{Clock, Ids, Tenant};
use annals_lambda::{Account, Metrics, variable};
use annals_log::{AccessLog, Log, LogConfig, Streams};
use annals_reads::Reads;
use annals_vault::Vault;
use billing::invoice::Invoice;
use billing::subscription::Subscription;
use billing::webhook::Webhook;

/// The name of the service, in metrics.
pub(crate) const SERVICE: &str = "billing";

/// What differs from one installation to the next.
#[derive(Clone)]
pub struct Settings {
    /// Whose payments the provider's webhooks tell of.
    pub webhook_tenant: Tenant,
    /// The secret that the provider signs them with.
    pub webhook_secret: String,
    /// The KMS key that wraps person keys, by id or alias.
    pub vault_key: String,
}

/// Clients, streams, clock and ids.
pub struct Deps {
    pub(crate) subscriptions: Streams<Subscription>,
    pub(crate) invoices: Streams<Invoice>,
    pub(crate) webhooks: Streams<Webhook>,
    pub(crate) access: AccessLog,
    pub(crate) reads: Reads,
    pub(crate) vault: Vault,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl Deps {
    /// Billing in `account`.
    pub fn new(account: &Account, settings: Settings, metrics: Arc<dyn Metrics>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let dynamodb = account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::billing());
        let log = Log::new(dynamodb.clone(), reads.clone(), LogConfig::new("subscriptions-log"), clock.clone(), ids.clone());
        Self {
            subscriptions: Streams::new(log.clone()),
            invoices: Streams::new(log.clone()),
            webhooks: Streams::new(log.clone()),
            access: AccessLog::new(log),
            vault: Vault::new(dynamodb, account.kms(), reads.clone(), ("billing-vault", &settings.vault_key), clock.clone(), ids.clone()),
            reads,
            settings,
            metrics,
            clock,
            ids,
        }
    }

    /// Billing as a Lambda function finds it in its environment: `ANNALS_WEBHOOK_TENANT`, `ANNALS_WEBHOOK_SECRET`, `ANNALS_VAULT_KEY`.
    pub fn from_env() -> Result<Self, lambda_runtime::Error> {
        use annals_lambda::machine::{MachineClock, MachineIds};
        let settings = Settings {
            webhook_tenant: variable("ANNALS_WEBHOOK_TENANT")?.parse()?,
            webhook_secret: variable("ANNALS_WEBHOOK_SECRET")?,
            vault_key: variable("ANNALS_VAULT_KEY")?,
        };
        let metrics = Arc::new(annals_lambda::metrics::EmbeddedMetrics::new(MachineClock));
        Ok(Self::new(&Account::from_env()?, settings, metrics, Arc::new(MachineClock), Arc::new(MachineIds)))
    }
}
