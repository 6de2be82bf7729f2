//! Rows as people are shown them: what is sealed in them, opened.

use annals_kit::{Role, Tenant, Timestamp};
use annals_lambda::Problem;
use identity::rows::{InvitationRow, MemberRow, UserRow};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::deps::Deps;
use crate::personal::{Key, invitation_stream, user_stream};

/// A person.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct OpenedUser {
    id: Uuid,
    organisation_id: Tenant,
    /// `unverified`, `active` or `erased`.
    status: String,
    /// Their address; none once they are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Their name; none once they are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    created_at: Timestamp,
    /// When they showed that the address is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<Timestamp>,
}

/// A member.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct OpenedMember {
    user_id: Uuid,
    role: Role,
    joined_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// That of their account, where it is known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

/// An invitation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct OpenedInvitation {
    id: Uuid,
    organisation_id: Tenant,
    role: Role,
    /// `open`, `accepted` or `withdrawn`.
    status: String,
    /// Whom; none once it is no longer open.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    created_at: Timestamp,
    /// Who came.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
}

impl OpenedUser {
    /// Opens a person's row.
    ///
    /// Cost: the person's key, where there is something to open and it is not cached.
    pub(crate) async fn of(deps: &Deps, row: UserRow) -> Result<Self, Problem> {
        let stream = user_stream(row.id);
        if row.email.is_none() && row.name.is_none() {
            return Ok(Self::with(row, None, None));
        }
        let key = Key::of(deps, row.id).await?;
        let email = key.open_some(&stream, row.email.as_ref(), "email")?;
        let name = key.open_some(&stream, row.name.as_ref(), "name")?;
        Ok(Self::with(row, email, name))
    }

    /// A row, with this address and name in it.
    pub(crate) fn with(row: UserRow, email: Option<String>, name: Option<String>) -> Self {
        let UserRow { id, organisation_id, status, created_at, verified_at, erased_at, .. } = row;
        Self { id, organisation_id, status, email, name, created_at, verified_at, erased_at }
    }
}

impl OpenedMember {
    /// A member, with what is known of their account.
    pub(crate) fn with(member: &MemberRow, user: Option<OpenedUser>) -> Self {
        let (email, name, status) = user.map_or((None, None, None), |user| (user.email, user.name, Some(user.status)));
        Self { user_id: member.user_id, role: member.role, joined_at: member.joined_at, email, name, status }
    }
}

impl OpenedInvitation {
    /// Opens an invitation's row.
    ///
    /// Cost: the key of who was invited, where it is open and not cached.
    pub(crate) async fn of(deps: &Deps, row: InvitationRow) -> Result<Self, Problem> {
        let email = match &row.email {
            Some(sealed) => Key::of(deps, row.id).await?.open(&invitation_stream(row.id), sealed, "email")?,
            None => None,
        };
        Ok(Self::with(row, email))
    }

    /// A row, with this address in it.
    pub(crate) fn with(row: InvitationRow, email: Option<String>) -> Self {
        let InvitationRow { id, organisation_id, role, status, created_at, user_id, .. } = row;
        Self { id, organisation_id, role, status, email, created_at, user_id }
    }
}
