//! Which code is which function: what a binary's name says on AWS. Everything else about a function is in its service's contract.

use std::sync::Arc;

use annals_contract::delivery::BUS;
use annals_kit::{Clock, Ids};
use annals_lambda::{Host, Metrics};
use annals_local::{Function, FunctionError};
use lambda_runtime::LambdaEvent;

use super::metrics::LocalMetrics;
use super::{System, identity};

/// Whose payments the provider's webhooks tell of.
const TENANT: &str = "demo";
/// The key that wraps person keys, and the id behind that name.
const VAULT_KEY: &str = "alias/vault";
pub(super) const VAULT_KEY_ID: &str = "vault";
/// Whom emails come from.
pub(super) const MAIL_FROM: &str = "billing@annals.example";

/// The value of a function's environment variable on this machine, where it has one.
pub(super) fn variable(name: &str, system: &System, api: &str) -> Option<String> {
    let value = match name {
        "ANNALS_BUS" => BUS,
        "ANNALS_IDENTITY_URL" => api,
        "ANNALS_MAIL_FROM" => MAIL_FROM,
        "ANNALS_VAULT_KEY" => VAULT_KEY,
        "ANNALS_WEBHOOK_SECRET" => system.credentials().webhook_secret(),
        "ANNALS_WEBHOOK_TENANT" => TENANT,
        _ => return None,
    };
    Some(value.to_owned())
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

/// The functions of the contracts, each with the clients of its own role.
pub(super) fn of_services(system: &System, clock: &Arc<dyn Clock>, ids: &Arc<dyn Ids>) -> Vec<Function> {
    let metrics: Arc<dyn Metrics> = Arc::new(LocalMetrics(system.local().clone()));
    let host = |function| Host { account: system.account(function), metrics: metrics.clone(), clock: clock.clone(), ids: ids.clone() };
    let billing = |function| Arc::new(billing_service::Deps::new(&host(function)));
    let webhooks = billing_service::WebhookSettings {
        tenant: TENANT.parse().expect("demo is a tenant"),
        secret: system.credentials().webhook_secret().to_owned(),
        vault_key: VAULT_KEY.into(),
    };
    let webhooks = Arc::new(billing_service::WebhookDeps::new(&host("process-webhook"), webhooks));
    let emails = notifications_service::Settings { identity_url: identity::API.into(), from: MAIL_FROM.into() };
    let emails = Arc::new(notifications_service::Deps::new(&host("send-email"), system.web(), emails));
    let (rows, notes) = (
        Arc::new(billing_projectors::projector(&host("billing-projector"), BUS)),
        Arc::new(notifications_projectors::projector(&host("notifications-projector"), BUS)),
    );
    vec![
        function!("create-subscription", billing("create-subscription"), billing_service::create_subscription::handle),
        function!("generate-invoice", billing("generate-invoice"), billing_service::generate_invoice::handle),
        function!("process-webhook", webhooks, billing_service::process_webhook::handle),
        function!("read-billing", billing("read-billing"), billing_service::read::handle),
        function!("billing-projector", rows, annals_projection::handle),
        function!("send-email", emails, notifications_service::send_email::handle),
        function!("notifications-projector", notes, annals_projection::handle),
    ]
}

/// What only this machine has: a stand-in for identity, and the command line's way in.
pub(super) fn of_this_machine(system: &System) -> Vec<Function> {
    vec![
        function!("identity-contact", Arc::new(()), identity::contact),
        function!("local-alarms", Arc::new(system.local().clone()), super::alarms::list),
    ]
}
