//! The read models: pure functions from a row and an event to the next row.
//!
//! The projector writes them; a read that must see its own writes folds them from the log. Field names are attribute names, as in
//! `access-patterns/identity.toml`. Personal text stands sealed, with the version of the commit whose first event it was sealed in.

use annals_kit::{CustomerId, Recorded, Role, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::api_key::ApiKeyEvent;
use crate::contact::ContactEvent;
use crate::email::EmailHash;
use crate::invitation::InvitationEvent;
use crate::organisation::OrganisationEvent;
use crate::sealed::Sealed;
use crate::user::UserEvent;

/// A person: `PK=USER#<id> SK=META`, by address on GSI2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    /// The person.
    pub id: Uuid,
    /// Their organisation.
    pub organisation_id: Tenant,
    /// `unverified`, `active` or `erased`.
    pub status: String,
    /// Their address; none once they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    /// Their name; none once they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// The keyed hash of the address, by which they are found; none once they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_hash: Option<EmailHash>,
    /// Since when they have an account.
    pub created_at: Timestamp,
    /// When they showed that the address is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// When they were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl UserRow {
    /// The row after `event`; what happens to a person without an account makes no row.
    pub fn fold(row: Option<Self>, event: &UserEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (UserEvent::Created(created), _) => Some(Self {
                id: created.user_id,
                organisation_id: created.organisation_id.clone(),
                status: "unverified".into(),
                email: Some(Sealed::of(&created.email, recorded)),
                name: Some(Sealed::of(&created.name, recorded)),
                email_hash: Some(created.email_hash.clone()),
                created_at: recorded.at,
                verified_at: None,
                erased_at: None,
            }),
            (UserEvent::Verified(_), Some(row)) => Some(Self { status: "active".into(), verified_at: Some(recorded.at), ..row }),
            (UserEvent::ProfileChanged(changed), Some(row)) => Some(Self { name: Some(Sealed::of(&changed.name, recorded)), ..row }),
            (UserEvent::Erased(_), Some(row)) => {
                Some(Self { status: "erased".into(), email: None, name: None, email_hash: None, erased_at: Some(recorded.at), ..row })
            }
            (
                UserEvent::VerificationRequested(_)
                | UserEvent::PasswordChanged(_)
                | UserEvent::SessionStarted(_)
                | UserEvent::SessionEnded(_),
                row,
            ) => row,
            (UserEvent::Verified(_) | UserEvent::ProfileChanged(_) | UserEvent::Erased(_), None) => None,
        }
    }
}

/// An organisation: `PK=ORG#<id> SK=META`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationRow {
    /// The organisation.
    pub id: Tenant,
    /// What it is called.
    pub name: String,
    /// How many members it has.
    pub members: u64,
    /// Since when it is there.
    pub created_at: Timestamp,
}

impl OrganisationRow {
    /// The row after `event`.
    pub fn fold(row: Option<Self>, event: &OrganisationEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (OrganisationEvent::Created(created), _) => {
                Some(Self { id: created.organisation_id.clone(), name: created.name.clone(), members: 0, created_at: recorded.at })
            }
            (OrganisationEvent::Joined(_), Some(row)) => Some(Self { members: row.members + 1, ..row }),
            (OrganisationEvent::Left(_), Some(row)) => Some(Self { members: row.members.saturating_sub(1), ..row }),
            (OrganisationEvent::RoleChanged(_), row) => row,
            (OrganisationEvent::Joined(_) | OrganisationEvent::Left(_), None) => None,
        }
    }
}

/// A member: `PK=ORG#<organisation> SK=MEMBER#<user>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRow {
    /// The organisation.
    pub organisation_id: Tenant,
    /// The member.
    pub user_id: Uuid,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// The members after `event`, in the order in which they joined.
pub fn fold_members(members: &mut Vec<MemberRow>, event: &OrganisationEvent, recorded: Recorded) {
    match event {
        OrganisationEvent::Created(_) => {}
        OrganisationEvent::Joined(joined) => {
            members.retain(|member| member.user_id != joined.user_id);
            members.push(MemberRow {
                organisation_id: joined.organisation_id.clone(),
                user_id: joined.user_id,
                role: joined.role,
                joined_at: recorded.at,
            });
        }
        OrganisationEvent::RoleChanged(changed) => {
            members.iter_mut().filter(|member| member.user_id == changed.user_id).for_each(|member| member.role = changed.role);
        }
        OrganisationEvent::Left(left) => members.retain(|member| member.user_id != left.user_id),
    }
}

/// An invitation: `PK=INVITE#<id> SK=META`, by organisation on GSI1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvitationRow {
    /// The invitation.
    pub id: Uuid,
    /// To which organisation.
    pub organisation_id: Tenant,
    /// As what.
    pub role: Role,
    /// `open`, `accepted` or `withdrawn`.
    pub status: String,
    /// Whom; none once it is no longer open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
}

impl InvitationRow {
    /// The row after `event`.
    pub fn fold(row: Option<Self>, event: &InvitationEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (InvitationEvent::Made(made), _) => Some(Self {
                id: made.invitation_id,
                organisation_id: made.organisation_id.clone(),
                role: made.role,
                status: "open".into(),
                email: Some(Sealed::of(&made.email, recorded)),
                created_at: recorded.at,
                user_id: None,
            }),
            (InvitationEvent::Accepted(accepted), Some(row)) => {
                Some(Self { status: "accepted".into(), email: None, user_id: Some(accepted.user_id), ..row })
            }
            (InvitationEvent::Withdrawn(_), Some(row)) => Some(Self { status: "withdrawn".into(), email: None, ..row }),
            (InvitationEvent::Accepted(_) | InvitationEvent::Withdrawn(_), None) => None,
        }
    }
}

/// An API key: `PK=KEY#<id> SK=META`, by who made it on GSI1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRow {
    /// The key; not its secret.
    pub id: Uuid,
    /// Of which organisation.
    pub organisation_id: Tenant,
    /// Who made it.
    pub user_id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// `active` or `revoked`.
    pub status: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ApiKeyRow {
    /// The row after `event`.
    pub fn fold(row: Option<Self>, event: &ApiKeyEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            (ApiKeyEvent::Created(created), _) => Some(Self {
                id: created.key_id,
                organisation_id: created.organisation_id.clone(),
                user_id: created.user_id,
                name: created.name.clone(),
                role: created.role,
                status: "active".into(),
                created_at: recorded.at,
                revoked_at: None,
            }),
            (ApiKeyEvent::Revoked(_), Some(row)) => Some(Self { status: "revoked".into(), revoked_at: Some(recorded.at), ..row }),
            (ApiKeyEvent::Revoked(_), None) => None,
        }
    }
}

/// A contact: `PK=CONTACT#<id> SK=META`, the id made of tenant and customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactRow {
    /// The stream's id.
    pub id: String,
    /// The customer, by the tenant's own id.
    pub customer_id: CustomerId,
    /// `set` or `erased`.
    pub status: String,
    /// Their address; none once they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    /// Their name, where it is known; none once they are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// Since when it says so.
    pub set_at: Timestamp,
}

impl ContactRow {
    /// The row after `event`, for the stream with this id.
    pub fn fold(id: &str, _: Option<Self>, event: &ContactEvent, recorded: Recorded) -> Option<Self> {
        let row = |customer_id: &CustomerId, status: &str| Self {
            id: id.to_owned(),
            customer_id: customer_id.clone(),
            status: status.into(),
            email: None,
            name: None,
            set_at: recorded.at,
        };
        Some(match event {
            ContactEvent::Set(set) => Self {
                email: Some(Sealed::of(&set.email, recorded)),
                name: set.name.as_deref().map(|name| Sealed::of(name, recorded)),
                ..row(&set.customer_id, "set")
            },
            ContactEvent::Erased(erased) => row(&erased.customer_id, "erased"),
        })
    }
}
