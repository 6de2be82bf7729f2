//! Which function hangs on which route, stream, rule and queue.

use std::sync::Arc;
use std::time::Duration;

use annals_kit::{Clock, Ids};
use annals_lambda::{Host, Metrics};
use annals_local::{Config, Function, FunctionError, Queue, QueueMapping, Route, Rule, StreamMapping, Target};
use lambda_runtime::LambdaEvent;
use serde_json::json;

use super::metrics::LocalMetrics;
use super::{System, identity};

/// The bus of all services.
const BUS: &str = "annals";
/// Whose payments the provider's webhooks tell of.
const TENANT: &str = "demo";
/// The key that wraps person keys, and the id behind that name.
const VAULT_KEY: &str = "alias/vault";
pub(super) const VAULT_KEY_ID: &str = "vault";
/// Whom emails come from.
pub(super) const MAIL_FROM: &str = "billing@annals.example";
/// How long sending one batch of emails may take; it is also the lease of each.
const SEND_EMAIL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stream keeps its records.
const STREAM_KEEPS: Duration = Duration::from_secs(24 * 3600);

/// A function of a service.
pub(super) struct Listed {
    pub name: &'static str,
    pub service: &'static str,
    /// The crate that its binary is in.
    pub package: &'static str,
    pub timeout: Duration,
    /// What it needs in its environment beside what Lambda sets.
    pub variables: &'static [&'static str],
}

/// Every function of every service. Stand-ins of this machine are none: they have no binary.
pub(super) const FUNCTIONS: [Listed; 7] = [
    listed("create-subscription", "billing", "billing-service", &[]),
    listed("generate-invoice", "billing", "billing-service", &[]),
    listed("process-webhook", "billing", "billing-service", &["ANNALS_WEBHOOK_TENANT", "ANNALS_WEBHOOK_SECRET", "ANNALS_VAULT_KEY"]),
    listed("read-billing", "billing", "billing-service", &[]),
    listed("billing-projector", "billing", "billing-projectors", &["ANNALS_BUS"]),
    listed("notifications-projector", "notifications", "notifications-projectors", &["ANNALS_BUS"]),
    Listed {
        timeout: SEND_EMAIL_TIMEOUT,
        ..listed("send-email", "notifications", "notifications-service", &["ANNALS_IDENTITY_URL", "ANNALS_MAIL_FROM"])
    },
];

const fn listed(name: &'static str, service: &'static str, package: &'static str, variables: &'static [&'static str]) -> Listed {
    Listed { name, service, package, timeout: Duration::from_secs(30), variables }
}

/// The value of a function's environment variable on this machine.
pub(super) fn variable(name: &str, system: &System, api: &str) -> String {
    match name {
        "ANNALS_BUS" => BUS,
        "ANNALS_IDENTITY_URL" => api,
        "ANNALS_MAIL_FROM" => MAIL_FROM,
        "ANNALS_VAULT_KEY" => VAULT_KEY,
        "ANNALS_WEBHOOK_SECRET" => system.credentials().webhook_secret(),
        "ANNALS_WEBHOOK_TENANT" => TENANT,
        other => unreachable!("{other} is none of the variables of FUNCTIONS"),
    }
    .to_owned()
}

/// Routes, streams, rules and queues.
pub(super) fn connect(config: &mut Config) {
    config.routes = vec![
        Route::new("POST", "/v1/subscriptions", "create-subscription"),
        Route::new("POST", "/v1/subscriptions/{id}/invoices", "generate-invoice"),
        Route::new("POST", "/v1/webhooks/stripe", "process-webhook"),
        Route::new("GET", "/v1/subscriptions/{id}", "read-billing"),
        Route::new("GET", "/v1/subscriptions/{id}/invoices", "read-billing"),
        Route::new("GET", "/v1/customers/{id}/subscriptions", "read-billing"),
        Route::new("GET", "/v1/invoices/{id}", "read-billing"),
        Route::new("GET", "/v1/webhooks", "read-billing"),
        Route::new("GET", "/v1/contacts/{customer}", "identity-contact"),
        Route::new("GET", "/local/alarms", "local-alarms"),
    ];
    config.stream_mappings = [("billing-projector", "subscriptions-log"), ("notifications-projector", "notifications-log")]
        .map(|(function, log)| {
            // Poison parks by itself: what fails is the table or the bus, and an outage must not use up tries. Until the reconciler
            // exists, a batch is tried for as long as the stream keeps its records.
            StreamMapping { max_retries: None, max_record_age: Some(STREAM_KEEPS), ..StreamMapping::new(function, log, function) }
        })
        .into();
    let mut emails = Queue::new("send-email", Some("send-email-dlq"));
    emails.visibility_timeout = SEND_EMAIL_TIMEOUT * 6;
    let letters = ["send-email-dlq", "payment-received-dlq", "payment-failed-dlq"];
    config.queues = [emails].into_iter().chain(letters.map(|name| Queue::new(name, None))).collect();
    let mut send_email = QueueMapping::new("send-email", "send-email", "send-email");
    // A sender that died keeps its lease for as long as it might have run: the next try comes after that.
    send_email.backoff = SEND_EMAIL_TIMEOUT;
    config.queue_mappings = vec![send_email];
    config.rules = vec![payment_rule("payment-received", "PAYMENT_RECEIVED"), payment_rule("payment-failed", "PAYMENT_FAILED")];
}

fn payment_rule(name: &str, event_type: &str) -> Rule {
    Rule {
        name: name.into(),
        bus: BUS.into(),
        pattern: json!({ "source": ["billing"], "detail-type": [event_type] }),
        targets: vec![Target::new("send-email", Some(&format!("{name}-dlq")))],
    }
}

/// A handler as a function of the local account: the same JSON in and out as on Lambda.
macro_rules! function {
    ($name:literal, $deps:expr, $handle:path) => {{
        let deps = $deps.clone();
        Function::new($name, move |event, context| {
            let deps = deps.clone();
            async move {
                let failed = |kind: &str, error: &dyn std::fmt::Display| FunctionError { kind: kind.into(), message: error.to_string() };
                let payload = serde_json::from_value(event).map_err(|error| failed("Runtime.UnmarshalError", &error))?;
                let answer = $handle(LambdaEvent::new(payload, context), &deps).await.map_err(|error| failed("Function.Error", &error))?;
                serde_json::to_value(answer).map_err(|error| failed("Runtime.MarshalError", &error))
            }
        })
    }};
}

/// Every function, each with the clients of its own role.
pub(super) fn install(system: &System, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) {
    let local = system.local();
    let metrics: Arc<dyn Metrics> = Arc::new(LocalMetrics(local.clone()));
    let host = |function| Host { account: system.account(function), metrics: metrics.clone(), clock: clock.clone(), ids: ids.clone() };
    let billing = |function| Arc::new(billing_service::Deps::new(&host(function)));
    let settings = billing_service::WebhookSettings {
        tenant: TENANT.parse().expect("demo is a tenant"),
        secret: system.credentials().webhook_secret().to_owned(),
        vault_key: VAULT_KEY.into(),
    };
    let webhook = Arc::new(billing_service::WebhookDeps::new(&host("process-webhook"), settings));
    local.install(function!("create-subscription", billing("create-subscription"), billing_service::create_subscription::handle));
    local.install(function!("generate-invoice", billing("generate-invoice"), billing_service::generate_invoice::handle));
    local.install(function!("process-webhook", webhook, billing_service::process_webhook::handle));
    local.install(function!("read-billing", billing("read-billing"), billing_service::read::handle));

    let projector = billing_projectors::projector(&host("billing-projector"), BUS);
    local.install(function!("billing-projector", Arc::new(projector), annals_projection::handle));
    let projector = notifications_projectors::projector(&host("notifications-projector"), BUS);
    local.install(function!("notifications-projector", Arc::new(projector), annals_projection::handle));

    let settings = notifications_service::Settings { identity_url: identity::API.into(), from: MAIL_FROM.into() };
    let emails = notifications_service::Deps::new(&host("send-email"), system.web(), settings);
    let send_email = function!("send-email", Arc::new(emails), notifications_service::send_email::handle);
    local.install(send_email.with_timeout(SEND_EMAIL_TIMEOUT));

    local.install(function!("identity-contact", Arc::new(()), identity::contact));
    local.install(function!("local-alarms", Arc::new(local.clone()), super::alarms::list));
}
