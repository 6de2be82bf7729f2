//! What billing's functions stand on; the secrets and the vault are process-webhook's alone.

use std::sync::Arc;

use annals_kit::{Clock, Ids, Tenant};
use annals_lambda::{Host, Metrics, variable};
use annals_log::{AccessLog, Log, LogConfig, Streams};
use annals_reads::Reads;
use annals_vault::Vault;
use billing::invoice::Invoice;
use billing::price_book::Plan;
use billing::subscription::Subscription;
use billing::webhook::Webhook;

/// The name of the service, in metrics.
pub(crate) const SERVICE: &str = "billing";

/// Clients, streams, clock and ids.
pub struct Deps {
    pub(crate) subscriptions: Streams<Subscription>,
    pub(crate) invoices: Streams<Invoice>,
    pub(crate) plans: Streams<Plan>,
    pub(crate) access: AccessLog,
    pub(crate) reads: Reads,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl Deps {
    /// Billing on `host`.
    pub fn new(host: &Host) -> Self {
        let (log, reads) = log(host);
        Self {
            subscriptions: Streams::new(log.clone()),
            invoices: Streams::new(log.clone()),
            plans: Streams::new(log.clone()),
            access: AccessLog::new(log),
            reads,
            metrics: host.metrics.clone(),
            clock: host.clock.clone(),
            ids: host.ids.clone(),
        }
    }
}

/// What differs for process-webhook from one installation to the next.
#[derive(Clone)]
pub struct WebhookSettings {
    /// Whose payments the provider's webhooks tell of.
    pub tenant: Tenant,
    /// The secret that the provider signs them with.
    pub secret: String,
    /// The KMS key that wraps person keys, by id or alias.
    pub vault_key: String,
}

/// What process-webhook stands on beside the rest.
pub struct WebhookDeps {
    pub(crate) billing: Deps,
    pub(crate) webhooks: Streams<Webhook>,
    pub(crate) vault: Vault,
    pub(crate) settings: WebhookSettings,
}

impl WebhookDeps {
    /// process-webhook on `host`.
    pub fn new(host: &Host, settings: WebhookSettings) -> Self {
        let (log, reads) = log(host);
        let (dynamodb, kms) = (host.account.dynamodb(), host.account.kms());
        let vault = Vault::new(dynamodb, kms, reads, ("billing-vault", &settings.vault_key), host.clock.clone(), host.ids.clone());
        Self { billing: Deps::new(host), webhooks: Streams::new(log), vault, settings }
    }

    /// The same with the settings of its environment: `ANNALS_WEBHOOK_TENANT`, `ANNALS_WEBHOOK_SECRET`, `ANNALS_VAULT_KEY`.
    pub fn from_env(host: &Host) -> Result<Self, lambda_runtime::Error> {
        let settings = WebhookSettings {
            tenant: variable("ANNALS_WEBHOOK_TENANT")?.parse()?,
            secret: variable("ANNALS_WEBHOOK_SECRET")?,
            vault_key: variable("ANNALS_VAULT_KEY")?,
        };
        Ok(Self::new(host, settings))
    }
}

fn log(host: &Host) -> (Log, Reads) {
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), access_patterns::billing());
    let log = Log::new(
        dynamodb,
        reads.clone(),
        LogConfig::new("subscriptions-log").restored(host.generation),
        host.clock.clone(),
        host.ids.clone(),
    );
    (log, reads)
}
