//! What notifications' functions stand on.

use std::sync::Arc;
use std::time::Duration;

use annals_aws::Ses;
use annals_kit::{Aggregate, Clock, Ids};
use annals_lambda::api::ApiClient;
use annals_lambda::web::TcpWeb;
use annals_lambda::{Host, Metrics, Web, variable};
use annals_log::{Log, LogConfig, Streams};
use annals_reads::Reads;
use notifications::devices::Devices;
use notifications::note::Note;
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
    pub(crate) log: Log,
}

impl ReadDeps {
    /// read-notifications on `host`.
    pub fn new(host: &Host) -> Self {
        Self { reads: Reads::new(host.account.dynamodb(), access_patterns::notifications()), log: log(host) }
    }
}

/// What a function stands on that keeps something of people for them.
pub struct KeepDeps<A: Aggregate> {
    pub(crate) streams: Streams<A>,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

/// What keep-preferences stands on.
pub type PreferenceDeps = KeepDeps<Preferences>;
/// What keep-inbox stands on.
pub type KeepInboxDeps = KeepDeps<Note>;

impl<A: Aggregate> KeepDeps<A> {
    /// The function on `host`.
    pub fn new(host: &Host) -> Self {
        let (metrics, clock, ids) = (host.metrics.clone(), host.clock.clone(), host.ids.clone());
        Self { streams: Streams::new(log(host)), metrics, clock, ids }
    }
}

/// What keep-devices stands on.
pub struct DeviceDeps {
    pub(crate) kept: KeepDeps<Devices>,
    pub(crate) sns: aws_sdk_sns::Client,
    /// The SNS platform application that devices are added to.
    pub(crate) application: String,
}

impl DeviceDeps {
    /// keep-devices on `host`, adding devices to this SNS platform application.
    pub fn new(host: &Host, application: &str) -> Self {
        Self { kept: KeepDeps::new(host), sns: host.account.sns(), application: application.to_owned() }
    }

    /// The same with the settings of its environment: `ANNALS_PUSH_APPLICATION`.
    pub fn from_env(host: &Host) -> Result<Self, lambda_runtime::Error> {
        Ok(Self::new(host, &variable("ANNALS_PUSH_APPLICATION")?))
    }
}

/// What forget-devices stands on.
pub struct ForgetDeps {
    pub(crate) devices: Streams<Devices>,
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) metrics: Arc<dyn Metrics>,
}

impl ForgetDeps {
    /// forget-devices on `host`.
    pub fn new(host: &Host) -> Self {
        Self { devices: Streams::new(log(host)), sns: host.account.sns(), metrics: host.metrics.clone() }
    }
}

/// What send-push stands on.
pub struct PushDeps {
    pub(crate) notes: Streams<Note>,
    pub(crate) devices: Streams<Devices>,
    pub(crate) preferences: Streams<Preferences>,
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl PushDeps {
    /// send-push on `host`.
    pub fn new(host: &Host) -> Self {
        let (metrics, clock) = (host.metrics.clone(), host.clock.clone());
        let (notes, devices, preferences) = (Streams::new(log(host)), Streams::new(log(host)), Streams::new(log(host)));
        Self { notes, devices, preferences, sns: host.account.sns(), metrics, clock }
    }
}

/// What add-to-inbox stands on.
pub struct InboxDeps {
    pub(crate) notes: Streams<Note>,
    pub(crate) preferences: Streams<Preferences>,
    pub(crate) identity: IdentityApi,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl InboxDeps {
    /// add-to-inbox on `host`, asking identity over `web`, where its API is and with this key.
    pub fn new(host: &Host, web: Arc<dyn Web>, identity_url: &str, identity_key: &str) -> Self {
        let identity = IdentityApi(ApiClient::new(web, identity_url, identity_key, IDENTITY_TIMEOUT));
        let (metrics, clock) = (host.metrics.clone(), host.clock.clone());
        Self { notes: Streams::new(log(host)), preferences: Streams::new(log(host)), identity, metrics, clock }
    }

    /// The same with the settings of its environment: `ANNALS_IDENTITY_URL`, `ANNALS_IDENTITY_KEY`.
    pub fn from_env(host: &Host) -> Result<Self, lambda_runtime::Error> {
        let url = variable("ANNALS_IDENTITY_URL")?;
        let web = Arc::new(TcpWeb::to(&url)?);
        Ok(Self::new(host, web, &url, &variable("ANNALS_IDENTITY_KEY")?))
    }
}

/// The log of notifications.
fn log(host: &Host) -> Log {
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), access_patterns::notifications());
    Log::new(dynamodb, reads, LogConfig::new("notifications-log").restored(host.generation), host.clock.clone(), host.ids.clone())
}

/// What send-email stands on.
pub struct Deps {
    pub(crate) notes: Streams<Note>,
    pub(crate) preferences: Streams<Preferences>,
    pub(crate) ses: Ses,
    pub(crate) identity: IdentityApi,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<dyn Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Deps {
    /// send-email on `host`, asking other services over `web`.
    pub fn new(host: &Host, web: Arc<dyn Web>, settings: Settings) -> Self {
        let identity = IdentityApi(ApiClient::new(web, &settings.identity_url, &settings.identity_key, IDENTITY_TIMEOUT));
        let (metrics, clock) = (host.metrics.clone(), host.clock.clone());
        Self {
            notes: Streams::new(log(host)),
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
