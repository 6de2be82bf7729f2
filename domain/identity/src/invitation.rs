//! An invitation: how somebody becomes a member of an organisation that is there already.

use annals_kit::{Aggregate, Command, Event, Recorded, Role, Schema, Tenant, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::covers::covers;
use crate::sealed::Sealed;

/// The fields of these events that are personal, and sealed.
pub const SEALED: &[&str] = &["email"];

/// What happens to an invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum InvitationEvent {
    /// Somebody was invited.
    #[serde(rename = "MEMBER_INVITED")]
    Made(MemberInvited),
    /// They have come.
    #[serde(rename = "INVITATION_ACCEPTED")]
    Accepted(InvitationAccepted),
    /// They need not come any more.
    #[serde(rename = "INVITATION_WITHDRAWN")]
    Withdrawn(InvitationWithdrawn),
}

/// Somebody was invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberInvited {
    /// The invitation.
    pub invitation_id: Uuid,
    /// To which organisation.
    pub organisation_id: Tenant,
    /// As what.
    pub role: Role,
    /// Their address, sealed: ask identity for the invitation's link.
    pub email: String,
}

/// They have come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationAccepted {
    /// The invitation.
    pub invitation_id: Uuid,
    /// The organisation.
    pub organisation_id: Tenant,
    /// Who they are now.
    pub user_id: Uuid,
}

/// They need not come any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationWithdrawn {
    /// The invitation.
    pub invitation_id: Uuid,
    /// The organisation.
    pub organisation_id: Tenant,
}

impl Event for InvitationEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "MEMBER_INVITED", upcasts: &[], published: true },
        Schema { event_type: "INVITATION_ACCEPTED", upcasts: &[], published: true },
        Schema { event_type: "INVITATION_WITHDRAWN", upcasts: &[], published: true },
    ];
}

/// How an invitation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It waits for an answer.
    #[default]
    Open,
    /// By whom it was accepted.
    Accepted(Uuid),
    /// It was withdrawn.
    Withdrawn,
}

/// An invitation; `made` is `None` before there was one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invitation {
    /// To what, as what; the address in it is sealed.
    pub made: Option<MemberInvited>,
    /// Whom.
    pub email: Option<Sealed>,
    /// How it stands.
    pub standing: Standing,
}

impl Aggregate for Invitation {
    const STREAM_TYPE: &'static str = "INVITE";
    const FOLD_REVISION: u32 = 1;
    type Event = InvitationEvent;

    fn evolve(&mut self, event: &InvitationEvent, recorded: Recorded) {
        match event {
            InvitationEvent::Made(made) => {
                self.email = Some(Sealed::of(&made.email, recorded));
                self.made = Some(made.clone());
            }
            InvitationEvent::Accepted(accepted) => self.standing = Standing::Accepted(accepted.user_id),
            InvitationEvent::Withdrawn(_) => self.standing = Standing::Withdrawn,
        }
    }
}

/// Why nothing becomes of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationRefusal {
    /// There is no such invitation.
    #[error("there is no such invitation")]
    Unknown,
    /// It is there already.
    #[error("the invitation exists already")]
    Exists,
    /// It was accepted or withdrawn.
    #[error("the invitation is no longer open")]
    Closed,
    /// Who asks may not give or take this role.
    #[error("your role does not cover {0}")]
    NotCovered(Role),
}

/// Invites somebody.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom, as what; the address is plain here.
    pub made: MemberInvited,
    /// The role of who asks.
    pub by: Role,
}

impl Command for Invite {
    type Aggregate = Invitation;
    type Refusal = InvitationRefusal;

    fn decide(&self, state: &Invitation, _: Timestamp) -> Result<Vec<InvitationEvent>, InvitationRefusal> {
        match () {
            () if !covers(self.by, self.made.role) => Err(InvitationRefusal::NotCovered(self.made.role)),
            () if state.made.is_some() => Err(InvitationRefusal::Exists),
            () => Ok(vec![InvitationEvent::Made(self.made.clone())]),
        }
    }
}

/// Answers an open invitation.
#[derive(Clone, Copy, Debug)]
pub enum AnswerInvitation {
    /// Accepts it, as this person.
    Accept(Uuid),
    /// Withdraws it, as someone of this role.
    Withdraw(Role),
}

impl Command for AnswerInvitation {
    type Aggregate = Invitation;
    type Refusal = InvitationRefusal;

    /// What is so already changes nothing.
    fn decide(&self, state: &Invitation, _: Timestamp) -> Result<Vec<InvitationEvent>, InvitationRefusal> {
        let MemberInvited { invitation_id, organisation_id, role, .. } = state.made.clone().ok_or(InvitationRefusal::Unknown)?;
        match (*self, state.standing) {
            (Self::Withdraw(by), _) if !covers(by, role) => Err(InvitationRefusal::NotCovered(role)),
            (Self::Accept(user_id), Standing::Open) => {
                Ok(vec![InvitationEvent::Accepted(InvitationAccepted { invitation_id, organisation_id, user_id })])
            }
            (Self::Withdraw(_), Standing::Open) => {
                Ok(vec![InvitationEvent::Withdrawn(InvitationWithdrawn { invitation_id, organisation_id })])
            }
            (Self::Accept(user_id), Standing::Accepted(by)) if by == user_id => Ok(vec![]),
            (Self::Withdraw(_), Standing::Withdrawn) => Ok(vec![]),
            (Self::Accept(_), Standing::Accepted(_) | Standing::Withdrawn) | (Self::Withdraw(_), Standing::Accepted(_)) => {
                Err(InvitationRefusal::Closed)
            }
        }
    }
}
