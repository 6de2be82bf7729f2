//! Ends sessions and keys: first what opens, then the record of it.

use annals_kit::{Actor, CommandId, Role, StreamId, Tenant};
use annals_lambda::Problem;
use annals_log::{Expect, Request};
use identity::api_key::{RevokeApiKey, Revoker};
use identity::covers::covers;
use uuid::Uuid;

use crate::answer::problem;
use crate::deps::Deps;
use crate::safe::{Kind, Pass};

/// Dismisses those passes of a person that `which` names; their ids.
///
/// Cost: one strong Query, then 1 WCU each.
pub(crate) async fn dismiss(deps: &Deps, kind: Kind, user: Uuid, which: impl Fn(&Pass) -> bool) -> Result<Vec<Uuid>, Problem> {
    let mut dismissed = vec![];
    for (hash, pass) in deps.safe.passes(kind, user).await?.into_iter().filter(|(_, pass)| which(pass)) {
        deps.safe.dismiss(kind, user, &hash).await?;
        dismissed.push(pass.id);
    }
    Ok(dismissed)
}

/// After a person's role has changed: sessions take the new one, and keys that may do more than it end. Without a role all of them end.
pub(crate) async fn follow_role(deps: &Deps, (tenant, actor): (&Tenant, &Actor), user: Uuid, role: Option<Role>) -> Result<(), Problem> {
    match role {
        None => drop(dismiss(deps, Kind::Session, user, |_| true).await?),
        Some(role) => {
            for (hash, _) in deps.safe.passes(Kind::Session, user).await? {
                deps.safe.set_role(Kind::Session, user, &hash, role).await?;
            }
        }
    }
    let ends = |pass: &Pass| role.is_none_or(|role| !covers(role, pass.role));
    for key in dismiss(deps, Kind::ApiKey, user, ends).await? {
        let command = CommandId(annals_kit::ids::derived_uuid("revoke with the member", tenant, &key.to_string()));
        let request = Request::new(tenant, actor.clone(), command, key.as_bytes());
        let revoked =
            deps.api_keys.execute(&request, &StreamId::of("KEY", key), Expect::Existing, &RevokeApiKey(Revoker::Organisation)).await;
        revoked.map_err(|error| problem(error, "API key"))?;
    }
    Ok(())
}
