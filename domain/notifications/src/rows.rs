//! The read models: pure functions from a row and an event to the next row. Field names are attribute names, as in
//! `access-patterns/notifications.toml`.

use annals_kit::{CustomerId, Recorded, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::note::{Channel, Kind, NoteEvent};

/// A notification as those who look after customers see it: `PK=NOTE#<id> SK=META`, by user on GSI1. It has no address, and no text but what
/// lies in somebody's inbox; such rows are on GSI2 as well, by inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationRow {
    /// Its id.
    pub id: Uuid,
    /// To whom, by the id of a customer, a person or an invitation.
    pub user_id: CustomerId,
    /// By which way. There are more as there are more ways.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    #[serde(default)]
    pub channel: Channel,
    /// What for. There are more kinds as there is more to tell.
    #[schemars(with = "String", regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    pub kind: Kind,
    /// How far it is.
    pub status: Status,
    /// When it was first to be sent.
    pub created_at: Timestamp,
    /// In whose inbox it lies, if it lies in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<Uuid>,
    /// What it says there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// And then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Since when it is read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Someone is about to send it.
    Intended,
    /// The provider took it, or it lies in the inbox.
    Sent,
    /// It will never be sent.
    GivenUp,
}

impl NotificationRow {
    /// The row after `event`; the end of what was never intended makes no row.
    pub fn fold(row: Option<Self>, event: &NoteEvent, recorded: Recorded) -> Option<Self> {
        if let Some(row) = row {
            return Some(row.after(event, recorded));
        }
        let begun = |id: Uuid, user_id: CustomerId, channel: Channel, kind: Kind, status: Status| {
            let (inbox, title, text, read_at) = (None, None, None, None);
            Some(Self { id, user_id, channel, kind, status, created_at: recorded.at, inbox, title, text, read_at })
        };
        match event {
            NoteEvent::EmailIntended(email) => {
                begun(email.notification_id, email.customer_id.clone(), Channel::Email, email.kind, Status::Intended)
            }
            NoteEvent::PushIntended(push) => begun(push.notification_id, account(push.user_id), Channel::Push, push.kind, Status::Intended),
            NoteEvent::ItemAdded(item) => {
                let row = begun(item.notification_id, account(item.user_id), Channel::Inbox, item.kind, Status::Sent)?;
                let (title, text) = (Some(item.title.clone()), Some(item.text.clone()));
                Some(Self { inbox: Some(item.user_id), title, text, ..row })
            }
            NoteEvent::ItemLeftOut(item) => begun(item.notification_id, account(item.user_id), Channel::Inbox, item.kind, Status::GivenUp),
            NoteEvent::EmailSent(_)
            | NoteEvent::EmailGivenUp(_)
            | NoteEvent::PushSent(_)
            | NoteEvent::PushGivenUp(_)
            | NoteEvent::ItemRead(_)
            | NoteEvent::ItemUnread(_) => None,
        }
    }

    fn after(self, event: &NoteEvent, recorded: Recorded) -> Self {
        match event {
            // Another attempt at the same, or the same again.
            NoteEvent::EmailIntended(_) | NoteEvent::PushIntended(_) | NoteEvent::ItemAdded(_) | NoteEvent::ItemLeftOut(_) => self,
            NoteEvent::EmailSent(_) | NoteEvent::PushSent(_) => Self { status: Status::Sent, ..self },
            NoteEvent::EmailGivenUp(_) | NoteEvent::PushGivenUp(_) => Self { status: Status::GivenUp, ..self },
            NoteEvent::ItemRead(_) => Self { read_at: Some(recorded.at), ..self },
            NoteEvent::ItemUnread(_) => Self { read_at: None, ..self },
        }
    }
}

/// The id of an account where a customer's could stand as well.
fn account(id: Uuid) -> CustomerId {
    id.to_string().parse().expect("a UUID has the letters of an id, and not too many")
}
