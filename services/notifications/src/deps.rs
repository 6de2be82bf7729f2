//! What notifications' functions stand on.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Ids};
use annals_lambda::api::ApiClient;
use annals_lambda::web::TcpWeb;
use annals_lambda::{Host, Metrics, Web, variable};
use annals_log::{Log, LogConfig, Streams};
use annals_reads::Reads;
use notifications::email::Email;
use notifications::preferences::Preferences;

use crate::identity_api::IdentityApi;

/// The name of the service, in metrics.
pub(crate) const SERVICE: &str = "notifications";
/// How long identity may take: a batch of ten must fit the function's ten seconds when one hangs.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(2);

/// What differs from one installation to the next.
#[derive(Clone)]
pub struct Settings {
    /// Where identity's API is, such as `https://api.example.com`.
    pub identity_url: String,
    /// What proves to identity that this service asks.
    pub identity_key: String,
    /// Whom emails come from.
    pub from: String,
}

/// What read-notifications stands on.
pub struct ReadDeps {
    pub(crate) reads: Reads,
}

impl ReadDeps {
    /// read-notifications on `host`.
    pub fn new(host: &Host) -> Self {
        Self { reads: Reads::new(host.account.dynamodb(), access_patterns::notifications()) }
    }
}

/// What keep-preferences stands on.
pub struct PreferenceDeps {
    pub(crate) preferences: Streams<Preferences>,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

impl PreferenceDeps {
    /// keep-preferences on `host`.
    pub fn new(host: &Host) -> Self {
        let (metrics, clock, ids) = (host.metrics.clone(), host.clock.clone(), host.ids.clone());
        Self { preferences: Streams::new(log(host)), metrics, clock, ids }
    }
}

/// The log of notifications.
fn log(host: &Host) -> Log {
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), access_patterns::notifications());
    Log::new(dynamodb, reads, LogConfig::new("notifications-log").restored(host.generation), host.clock.clone(), host.ids.clone())
}

/// Clients, streams, clock.
pub struct Deps {
    pub(crate) emails: Streams<Email>,
    pub(crate) preferences: Streams<Preferences>,
    pub(crate) ses: aws_sdk_sesv2::Client,
    pub(crate) identity: IdentityApi,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Deps {
    /// Notifications on `host`, asking other services over `web`.
    pub fn new(host: &Host, web: Arc<dyn Web>, settings: Settings) -> Self {
        let identity = IdentityApi(ApiClient::new(web, &settings.identity_url, &settings.identity_key, IDENTITY_TIMEOUT));
        let (metrics, clock) = (host.metrics.clone(), host.clock.clone());
        Self {
            emails: Streams::new(log(host)),
            preferences: Streams::new(log(host)),
            ses: host.account.ses(),
            identity,
            settings,
            metrics,
            clock,
        }
    }

    /// The same with the settings of its environment: `ANNALS_IDENTITY_URL`, `ANNALS_IDENTITY_KEY`, `ANNALS_MAIL_FROM`.
    pub fn from_env(host: &Host) -> Result<Self, lambda_runtime::Error> {
        let settings = Settings {
            identity_url: variable("ANNALS_IDENTITY_URL")?,
            identity_key: variable("ANNALS_IDENTITY_KEY")?,
            from: variable("ANNALS_MAIL_FROM")?,
        };
        let web = Arc::new(TcpWeb::to(&settings.identity_url)?);
        Ok(Self::new(host, web, settings))
    }
}
