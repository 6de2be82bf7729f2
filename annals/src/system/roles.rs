//! Who may do what: the policies in `infra/policies`, which AWS gets as well. Each function has a role of its own, of its name.

use annals_contract::delivery::BUS;
use annals_local::Role;
use serde_json::Value;

use super::credentials::Credentials;
use super::handlers::{MAIL_FROM, VAULT_KEY_ID};

/// The bucket of the ledgers, which are a folder on this machine.
const LEDGER: &str = "ledger";

/// The policy of each role, as the file of its name has it.
static POLICIES: &[(&str, &str)] = &[
    ("accept-invitation", include_str!("../../../infra/policies/accept-invitation.json")),
    ("add-to-inbox", include_str!("../../../infra/policies/add-to-inbox.json")),
    ("adjust-invoice", include_str!("../../../infra/policies/adjust-invoice.json")),
    ("administrator", include_str!("../../../infra/policies/administrator.json")),
    ("ask-verification", include_str!("../../../infra/policies/ask-verification.json")),
    ("auditor", include_str!("../../../infra/policies/auditor.json")),
    ("authorize", include_str!("../../../infra/policies/authorize.json")),
    ("billing-ledger", include_str!("../../../infra/policies/billing-ledger.json")),
    ("billing-projector", include_str!("../../../infra/policies/billing-projector.json")),
    ("billing-reconciler", include_str!("../../../infra/policies/billing-reconciler.json")),
    ("billing-signer", include_str!("../../../infra/policies/billing-signer.json")),
    ("change-profile", include_str!("../../../infra/policies/change-profile.json")),
    ("change-subscription", include_str!("../../../infra/policies/change-subscription.json")),
    ("create-subscription", include_str!("../../../infra/policies/create-subscription.json")),
    ("erase-person", include_str!("../../../infra/policies/erase-person.json")),
    ("follow-dunning", include_str!("../../../infra/policies/follow-dunning.json")),
    ("forget-devices", include_str!("../../../infra/policies/forget-devices.json")),
    ("found-organisation", include_str!("../../../infra/policies/found-organisation.json")),
    ("generate-due-invoices", include_str!("../../../infra/policies/generate-due-invoices.json")),
    ("generate-invoice", include_str!("../../../infra/policies/generate-invoice.json")),
    ("identity-ledger", include_str!("../../../infra/policies/identity-ledger.json")),
    ("identity-projector", include_str!("../../../infra/policies/identity-projector.json")),
    ("identity-reconciler", include_str!("../../../infra/policies/identity-reconciler.json")),
    ("identity-signer", include_str!("../../../infra/policies/identity-signer.json")),
    ("importer", include_str!("../../../infra/policies/importer.json")),
    ("keep-devices", include_str!("../../../infra/policies/keep-devices.json")),
    ("keep-inbox", include_str!("../../../infra/policies/keep-inbox.json")),
    ("keep-preferences", include_str!("../../../infra/policies/keep-preferences.json")),
    ("log-in", include_str!("../../../infra/policies/log-in.json")),
    ("log-out", include_str!("../../../infra/policies/log-out.json")),
    ("manage-api-keys", include_str!("../../../infra/policies/manage-api-keys.json")),
    ("manage-members", include_str!("../../../infra/policies/manage-members.json")),
    ("manage-price-book", include_str!("../../../infra/policies/manage-price-book.json")),
    ("mint-link", include_str!("../../../infra/policies/mint-link.json")),
    ("note-readings", include_str!("../../../infra/policies/note-readings.json")),
    ("notifications-ledger", include_str!("../../../infra/policies/notifications-ledger.json")),
    ("notifications-projector", include_str!("../../../infra/policies/notifications-projector.json")),
    ("notifications-reconciler", include_str!("../../../infra/policies/notifications-reconciler.json")),
    ("notifications-signer", include_str!("../../../infra/policies/notifications-signer.json")),
    ("operator", include_str!("../../../infra/policies/operator.json")),
    ("process-webhook", include_str!("../../../infra/policies/process-webhook.json")),
    ("read-billing", include_str!("../../../infra/policies/read-billing.json")),
    ("read-contact", include_str!("../../../infra/policies/read-contact.json")),
    ("read-identity", include_str!("../../../infra/policies/read-identity.json")),
    ("read-notifications", include_str!("../../../infra/policies/read-notifications.json")),
    ("run-dunning", include_str!("../../../infra/policies/run-dunning.json")),
    ("send-email", include_str!("../../../infra/policies/send-email.json")),
    ("send-push", include_str!("../../../infra/policies/send-push.json")),
    ("set-contact", include_str!("../../../infra/policies/set-contact.json")),
    ("sign-up", include_str!("../../../infra/policies/sign-up.json")),
    ("verify-email", include_str!("../../../infra/policies/verify-email.json")),
];

/// The roles there are.
pub fn names() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|(name, _)| *name)
}

/// A policy as it is on this machine.
pub fn policy(text: &str) -> Value {
    let here = [("vault_key", VAULT_KEY_ID), ("mail_from", MAIL_FROM), ("bus", BUS), ("ledger", LEDGER)];
    Role::policy(text, &here).expect("the policies in infra/policies are JSON: a test reads them all")
}

/// Every role.
pub(super) fn roles(credentials: &Credentials) -> Vec<Role> {
    let role = |(name, text): &(&str, &str)| {
        let pair = credentials.role(name);
        Role {
            name: (*name).to_owned(),
            access_key_id: pair.id.clone(),
            secret_access_key: pair.secret.clone(),
            policies: vec![policy(text)],
        }
    };
    POLICIES.iter().map(role).collect()
}

/// The logs are append-only for everyone but the administrator.
pub(super) fn resource_policies() -> Vec<(String, Value)> {
    let append_only = |table: &str| {
        let text = include_str!("../../../infra/policies/log-table.json");
        Role::policy(text, &[("table", table)]).expect("log-table.json is JSON")
    };
    let matrices = access_patterns::all();
    let logs = matrices.iter().flat_map(|matrix| matrix.tables()).filter(|table| table.append_only());
    logs.map(|table| (table.name().to_owned(), append_only(table.name()))).collect()
}
