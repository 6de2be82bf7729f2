//! Who may do what: the policies in `infra/policies`, which AWS gets as well.

use annals_local::Role;
use serde_json::Value;

use super::credentials::{Credentials, ROLES};

/// The role with its identity policy.
fn policy(role: &str) -> Value {
    let text = match role {
        "administrator" => include_str!("../../../infra/policies/administrator.json"),
        "auditor" => include_str!("../../../infra/policies/auditor.json"),
        "billing-command" => include_str!("../../../infra/policies/billing-command.json"),
        "billing-projector" => include_str!("../../../infra/policies/billing-projector.json"),
        "billing-read" => include_str!("../../../infra/policies/billing-read.json"),
        "notifications-command" => include_str!("../../../infra/policies/notifications-command.json"),
        "notifications-projector" => include_str!("../../../infra/policies/notifications-projector.json"),
        "operator" => include_str!("../../../infra/policies/operator.json"),
        other => unreachable!("{other} is not one of ROLES"),
    };
    serde_json::from_str(text).expect("the policies in infra/policies are JSON: a test reads them all")
}

/// Every role.
pub(super) fn roles(credentials: &Credentials) -> Vec<Role> {
    let role = |name: &&str| {
        let pair = credentials.role(name);
        Role {
            name: (*name).to_owned(),
            access_key_id: pair.id.clone(),
            secret_access_key: pair.secret.clone(),
            policies: vec![policy(name)],
        }
    };
    ROLES.iter().map(role).collect()
}

/// The logs are append-only for everyone but the administrator.
pub(super) fn resource_policies() -> Vec<(String, Value)> {
    let append_only: Value = serde_json::from_str(include_str!("../../../infra/policies/log-table.json")).expect("log-table.json is JSON");
    let matrices = access_patterns::all();
    let logs = matrices.iter().flat_map(|matrix| matrix.tables()).filter(|table| table.append_only());
    logs.map(|table| (table.name().to_owned(), append_only.clone())).collect()
}
