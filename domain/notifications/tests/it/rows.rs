//! The row of a notification: a story, and its law.

use annals_kit::{Aggregate, Command, Recorded, Timestamp, Version};
use notifications::email::{Email, EmailEvent, EmailGivenUp, EmailSent, Finish, Intend, Kind};
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
fn history(tried: &[(i64, Tried)]) -> Vec<(EmailEvent, Recorded)> {
    let (mut email, mut now, mut told) = (Email::default(), 0, vec![]);
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

fn row(history: &[(EmailEvent, Recorded)]) -> Option<NotificationRow> {
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
    let sent = EmailEvent::Sent(EmailSent { notification_id: NOTE, message_id: "m".into() });
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
        let intended = told.iter().find(|(event, _)| matches!(event, EmailEvent::Intended(_))).map(|(_, recorded)| recorded.at);
        let end = told.iter().find_map(|(event, _)| match event {
            EmailEvent::Intended(_) => None,
            EmailEvent::Sent(_) => Some(Status::Sent),
            EmailEvent::GivenUp(_) => Some(Status::GivenUp),
        });
        let row = row(&told);
        prop_assert_eq!(row.as_ref().map(|row| row.created_at), intended);
        prop_assert_eq!(row.map(|row| row.status), intended.map(|_| end.unwrap_or(Status::Intended)));
    }
}
