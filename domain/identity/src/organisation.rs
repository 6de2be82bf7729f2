//! An organisation: a tenant, and who may do what in it. It always has an owner.

use std::collections::BTreeMap;

use annals_kit::{Aggregate, Command, Event, Recorded, Role, Schema, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::covers::covers;

/// What happens to an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum OrganisationEvent {
    /// It was founded.
    #[serde(rename = "ORGANISATION_CREATED")]
    Created(OrganisationCreated),
    /// Someone became a member.
    #[serde(rename = "MEMBER_JOINED")]
    Joined(Membership),
    /// A member has another role.
    #[serde(rename = "MEMBER_ROLE_CHANGED")]
    RoleChanged(Membership),
    /// Someone is no longer a member.
    #[serde(rename = "MEMBER_LEFT")]
    Left(Membership),
}

/// An organisation was founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationCreated {
    /// It: the tenant of everything it owns.
    pub organisation_id: Tenant,
    /// What it is called.
    pub name: String,
}

/// Who is a member of what, and as what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// The organisation.
    pub organisation_id: Tenant,
    /// The member.
    pub user_id: Uuid,
    /// The role: from now on, or until now where the member left.
    pub role: Role,
}

impl Event for OrganisationEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "ORGANISATION_CREATED", upcasts: &[], published: true },
        Schema { event_type: "MEMBER_JOINED", upcasts: &[], published: true },
        Schema { event_type: "MEMBER_ROLE_CHANGED", upcasts: &[], published: true },
        Schema { event_type: "MEMBER_LEFT", upcasts: &[], published: true },
    ];
}

/// An organisation and its members; `id` is `None` before it was founded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    /// Which.
    pub id: Option<Tenant>,
    /// Its members and their roles.
    pub members: BTreeMap<Uuid, Role>,
}

impl Organisation {
    fn founded(&self) -> Result<&Tenant, OrganisationRefusal> {
        self.id.as_ref().ok_or(OrganisationRefusal::Unknown)
    }

    /// Whether it would have no owner without this member.
    fn needs(&self, user: Uuid) -> bool {
        let is_owner = |member: &Uuid| self.members.get(member) == Some(&Role::Owner);
        is_owner(&user) && !self.members.keys().any(|member| *member != user && is_owner(member))
    }
}

impl Aggregate for Organisation {
    const STREAM_TYPE: &'static str = "ORG";
    const FOLD_REVISION: u32 = 1;
    type Event = OrganisationEvent;

    fn evolve(&mut self, event: &OrganisationEvent, _: Recorded) {
        match event {
            OrganisationEvent::Created(created) => self.id = Some(created.organisation_id.clone()),
            OrganisationEvent::Joined(membership) | OrganisationEvent::RoleChanged(membership) => {
                self.members.insert(membership.user_id, membership.role);
            }
            OrganisationEvent::Left(membership) => {
                self.members.remove(&membership.user_id);
            }
        }
    }
}

/// Why nothing changes in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationRefusal {
    /// There is no such organisation.
    #[error("there is no such organisation")]
    Unknown,
    /// It was founded before.
    #[error("the organisation exists already")]
    Exists,
    /// There is no such member.
    #[error("there is no such member")]
    NoMember,
    /// Who asks may not give or take this role.
    #[error("your role does not cover {0}")]
    NotCovered(Role),
    /// It would have no owner.
    #[error("an organisation keeps an owner: make someone else one first")]
    LastOwner,
}

/// Founds an organisation, with its first owner.
#[derive(Clone, Debug)]
pub struct Found {
    /// The organisation.
    pub created: OrganisationCreated,
    /// Its owner.
    pub owner: Uuid,
}

impl Command for Found {
    type Aggregate = Organisation;
    type Refusal = OrganisationRefusal;

    fn decide(&self, state: &Organisation, _: Timestamp) -> Result<Vec<OrganisationEvent>, OrganisationRefusal> {
        if state.id.is_some() {
            return Err(OrganisationRefusal::Exists);
        }
        let organisation_id = self.created.organisation_id.clone();
        let owner = Membership { organisation_id, user_id: self.owner, role: Role::Owner };
        Ok(vec![OrganisationEvent::Created(self.created.clone()), OrganisationEvent::Joined(owner)])
    }
}

/// What is done about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// They join, with this role, which an invitation gave them.
    Join(Role),
    /// They get this role.
    SetRole(Role),
    /// They leave.
    Leave,
    /// They leave because they were erased: nobody's rights matter then, not even the last owner's.
    LeaveErased,
}

/// Changes who is a member, or as what.
#[derive(Clone, Copy, Debug)]
pub struct ChangeMember {
    /// The member.
    pub user_id: Uuid,
    /// What is done.
    pub change: Change,
    /// The role of who asks.
    pub by: Role,
}

impl Command for ChangeMember {
    type Aggregate = Organisation;
    type Refusal = OrganisationRefusal;

    /// What is so already changes nothing.
    fn decide(&self, state: &Organisation, _: Timestamp) -> Result<Vec<OrganisationEvent>, OrganisationRefusal> {
        let organisation_id = state.founded()?.clone();
        let membership = |role| Membership { organisation_id: organisation_id.clone(), user_id: self.user_id, role };
        let covered = |role: Role| if covers(self.by, role) { Ok(()) } else { Err(OrganisationRefusal::NotCovered(role)) };
        let current = state.members.get(&self.user_id).copied();
        match (self.change, current) {
            (Change::Join(role), None) => Ok(vec![OrganisationEvent::Joined(membership(role))]),
            (Change::Join(_), Some(_)) => Ok(vec![]),
            (Change::LeaveErased, None) => Ok(vec![]),
            (Change::LeaveErased, Some(role)) => Ok(vec![OrganisationEvent::Left(membership(role))]),
            (Change::SetRole(_) | Change::Leave, None) => Err(OrganisationRefusal::NoMember),
            (Change::SetRole(role), Some(current)) => {
                covered(current)?;
                covered(role)?;
                match () {
                    () if role == current => Ok(vec![]),
                    () if state.needs(self.user_id) => Err(OrganisationRefusal::LastOwner),
                    () => Ok(vec![OrganisationEvent::RoleChanged(membership(role))]),
                }
            }
            (Change::Leave, Some(current)) => {
                covered(current)?;
                if state.needs(self.user_id) {
                    Err(OrganisationRefusal::LastOwner)
                } else {
                    Ok(vec![OrganisationEvent::Left(membership(current))])
                }
            }
        }
    }
}
