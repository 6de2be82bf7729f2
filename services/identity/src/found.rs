//! Founds an organisation by an operator's hand: its owner is verified, and a key of theirs is what the operator gives them.
//!
//! For the first organisation of an installation, and for the demo. The same again changes nothing.

use annals_kit::ids::derived_uuid;
use annals_kit::{CommandId, Role, StreamId, Tenant};
use annals_lambda::Problem;
use annals_log::{Expect, Request, Together};
use identity::api_key::{ApiKeyCreated, CreateApiKey};
use identity::email::EmailAddress;
use identity::user::{Address, UserCreated};
use uuid::Uuid;

use crate::answer::{Refusal, person, problem};
use crate::deps::{Deps, everyone};
use crate::safe::{Kind, Pass};
use crate::secret::{Bearer, Secret};
use crate::sign_up::account;

/// An organisation to be founded.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The tenant.
    pub organisation: Tenant,
    /// What it is called.
    pub name: String,
    /// Its owner's address.
    pub email: EmailAddress,
    /// Its owner's name.
    pub owner: String,
    /// The secret of its owner's key.
    pub secret: Secret,
}

impl Founding {
    /// The owner.
    pub fn user(&self) -> Uuid {
        owner(&self.organisation)
    }

    /// What the owner sends as `Authorization: Bearer ...`.
    pub fn key(&self) -> String {
        Bearer::ApiKey(self.user(), self.secret.clone()).text()
    }
}

/// The owner of an organisation that was founded here.
pub fn owner(organisation: &Tenant) -> Uuid {
    derived_uuid("founder", organisation, "")
}

/// Founds it, if it is not there. Whether it was founded now.
///
/// Cost: 1 RCU where it is there; otherwise as a sign-up, and an API key.
pub async fn found(deps: &Deps, founding: &Founding) -> Result<bool, Problem> {
    let (tenant, user) = (&founding.organisation, founding.user());
    if deps.safe.pass(Kind::ApiKey, user, &founding.secret).await?.is_some() {
        return Ok(false);
    }
    let created = UserCreated {
        user_id: user,
        organisation_id: tenant.clone(),
        email: founding.email.as_str().to_owned(),
        email_hash: deps.email_hash(&founding.email),
        name: founding.owner.clone(),
    };
    let command = |purpose: &str| CommandId(derived_uuid("found", tenant, purpose));
    let request = Request::new(&everyone(), person(user), command("account"), tenant.as_str().as_bytes());
    let done = match account(deps, &request, created, &founding.name, Address::Verified).await {
        Ok(done) => done,
        // It was there before this secret, as where the file of secrets was lost: a new key for it.
        Err(annals_log::ExecuteError::Refused(Refusal::User(_) | Refusal::Organisation(_))) => Together::Unchanged,
        Err(error) => return Err(problem(error, "organisation")),
    };
    let key_id = derived_uuid("founder's key", tenant, &founding.secret.hash());
    let key = ApiKeyCreated {
        key_id,
        organisation_id: tenant.clone(),
        user_id: user,
        name: "made with the organisation".into(),
        role: Role::Owner,
    };
    let request = Request::new(tenant, person(user), command(&key_id.to_string()), key_id.as_bytes());
    let command = CreateApiKey { created: key, by: Role::Owner };
    deps.api_keys
        .execute(&request, &StreamId::of("KEY", key_id), Expect::New, &command)
        .await
        .map_err(|error| problem(error, "API key"))?;
    deps.safe.admit(Kind::ApiKey, user, &founding.secret, &Pass { id: key_id, tenant: tenant.clone(), role: Role::Owner }).await?;
    Ok(done == Together::Committed)
}
