//! API keys: made by a member for a program, with a role of their own; shown once, and revoked. The secret is in no event.

use annals_kit::{Aggregate, Command, Event, Recorded, Role, Schema, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::covers::covers;

/// What happens to a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum ApiKeyEvent {
    /// It was made.
    #[serde(rename = "API_KEY_CREATED")]
    Created(ApiKeyCreated),
    /// It opens nothing any more.
    #[serde(rename = "API_KEY_REVOKED")]
    Revoked(ApiKeyRevoked),
}

/// A key was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyCreated {
    /// The key; not its secret.
    pub key_id: Uuid,
    /// Of which organisation.
    pub organisation_id: Tenant,
    /// Who made it.
    pub user_id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// A key opens nothing any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    /// The key.
    pub key_id: Uuid,
    /// Of which organisation.
    pub organisation_id: Tenant,
    /// Who had made it.
    pub user_id: Uuid,
}

impl Event for ApiKeyEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "API_KEY_CREATED", upcasts: &[], published: true },
        Schema { event_type: "API_KEY_REVOKED", upcasts: &[], published: true },
    ];
}

/// A key; `created` is `None` before it was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Whose, for what, as what.
    pub created: Option<ApiKeyCreated>,
    /// Whether it opens nothing any more.
    pub revoked: bool,
}

impl Aggregate for ApiKey {
    const STREAM_TYPE: &'static str = "KEY";
    const FOLD_REVISION: u32 = 1;
    type Event = ApiKeyEvent;

    fn evolve(&mut self, event: &ApiKeyEvent, _: Recorded) {
        match event {
            ApiKeyEvent::Created(created) => self.created = Some(created.clone()),
            ApiKeyEvent::Revoked(_) => self.revoked = true,
        }
    }
}

/// Why nothing becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// There is no such key.
    #[error("there is no such API key")]
    Unknown,
    /// It is there already.
    #[error("the API key exists already")]
    Exists,
    /// A key may do no more than who makes it.
    #[error("your role does not cover {0}")]
    NotCovered(Role),
    /// It is someone else's, and who asks does not manage keys.
    #[error("the API key is another member's")]
    NotYours,
}

/// Makes a key.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// The key.
    pub created: ApiKeyCreated,
    /// The role of who asks.
    pub by: Role,
}

impl Command for CreateApiKey {
    type Aggregate = ApiKey;
    type Refusal = ApiKeyRefusal;

    fn decide(&self, state: &ApiKey, _: Timestamp) -> Result<Vec<ApiKeyEvent>, ApiKeyRefusal> {
        match () {
            () if !covers(self.by, self.created.role) => Err(ApiKeyRefusal::NotCovered(self.created.role)),
            () if state.created.is_some() => Err(ApiKeyRefusal::Exists),
            () => Ok(vec![ApiKeyEvent::Created(self.created.clone())]),
        }
    }
}

/// Who revokes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoker {
    /// A member, of this role.
    Member(Uuid, Role),
    /// The organisation, as who made it is no longer a member.
    Organisation,
}

/// Revokes a key.
#[derive(Clone, Copy, Debug)]
pub struct RevokeApiKey(pub Revoker);

impl Command for RevokeApiKey {
    type Aggregate = ApiKey;
    type Refusal = ApiKeyRefusal;

    /// One's own, and others' where one's role manages people; a revoked key stays so.
    fn decide(&self, state: &ApiKey, _: Timestamp) -> Result<Vec<ApiKeyEvent>, ApiKeyRefusal> {
        let ApiKeyCreated { key_id, organisation_id, user_id, role, .. } = state.created.clone().ok_or(ApiKeyRefusal::Unknown)?;
        let may = match self.0 {
            Revoker::Organisation => true,
            Revoker::Member(member, _) if member == user_id => true,
            Revoker::Member(_, by) => matches!(by, Role::Owner | Role::Admin) && covers(by, role),
        };
        match () {
            () if !may => Err(ApiKeyRefusal::NotYours),
            () if state.revoked => Ok(vec![]),
            () => Ok(vec![ApiKeyEvent::Revoked(ApiKeyRevoked { key_id, organisation_id, user_id })]),
        }
    }
}
