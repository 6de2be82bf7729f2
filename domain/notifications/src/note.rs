//! One notification: how it reaches somebody, by email, by push or in their inbox, and how far it is.

use annals_kit::{Aggregate, Event, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::email::{EmailGivenUp, EmailIntended, EmailSent};
use crate::inbox::{ItemAdded, ItemLeftOut, ItemMarked};
use crate::push::{PushGivenUp, PushIntended, PushSent};

/// What the notification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A payment came in.
    Receipt,
    /// A payment failed and will be tried again.
    RetryNotice,
    /// An invoice is past due.
    PaymentReminder,
    /// Somebody has an account, whose address is to be confirmed.
    Welcome,
    /// Somebody has asked for another link that confirms their address.
    Verification,
    /// Somebody is asked to join an organisation.
    Invitation,
    /// Somebody may do other things in their organisation than before.
    RoleChanged,
    /// Somebody has another password.
    PasswordChanged,
}

/// A way by which people are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// To their address.
    #[default]
    Email,
    /// To their devices.
    Push,
    /// In their inbox, where they look when they like.
    Inbox,
}

/// What happens to a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum NoteEvent {
    /// Someone is about to send it by email.
    #[serde(rename = "EMAIL_INTENDED")]
    EmailIntended(EmailIntended),
    /// The provider took the email.
    #[serde(rename = "EMAIL_SENT")]
    EmailSent(EmailSent),
    /// The email will never be sent.
    #[serde(rename = "EMAIL_GIVEN_UP")]
    EmailGivenUp(EmailGivenUp),
    /// Someone is about to push it to a person's devices.
    #[serde(rename = "PUSH_INTENDED")]
    PushIntended(PushIntended),
    /// The provider took it for every device that is still there.
    #[serde(rename = "PUSH_SENT")]
    PushSent(PushSent),
    /// It will never be pushed.
    #[serde(rename = "PUSH_GIVEN_UP")]
    PushGivenUp(PushGivenUp),
    /// It lies in a person's inbox.
    #[serde(rename = "INBOX_ITEM_ADDED")]
    ItemAdded(ItemAdded),
    /// It will never lie in the person's inbox.
    #[serde(rename = "INBOX_ITEM_LEFT_OUT")]
    ItemLeftOut(ItemLeftOut),
    /// The person has read it.
    #[serde(rename = "INBOX_ITEM_READ")]
    ItemRead(ItemMarked),
    /// The person wants to read it again.
    #[serde(rename = "INBOX_ITEM_UNREAD")]
    ItemUnread(ItemMarked),
}

impl Event for NoteEvent {
    // Internal: no other service has a use for them, and publishing what nobody consumes costs a call per event.
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "EMAIL_INTENDED", upcasts: &[], published: false },
        Schema { event_type: "EMAIL_SENT", upcasts: &[], published: false },
        Schema { event_type: "EMAIL_GIVEN_UP", upcasts: &[], published: false },
        Schema { event_type: "PUSH_INTENDED", upcasts: &[], published: false },
        Schema { event_type: "PUSH_SENT", upcasts: &[], published: false },
        Schema { event_type: "PUSH_GIVEN_UP", upcasts: &[], published: false },
        Schema { event_type: "INBOX_ITEM_ADDED", upcasts: &[], published: false },
        Schema { event_type: "INBOX_ITEM_LEFT_OUT", upcasts: &[], published: false },
        Schema { event_type: "INBOX_ITEM_READ", upcasts: &[], published: false },
        Schema { event_type: "INBOX_ITEM_UNREAD", upcasts: &[], published: false },
    ];
}

/// How far a notification is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// Nothing has happened.
    #[default]
    New,
    /// Someone may be sending it.
    Intended {
        /// Which attempt.
        attempt: u32,
        /// Until when.
        lease_until: Timestamp,
    },
    /// It is done, one way or the other.
    Done,
    /// It lies in an inbox.
    Item {
        /// Whose.
        user_id: Uuid,
        /// Since when they have read it.
        read_at: Option<Timestamp>,
    },
}

impl Aggregate for Note {
    const STREAM_TYPE: &'static str = "NOTE";
    // 2: items of inboxes.
    const FOLD_REVISION: u32 = 2;
    type Event = NoteEvent;

    fn evolve(&mut self, event: &NoteEvent, recorded: Recorded) {
        match event {
            NoteEvent::EmailIntended(EmailIntended { attempt, lease_until, .. })
            | NoteEvent::PushIntended(PushIntended { attempt, lease_until, .. }) => {
                *self = Self::Intended { attempt: *attempt, lease_until: *lease_until };
            }
            NoteEvent::EmailSent(_)
            | NoteEvent::EmailGivenUp(_)
            | NoteEvent::PushSent(_)
            | NoteEvent::PushGivenUp(_)
            | NoteEvent::ItemLeftOut(_) => *self = Self::Done,
            NoteEvent::ItemAdded(added) => *self = Self::Item { user_id: added.user_id, read_at: None },
            NoteEvent::ItemRead(_) => self.mark(Some(recorded.at)),
            NoteEvent::ItemUnread(_) => self.mark(None),
        }
    }
}

impl Note {
    fn mark(&mut self, read: Option<Timestamp>) {
        if let Self::Item { read_at, .. } = self {
            *read_at = read;
        }
    }

    /// Which attempt the next one is, for a sender who asks for the lease now.
    pub(crate) fn attempt(&self, at: Timestamp) -> Result<u32, NoLease> {
        match self {
            Self::Done | Self::Item { .. } => Err(NoLease::Done),
            Self::Intended { lease_until, .. } if at < *lease_until => Err(NoLease::Held { until: *lease_until }),
            Self::Intended { attempt, .. } => Ok(attempt.saturating_add(1)),
            Self::New => Ok(1),
        }
    }
}

/// Why no lease is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLease {
    /// It is sent, or given up.
    #[error("it is done")]
    Done,
    /// Another sender may still be at it.
    #[error("another sender has it until {until}")]
    Held {
        /// When the other's lease ends.
        until: Timestamp,
    },
}
