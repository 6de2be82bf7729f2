//! An item of a person's inbox: added once, read, perhaps marked to be read again. An inbox belongs to an account (ADR 51).

use annals_kit::{Command, EventId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::note::{Kind, Note, NoteEvent};

/// It lies in a person's inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemAdded {
    /// The notification.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// Whose inbox, by the id of their account.
    pub user_id: Uuid,
    /// The event that it is about.
    pub about: EventId,
    /// What it says first, without personal data.
    pub title: String,
    /// And then.
    pub text: String,
}

/// It will never lie in the person's inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemLeftOut {
    /// The notification.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// Whose inbox.
    pub user_id: Uuid,
    /// The event that it is about.
    pub about: EventId,
    /// Why.
    pub reason: String,
}

/// The person has read an item, or wants to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemMarked {
    /// The notification.
    pub notification_id: Uuid,
    /// Whose inbox.
    pub user_id: Uuid,
}

/// Puts an item into an inbox, or says why it is not there. Whichever was first stays.
#[derive(Clone, Debug)]
pub enum TellInbox {
    /// The person wants it.
    Add(ItemAdded),
    /// The person does not.
    LeaveOut(ItemLeftOut),
}

impl Command for TellInbox {
    type Aggregate = Note;
    type Refusal = std::convert::Infallible;

    fn decide(&self, state: &Note, _: Timestamp) -> Result<Vec<NoteEvent>, Self::Refusal> {
        Ok(match (state, self) {
            (Note::New, Self::Add(added)) => vec![NoteEvent::ItemAdded(added.clone())],
            (Note::New, Self::LeaveOut(left_out)) => vec![NoteEvent::ItemLeftOut(left_out.clone())],
            (Note::Intended { .. } | Note::Done | Note::Item { .. }, _) => vec![],
        })
    }
}

/// A read mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// They have read it.
    Read,
    /// They want to read it again.
    Unread,
}

/// Marks an item of a person's own inbox.
#[derive(Clone, Copy, Debug)]
pub struct MarkItem {
    /// The notification.
    pub notification_id: Uuid,
    /// Who marks it.
    pub user_id: Uuid,
    /// As what.
    pub mark: Mark,
}

/// Why nothing is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such item in this inbox")]
pub struct NoItem;

impl Command for MarkItem {
    type Aggregate = Note;
    type Refusal = NoItem;

    /// Only whose inbox it is in may mark it, and what is so already is not said again: it was read when it was first read.
    fn decide(&self, state: &Note, _: Timestamp) -> Result<Vec<NoteEvent>, NoItem> {
        let Note::Item { user_id, read_at } = state else { return Err(NoItem) };
        if *user_id != self.user_id {
            return Err(NoItem);
        }
        let marked = ItemMarked { notification_id: self.notification_id, user_id: self.user_id };
        Ok(match (self.mark, read_at) {
            (Mark::Read, None) => vec![NoteEvent::ItemRead(marked)],
            (Mark::Unread, Some(_)) => vec![NoteEvent::ItemUnread(marked)],
            (Mark::Read, Some(_)) | (Mark::Unread, None) => vec![],
        })
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};

    use super::*;

    const NOTE: Uuid = Uuid::from_u128(1);
    const ADA: Uuid = Uuid::from_u128(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second).unwrap()
    }

    fn added() -> ItemAdded {
        let about = "0/INV#1@2.0".parse().unwrap();
        ItemAdded { notification_id: NOTE, kind: Kind::Receipt, user_id: ADA, about, title: "t".into(), text: "x".into() }
    }

    fn left_out() -> ItemLeftOut {
        let ItemAdded { notification_id, kind, user_id, about, .. } = added();
        ItemLeftOut { notification_id, kind, user_id, about, reason: "r".into() }
    }

    fn mark(user_id: Uuid, mark: Mark) -> MarkItem {
        MarkItem { notification_id: NOTE, user_id, mark }
    }

    fn marked() -> ItemMarked {
        ItemMarked { notification_id: NOTE, user_id: ADA }
    }

    #[test]
    fn an_item_is_added_once() {
        given_nothing().when(at(0), TellInbox::Add(added())).then([NoteEvent::ItemAdded(added())]);
        given([(at(0), NoteEvent::ItemAdded(added()))]).when(at(1), TellInbox::Add(added())).then_nothing();
    }

    #[test]
    fn what_was_left_out_stays_out() {
        given_nothing().when(at(0), TellInbox::LeaveOut(left_out())).then([NoteEvent::ItemLeftOut(left_out())]);
        given([(at(0), NoteEvent::ItemLeftOut(left_out()))]).when(at(1), TellInbox::Add(added())).then_nothing();
    }

    #[test]
    fn an_item_is_read_once_until_it_is_marked_unread() {
        let lying = || given([(at(0), NoteEvent::ItemAdded(added()))]);
        lying().when(at(1), mark(ADA, Mark::Read)).then([NoteEvent::ItemRead(marked())]);
        lying().when(at(1), mark(ADA, Mark::Unread)).then_nothing();
        let read = || given([(at(0), NoteEvent::ItemAdded(added())), (at(1), NoteEvent::ItemRead(marked()))]);
        read().when(at(2), mark(ADA, Mark::Read)).then_nothing();
        read().when(at(2), mark(ADA, Mark::Unread)).then([NoteEvent::ItemUnread(marked())]);
    }

    #[test]
    fn nobody_marks_what_is_not_in_their_inbox() {
        let bob = Uuid::from_u128(6);
        given([(at(0), NoteEvent::ItemAdded(added()))]).when(at(1), mark(bob, Mark::Read)).then_refused(NoItem);
        given([(at(0), NoteEvent::ItemLeftOut(left_out()))]).when(at(1), mark(ADA, Mark::Read)).then_refused(NoItem);
        given_nothing().when(at(1), mark(ADA, Mark::Read)).then_refused(NoItem);
    }
}
