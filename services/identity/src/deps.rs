//! What identity's functions stand on.

use std::sync::Arc;

use annals_kit::{Clock, Generation, Ids, Tenant};
use annals_lambda::{Host, Metrics, variable};
use annals_log::{AccessLog, Log, LogConfig, Streams};
use annals_reads::Reads;
use annals_vault::Vault;
use hmac::{Hmac, Mac};
use identity::api_key::ApiKey;
use identity::claim::EmailClaim;
use identity::contact::Contact;
use identity::email::{EmailAddress, EmailHash};
use identity::erasure::Erasure;
use identity::invitation::Invitation;
use identity::organisation::Organisation;
use identity::user::User;
use sha2::Sha256;

use crate::attempts::Attempts;
use crate::safe::Safe;

/// The name of the service, in metrics.
pub(crate) const SERVICE: &str = "identity";
const LOG: &str = "users-log";
const VAULT: &str = "users-vault";

/// What differs from one installation to the next.
#[derive(Clone)]
pub struct Settings {
    /// The KMS key that wraps person keys, by id or alias.
    pub vault_key: String,
    /// The key under which addresses are hashed: who reads the log cannot try addresses.
    pub hash_key: String,
    /// Where people open links, such as `https://app.example.com`.
    pub public_url: String,
}

/// Clients, streams, secrets, clock and ids.
pub struct Deps {
    pub(crate) users: Streams<User>,
    pub(crate) claims: Streams<EmailClaim>,
    pub(crate) organisations: Streams<Organisation>,
    pub(crate) invitations: Streams<Invitation>,
    pub(crate) api_keys: Streams<ApiKey>,
    pub(crate) contacts: Streams<Contact>,
    pub(crate) erasures: Streams<Erasure>,
    pub(crate) access: AccessLog,
    pub(crate) reads: Reads,
    pub(crate) vault: Vault,
    pub(crate) safe: Safe,
    pub(crate) attempts: Attempts,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) generation: Generation,
}

impl Deps {
    /// Identity on `host`.
    pub fn new(host: &Host, settings: Settings) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::identity());
        let log =
            Log::new(dynamodb.clone(), reads.clone(), LogConfig::new(LOG).restored(host.generation), host.clock.clone(), host.ids.clone());
        let vault = Vault::new(
            dynamodb.clone(),
            host.account.kms(),
            reads.clone(),
            (VAULT, &settings.vault_key),
            host.clock.clone(),
            host.ids.clone(),
        );
        Self {
            users: Streams::new(log.clone()),
            claims: Streams::new(log.clone()),
            organisations: Streams::new(log.clone()),
            invitations: Streams::new(log.clone()),
            api_keys: Streams::new(log.clone()),
            contacts: Streams::new(log.clone()),
            erasures: Streams::new(log.clone()),
            access: AccessLog::new(log),
            safe: Safe::new(dynamodb.clone(), reads.clone(), VAULT, host.clock.clone()),
            attempts: Attempts::new(dynamodb, reads.clone(), VAULT, host.clock.clone()),
            reads,
            vault,
            settings,
            metrics: host.metrics.clone(),
            clock: host.clock.clone(),
            ids: host.ids.clone(),
            generation: host.generation,
        }
    }

    /// The same with the settings of its environment: `ANNALS_VAULT_KEY`, `ANNALS_HASH_KEY`, `ANNALS_PUBLIC_URL`.
    pub fn from_env(host: &Host) -> Result<Self, lambda_runtime::Error> {
        let settings = Settings {
            vault_key: variable("ANNALS_VAULT_KEY")?,
            hash_key: variable("ANNALS_HASH_KEY")?,
            public_url: variable("ANNALS_PUBLIC_URL")?,
        };
        Ok(Self::new(host, settings))
    }

    /// The hash by which an address is known here.
    pub(crate) fn email_hash(&self, email: &EmailAddress) -> EmailHash {
        EmailHash::new(first_half(&self.keyed("email", email.as_str().as_bytes())))
    }

    /// A digest of what a caller asked that tells nothing to who reads the log: what people write about themselves can be guessed.
    pub(crate) fn digest(&self, asked: &[u8]) -> [u8; 32] {
        self.keyed("request", asked)
    }

    /// HMAC-SHA256 of a value under the installation's key, apart for each purpose.
    pub(crate) fn keyed(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.settings.hash_key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(&[purpose.len() as u8]);
        mac.update(purpose.as_bytes());
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

/// Whose the claims of addresses are: an address has one owner among all organisations.
pub(crate) fn everyone() -> Tenant {
    "identity".parse().expect("identity is a tenant")
}

fn first_half(bytes: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| bytes[at])
}
