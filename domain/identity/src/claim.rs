//! Who owns an email address: `EMAIL#<keyed hash>`, one stream an address, so that two people can never have one.

use annals_kit::{Aggregate, Command, Event, Recorded, Schema, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What happens to an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum ClaimEvent {
    /// It belongs to someone.
    #[serde(rename = "EMAIL_CLAIMED")]
    Claimed(Claim),
    /// It belongs to nobody again.
    #[serde(rename = "EMAIL_RELEASED")]
    Released(Claim),
}

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The person.
    pub user_id: Uuid,
}

impl Event for ClaimEvent {
    // Internal: what others need of it is in USER_CREATED and USER_ERASED.
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "EMAIL_CLAIMED", upcasts: &[], published: false },
        Schema { event_type: "EMAIL_RELEASED", upcasts: &[], published: false },
    ];
}

/// An address; without an owner before it was claimed, and after it was released.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmailClaim {
    /// Whose it is.
    pub owner: Option<Uuid>,
}

impl Aggregate for EmailClaim {
    const STREAM_TYPE: &'static str = "EMAIL";
    const FOLD_REVISION: u32 = 1;
    type Event = ClaimEvent;

    fn evolve(&mut self, event: &ClaimEvent, _: Recorded) {
        self.owner = match event {
            ClaimEvent::Claimed(claim) => Some(claim.user_id),
            ClaimEvent::Released(_) => None,
        };
    }
}

/// The address is someone else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address belongs to an account")]
pub struct Taken;

/// Claims an address for a person.
#[derive(Clone, Copy, Debug)]
pub struct ClaimEmail {
    /// The person.
    pub user_id: Uuid,
}

impl Command for ClaimEmail {
    type Aggregate = EmailClaim;
    type Refusal = Taken;

    fn decide(&self, state: &EmailClaim, _: Timestamp) -> Result<Vec<ClaimEvent>, Taken> {
        match state.owner {
            None => Ok(vec![ClaimEvent::Claimed(Claim { user_id: self.user_id })]),
            Some(owner) if owner == self.user_id => Ok(vec![]),
            Some(_) => Err(Taken),
        }
    }
}

/// Gives an address up, where it is this person's.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseEmail {
    /// The person.
    pub user_id: Uuid,
}

impl Command for ReleaseEmail {
    type Aggregate = EmailClaim;
    type Refusal = std::convert::Infallible;

    fn decide(&self, state: &EmailClaim, _: Timestamp) -> Result<Vec<ClaimEvent>, Self::Refusal> {
        let theirs = state.owner == Some(self.user_id);
        Ok(if theirs { vec![ClaimEvent::Released(Claim { user_id: self.user_id })] } else { vec![] })
    }
}
