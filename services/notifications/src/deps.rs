//! What notifications' functions stand on.

use std::sync::Arc;

use annals_kit::Clock;
use annals_lambda::web::TcpWeb;
use annals_lambda::{Host, Metrics, Web, variable};
use annals_log::{Log, LogConfig, Streams};
use annals_reads::Reads;
use notifications::email::Email;

use crate::contacts::Contacts;

/// The name of the service, in metrics.
pub(crate) const SERVICE: &str = "notifications";

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

/// Clients, streams, clock.
pub struct Deps {
    pub(crate) emails: Streams<Email>,
    pub(crate) ses: aws_sdk_sesv2::Client,
    pub(crate) contacts: Contacts,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Deps {
    /// Notifications on `host`, asking other services over `web`.
    pub fn new(host: &Host, web: Arc<dyn Web>, settings: Settings) -> Self {
        let dynamodb = host.account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::notifications());
        let log = Log::new(dynamodb, reads, LogConfig::new("notifications-log"), host.clock.clone(), host.ids.clone());
        let contacts = Contacts::new(web, settings.identity_url.clone(), settings.identity_key.clone());
        let (metrics, clock) = (host.metrics.clone(), host.clock.clone());
        Self { emails: Streams::new(log), ses: host.account.ses(), contacts, settings, metrics, clock }
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
