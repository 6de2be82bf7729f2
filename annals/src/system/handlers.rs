//! Which code is which function: what a binary's name says on AWS. Everything else about a function is in its service's contract.

use std::sync::Arc;
use std::time::Duration;

use annals_audit::function::AuditDeps;
use annals_audit::{History, Service};
use annals_contract::delivery::BUS;
use annals_kit::{Clock, Generation, Ids};
use annals_lambda::{Host, Metrics};
use annals_ledger::function::{sequence, serve, sign};
use annals_local::{Function, FunctionError};
use annals_log::{Log, LogConfig};
use annals_projection::failures::folder::Folder;
use annals_projection::reconciliation;
use annals_reads::Reads;
use lambda_runtime::LambdaEvent;

use super::contracts::Listed;
use super::credentials::Credentials;
use super::measurements::Measurements;
use super::metrics::LocalMetrics;
use super::{System, alarms, demo, openmetrics, status, ticks, web};
use crate::logs::{LOGS, ServiceLog};
use crate::states::Services;

/// Whose payments the provider's webhooks tell of.
pub(super) const TENANT: &str = "demo";
/// The key that wraps person keys, and the id behind that name.
pub(super) const VAULT_KEY: &str = "alias/vault";
pub(super) const VAULT_KEY_ID: &str = "vault";
/// Whom emails come from.
pub(super) const MAIL_FROM: &str = "billing@annals.example";

/// The service that asks identity for addresses and links.
const NOTIFICATIONS: &str = "notifications";

/// The hashes of the services' keys, as the authorizer takes them.
fn service_keys(credentials: &Credentials) -> String {
    format!("{NOTIFICATIONS}:{}", credentials.service_secret(NOTIFICATIONS).hash())
}

/// How long a tick by hand may take.
const TICK_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a question may take.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);

/// A handler as a function of the local account: the same JSON in and out as on Lambda.
macro_rules! function {
    ($name:expr, $deps:expr, $handle:path) => {{
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

/// The functions of the contracts, each with the clients of its own role.
pub(super) fn of_services(system: &System, clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Vec<Function> {
    let metrics: Arc<dyn Metrics> = Arc::new(LocalMetrics { local: system.local().clone(), store: system.store.clone() });
    let host = |function: &str| Host {
        account: system.account(function),
        metrics: metrics.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        generation: Generation::default(),
    };
    let billing = |function: &str| Arc::new(billing_service::Deps::new(&host(function)));
    let webhooks = billing_service::WebhookSettings {
        tenant: TENANT.parse().expect("demo is a tenant"),
        secret: system.credentials().webhook_secret().to_owned(),
        vault_key: VAULT_KEY.into(),
    };
    let webhooks = Arc::new(billing_service::WebhookDeps::new(&host("process-webhook"), webhooks));
    let identity = |function: &str| Arc::new(identity_service::Deps::new(&host(function), demo::settings(system.credentials())));
    let authorizer = identity_service::authorize::AuthorizeDeps::new(&host("authorize"), &service_keys(system.credentials()));
    let authorizer = Arc::new(authorizer);
    let identity_key = system.credentials().service_key(NOTIFICATIONS);
    let emails = notifications_service::Settings { identity_url: web::API.into(), identity_key, from: MAIL_FROM.into() };
    let emails = Arc::new(notifications_service::Deps::new(&host("send-email"), system.web(), emails));
    let preferences = Arc::new(notifications_service::PreferenceDeps::new(&host("keep-preferences")));
    let note_reads = Arc::new(notifications_service::ReadDeps::new(&host("read-notifications")));
    let own = [
        function!("adjust-invoice", billing("adjust-invoice"), billing_service::adjust_invoice::handle),
        function!("change-subscription", billing("change-subscription"), billing_service::change_subscription::handle),
        function!("manage-price-book", billing("manage-price-book"), billing_service::manage_price_book::handle),
        function!("create-subscription", billing("create-subscription"), billing_service::create_subscription::handle),
        function!("generate-invoice", billing("generate-invoice"), billing_service::generate_invoice::handle),
        function!("process-webhook", webhooks, billing_service::process_webhook::handle),
        function!("generate-due-invoices", billing("generate-due-invoices"), billing_service::generate_due_invoices::handle),
        function!("run-dunning", billing("run-dunning"), billing_service::run_dunning::handle),
        function!("follow-dunning", billing("follow-dunning"), billing_service::follow_dunning::handle),
        function!("read-billing", billing("read-billing"), billing_service::read::handle),
        function!("authorize", authorizer, identity_service::authorize::handle),
        function!("sign-up", identity("sign-up"), identity_service::sign_up::handle),
        function!("verify-email", identity("verify-email"), identity_service::verify_email::handle),
        function!("log-in", identity("log-in"), identity_service::log_in::handle),
        function!("log-out", identity("log-out"), identity_service::log_out::handle),
        function!("change-profile", identity("change-profile"), identity_service::change_profile::handle),
        function!("manage-members", identity("manage-members"), identity_service::manage_members::handle),
        function!("accept-invitation", identity("accept-invitation"), identity_service::accept_invitation::handle),
        function!("manage-api-keys", identity("manage-api-keys"), identity_service::manage_api_keys::handle),
        function!("set-contact", identity("set-contact"), identity_service::set_contact::handle),
        function!("read-contact", identity("read-contact"), identity_service::read_contact::handle),
        function!("mint-link", identity("mint-link"), identity_service::mint_link::handle),
        function!("read-identity", identity("read-identity"), identity_service::read::handle),
        function!("keep-preferences", preferences, notifications_service::keep_preferences::handle),
        function!("read-notifications", note_reads, notifications_service::read::handle),
        function!("send-email", emails, notifications_service::send_email::handle),
    ];
    own.into_iter().chain(LOGS.iter().flat_map(|log| of_log(log, system, host))).collect()
}

/// The functions that every service has beside its own: what derives from its log.
fn of_log(log: &ServiceLog, system: &System, host: impl Fn(&str) -> Host) -> [Function; 4] {
    let name = |of: &str| format!("{}-{of}", log.service);
    let ledger = system.ledgers().of_service(log.service).clone();
    let failures = Arc::new(Folder::new(system.failures()));
    let projector = Arc::new((log.projector)(&host(&name("projector")), BUS));
    let reconciler = Arc::new((log.reconciler)(&host(&name("reconciler")), BUS).with_failures(failures));
    let sequencer = Arc::new((log.sequencer)(&host(&name("ledger"))));
    let signer = Arc::new((log.signer)(&host(&name("signer")), ledger.objects, ledger.key));
    [
        function!(name("projector"), projector, annals_projection::handle),
        function!(name("reconciler"), reconciler, reconciliation::handle),
        function!(name("ledger"), sequencer, sequence),
        function!(name("signer"), signer, sign),
    ]
}

/// What only this machine has: history asked over HTTP, and what it tells of itself.
pub(super) fn of_this_machine(system: &System, clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Vec<Function> {
    let local = Arc::new(system.local().clone());
    let ledgers = system.ledgers();
    let proofs = |log: &ServiceLog| function!(log.proofs(), ledgers.of_service(log.service).objects, serve);
    let (store, owners) = (system.store.clone(), system.owners.clone());
    let measurements = Arc::new(Measurements { local: system.local().clone(), store, owners, clock: clock.clone() });
    let audit = audit(system, clock, ids);
    let own = [
        function!("read-history", audit, annals_audit::function::handle).with_timeout(HISTORY_TIMEOUT),
        function!("local-alarms", local, alarms::list),
        function!("local-alarm-history", local, alarms::history),
        function!("local-acknowledge", local, alarms::acknowledge),
        function!("local-tick", local, ticks::by_hand).with_timeout(TICK_TIMEOUT),
        function!("local-status", measurements, status::route),
        function!("local-metrics", measurements, openmetrics::answer),
    ];
    own.into_iter().chain(LOGS.iter().map(proofs)).collect()
}

/// History as `read-history` answers from it: read as an auditor may, noted as nothing else may be.
fn audit(system: &System, clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Arc<AuditDeps> {
    let metrics: Arc<dyn Metrics> = Arc::new(LocalMetrics { local: system.local().clone(), store: system.store.clone() });
    let host = |role: &str| Host {
        account: system.account(role),
        metrics: metrics.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        generation: Generation::default(),
    };
    let (auditor, notes, ledgers) = (host("auditor"), host("note-readings"), system.ledgers());
    let log = |log: &'static ServiceLog, host: &Host| {
        let client = host.account.dynamodb();
        let reads = Reads::new(client.clone(), (log.matrix)());
        Log::new(client, reads, LogConfig::new(log.table).restored(host.generation), host.clock.clone(), host.ids.clone())
    };
    let service = |of: &'static ServiceLog| {
        let ledger = ledgers.of_service(of.service);
        let (objects, key) = (ledger.objects.clone(), ledger.key.verifier());
        Service { name: of.service, log: log(of, &auditor), ledger: (of.ledger)(&auditor), objects, key }
    };
    let history = History::new(LOGS.iter().map(service).collect(), Arc::new(Services::new(auditor.clone())));
    Arc::new(AuditDeps::new(history, LOGS.iter().map(|of| log(of, &notes)).collect()))
}

/// The value of a function's environment variable on this machine, where `api` is served; `None` for one that no function knows.
pub(super) fn variable(name: &str, listed: &Listed, system: &System, api: &str) -> Option<String> {
    let ledgers = system.ledgers();
    let ledger = ledgers.of_service(listed.service);
    let value = match name {
        "ANNALS_GENERATION" => "0",
        "ANNALS_LEDGER_KEY" => ledger.key.secret_text(),
        "ANNALS_LEDGER_OBJECTS" => &ledger.folder,
        "ANNALS_LEDGER_ORIGIN" => super::ledger::HOST,
        "ANNALS_BUS" => BUS,
        "ANNALS_IDENTITY_URL" => api,
        "ANNALS_IDENTITY_KEY" => return Some(system.credentials().service_key(NOTIFICATIONS)),
        "ANNALS_SERVICE_KEYS" => return Some(service_keys(system.credentials())),
        "ANNALS_HASH_KEY" => system.credentials().hash_key(),
        "ANNALS_PUBLIC_URL" => demo::PUBLIC_URL,
        "ANNALS_MAIL_FROM" => MAIL_FROM,
        "ANNALS_VAULT_KEY" => VAULT_KEY,
        "ANNALS_WEBHOOK_SECRET" => system.credentials().webhook_secret(),
        "ANNALS_WEBHOOK_TENANT" => TENANT,
        "ANNALS_FAILURES" => return Some(system.failures().display().to_string()),
        _ => return None,
    };
    Some(value.to_owned())
}
