//! Which code is which function: what a binary's name says on AWS. Everything else about a function is in its service's contract.

use std::sync::Arc;
use std::time::Duration;

use annals_contract::delivery::BUS;
use annals_kit::{Clock, Ids};
use annals_lambda::{Host, Metrics};
use annals_ledger::function::{sequence, serve, sign};
use annals_local::{Function, FunctionError};
use annals_projection::failures::folder::Folder;
use annals_projection::reconciliation;
use lambda_runtime::LambdaEvent;

use super::contracts::Listed;
use super::measurements::Measurements;
use super::metrics::LocalMetrics;
use super::{System, alarms, identity, openmetrics, status, ticks};
use crate::logs::{LOGS, ServiceLog};

/// Whose payments the provider's webhooks tell of.
const TENANT: &str = "demo";
/// The key that wraps person keys, and the id behind that name.
const VAULT_KEY: &str = "alias/vault";
pub(super) const VAULT_KEY_ID: &str = "vault";
/// Whom emails come from.
pub(super) const MAIL_FROM: &str = "billing@annals.example";

/// How long a tick by hand may take.
const TICK_TIMEOUT: Duration = Duration::from_secs(60);

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
    let host =
        |function: &str| Host { account: system.account(function), metrics: metrics.clone(), clock: clock.clone(), ids: ids.clone() };
    let billing = |function: &str| Arc::new(billing_service::Deps::new(&host(function)));
    let webhooks = billing_service::WebhookSettings {
        tenant: TENANT.parse().expect("demo is a tenant"),
        secret: system.credentials().webhook_secret().to_owned(),
        vault_key: VAULT_KEY.into(),
    };
    let webhooks = Arc::new(billing_service::WebhookDeps::new(&host("process-webhook"), webhooks));
    let emails = notifications_service::Settings { identity_url: identity::API.into(), from: MAIL_FROM.into() };
    let emails = Arc::new(notifications_service::Deps::new(&host("send-email"), system.web(), emails));
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

/// What only this machine has: a stand-in for identity, and what it tells of itself.
pub(super) fn of_this_machine(system: &System, clock: &Arc<dyn Clock>) -> Vec<Function> {
    let local = Arc::new(system.local().clone());
    let ledgers = system.ledgers();
    let proofs = |log: &ServiceLog| function!(log.proofs(), ledgers.of_service(log.service).objects, serve);
    let (store, owners) = (system.store.clone(), system.owners.clone());
    let measurements = Arc::new(Measurements { local: system.local().clone(), store, owners, clock: clock.clone() });
    let own = [
        function!("identity-contact", Arc::new(()), identity::contact),
        function!("local-alarms", local, alarms::list),
        function!("local-alarm-history", local, alarms::history),
        function!("local-acknowledge", local, alarms::acknowledge),
        function!("local-tick", local, ticks::by_hand).with_timeout(TICK_TIMEOUT),
        function!("local-status", measurements, status::route),
        function!("local-metrics", measurements, openmetrics::answer),
    ];
    own.into_iter().chain(LOGS.iter().map(proofs)).collect()
}

/// The value of a function's environment variable on this machine, where `api` is served; `None` for one that no function knows.
pub(super) fn variable(name: &str, listed: &Listed, system: &System, api: &str) -> Option<String> {
    let ledgers = system.ledgers();
    let ledger = ledgers.of_service(listed.service);
    let value = match name {
        "ANNALS_LEDGER_GENERATION" => "0",
        "ANNALS_LEDGER_KEY" => ledger.key.secret_text(),
        "ANNALS_LEDGER_OBJECTS" => &ledger.folder,
        "ANNALS_LEDGER_ORIGIN" => super::ledger::HOST,
        "ANNALS_BUS" => BUS,
        "ANNALS_IDENTITY_URL" => api,
        "ANNALS_MAIL_FROM" => MAIL_FROM,
        "ANNALS_VAULT_KEY" => VAULT_KEY,
        "ANNALS_WEBHOOK_SECRET" => system.credentials().webhook_secret(),
        "ANNALS_WEBHOOK_TENANT" => TENANT,
        "ANNALS_FAILURES" => return Some(system.failures().display().to_string()),
        _ => return None,
    };
    Some(value.to_owned())
}
