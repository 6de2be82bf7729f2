//! The read models: pure functions from a row and an event to the next row. Field names are attribute names, as in
//! `access-patterns/notifications.toml`.

use annals_kit::{CustomerId, Recorded, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::email::{EmailEvent, Kind};

/// A notification as those who look after customers see it: `PK=NOTE#<id> SK=META`, by user on GSI1. It has no address and no text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationRow {
    /// Its id.
    pub id: Uuid,
    /// To whom, by the id of a customer, a person or an invitation.
    pub user_id: CustomerId,
    /// What for. There are more kinds as there is more to tell.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    pub kind: Kind,
    /// How far it is.
    pub status: Status,
    /// When it was first to be sent.
    pub created_at: Timestamp,
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Someone is about to send it.
    Intended,
    /// The provider took it.
    Sent,
    /// It will never be sent.
    GivenUp,
}

impl NotificationRow {
    /// The row after `event`; the end of what was never intended makes no row.
    pub fn fold(row: Option<Self>, event: &EmailEvent, recorded: Recorded) -> Option<Self> {
        match (event, row) {
            // Another attempt at the same.
            (EmailEvent::Intended(_), Some(row)) => Some(row),
            (EmailEvent::Intended(intended), None) => Some(Self {
                id: intended.notification_id,
                user_id: intended.customer_id.clone(),
                kind: intended.kind,
                status: Status::Intended,
                created_at: recorded.at,
            }),
            (EmailEvent::Sent(_), Some(row)) => Some(Self { status: Status::Sent, ..row }),
            (EmailEvent::GivenUp(_), Some(row)) => Some(Self { status: Status::GivenUp, ..row }),
            (EmailEvent::Sent(_) | EmailEvent::GivenUp(_), None) => None,
        }
    }
}
