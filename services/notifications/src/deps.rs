//! What notifications' functions stand on.

use std::sync::Arc;

use annals_kit::{Clock, Ids};
use annals_lambda::{Account, Metrics, Web, variable};
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
    /// Whom emails come from.
    pub from: String,
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
    /// Notifications in `account`, asking other services over `web`.
    pub fn new(
        account: &Account,
        web: Arc<dyn Web>,
        settings: Settings,
        metrics: Arc<dyn Metrics>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let dynamodb = account.dynamodb();
        let reads = Reads::new(dynamodb.clone(), access_patterns::notifications());
        let log = Log::new(dynamodb, reads, LogConfig::new("notifications-log"), clock.clone(), ids);
        let contacts = Contacts::new(web, settings.identity_url.clone());
        Self { emails: Streams::new(log), ses: account.ses(), contacts, settings, metrics, clock }
    }

    /// Notifications as a Lambda function finds it in its environment: `ANNALS_IDENTITY_URL`, `ANNALS_MAIL_FROM`.
    pub fn from_env() -> Result<Self, lambda_runtime::Error> {
        use annals_lambda::machine::{MachineClock, MachineIds};
        let settings = Settings { identity_url: variable("ANNALS_IDENTITY_URL")?, from: variable("ANNALS_MAIL_FROM")? };
        let metrics = Arc::new(annals_lambda::metrics::EmbeddedMetrics::new(MachineClock));
        let web = Arc::new(annals_lambda::web::TcpWeb::new()?);
        Ok(Self::new(&Account::from_env()?, web, settings, metrics, Arc::new(MachineClock), Arc::new(MachineIds)))
    }
}
