//! The row of a notification: a story, and its law.

use annals_kit::{Aggregate, Command, Recorded, Timestamp, Version};
use notifications::email::{EmailGivenUp, EmailSent, Finish, Intend};
use notifications::inbox::{ItemAdded, Mark, MarkItem, TellInbox};
use notifications::note::{Kind, Note, NoteEvent};
use notifications::rows::{NotificationRow, Status};
use proptest::prelude::*;
use uuid::Uuid;

const NOTE: Uuid = Uuid::from_u128(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second).unwrap()
}

/// What someone tries with an email, and when.
#[derive(Clone, Debug)]
enum Tried {
    Intend { lease: i64 },
    Send,
    GiveUp,
}

/// Every event that comes of it, with its place.
fn history(tried: &[(i64, Tried)]) -> Vec<(NoteEvent, Recorded)> {
    let (mut email, mut now, mut told) = (Note::default(), 0, vec![]);
    for (passed, tried) in tried {
        now += passed;
        let decided = match tried {
            Tried::Intend { lease } => Intend {
                notification_id: NOTE,
                kind: Kind::Receipt,
                customer_id: "ada".parse().unwrap(),
                about: "0/INV#1@2.0".parse().unwrap(),
                lease_until: at(now + lease),
            }
            .decide(&email, at(now))
            .unwrap_or_default(),
            Tried::Send => Finish::Sent(EmailSent { notification_id: NOTE, message_id: "m".into() }).decide(&email, at(now)).unwrap(),
            Tried::GiveUp => Finish::GivenUp(EmailGivenUp { notification_id: NOTE, reason: "r".into() }).decide(&email, at(now)).unwrap(),
        };
        for event in decided {
            let recorded = Recorded { version: Version::new(told.len() as u64 + 1).unwrap(), at: at(now) };
            email.evolve(&event, recorded);
            told.push((event, recorded));
        }
    }
    told
}

fn row(history: &[(NoteEvent, Recorded)]) -> Option<NotificationRow> {
    history.iter().fold(None, |row, (event, recorded)| NotificationRow::fold(row, event, *recorded))
}

#[test]
fn a_second_attempt_is_of_the_same_and_the_first_says_when() {
    let told = history(&[(0, Tried::Intend { lease: 10 }), (10, Tried::Intend { lease: 10 }), (1, Tried::Send)]);
    let row = row(&told).unwrap();
    assert_eq!((row.id, row.status, row.created_at), (NOTE, Status::Sent, at(0)));
}

#[test]
fn the_end_of_what_never_began_makes_no_row() {
    let recorded = Recorded { version: Version::FIRST, at: at(0) };
    let sent = NoteEvent::EmailSent(EmailSent { notification_id: NOTE, message_id: "m".into() });
    assert_eq!(NotificationRow::fold(None, &sent, recorded), None);
}

fn tried() -> impl Strategy<Value = Tried> {
    prop_oneof![(1i64..20).prop_map(|lease| Tried::Intend { lease }), Just(Tried::Send), Just(Tried::GiveUp)]
}

proptest! {
    /// Law: the row says what the events say: when it was first intended, and the end that came first, if one came.
    #[test]
    fn the_row_says_what_happened(tried in prop::collection::vec((0i64..15, tried()), 0..12)) {
        let told = history(&tried);
        let intended = told.iter().find(|(event, _)| matches!(event, NoteEvent::EmailIntended(_))).map(|(_, recorded)| recorded.at);
        let end = told.iter().find_map(|(event, _)| match event {
            NoteEvent::EmailSent(_) => Some(Status::Sent),
            NoteEvent::EmailGivenUp(_) => Some(Status::GivenUp),
            _ => None,
        });
        let row = row(&told);
        prop_assert_eq!(row.as_ref().map(|row| row.created_at), intended);
        prop_assert_eq!(row.map(|row| row.status), intended.map(|_| end.unwrap_or(Status::Intended)));
    }

    /// Law: an item's row is in the inbox that it was added to, and says when it was marked read, if it was last marked so.
    #[test]
    fn an_items_row_says_since_when_it_is_read(marks in prop::collection::vec((1i64..9, prop::bool::ANY), 0..12)) {
        let (ada, about) = (Uuid::from_u128(5), "0/INV#1@2.0".parse().unwrap());
        let (title, text) = ("t".into(), "x".into());
        let added = ItemAdded { notification_id: NOTE, kind: Kind::Receipt, user_id: ada, about, title, text };
        let (mut note, mut row, mut now, mut version, mut read) = (Note::default(), None, 0, 0, None);
        let mut take = |note: &mut Note, row: &mut Option<NotificationRow>, events: Vec<NoteEvent>, now: i64| {
            for event in events {
                version += 1;
                let recorded = Recorded { version: Version::new(version).unwrap(), at: at(now) };
                note.evolve(&event, recorded);
                *row = NotificationRow::fold(row.take(), &event, recorded);
            }
        };
        let events = TellInbox::Add(added).decide(&note, at(0)).unwrap();
        take(&mut note, &mut row, events, 0);
        for (passed, is_read) in marks {
            now += passed;
            let mark = if is_read { Mark::Read } else { Mark::Unread };
            let events = MarkItem { notification_id: NOTE, user_id: ada, mark }.decide(&note, at(now)).unwrap();
            take(&mut note, &mut row, events, now);
            read = is_read.then(|| read.unwrap_or(at(now)));
        }
        let row = row.unwrap();
        prop_assert_eq!((row.inbox, row.status, row.read_at), (Some(ada), Status::Sent, read));
        prop_assert_eq!(note, Note::Item { user_id: ada, read_at: read });
    }
}
