//! A push to a person's devices: intended under a lease, then sent or given up, as an email is (ADR 6).

use std::collections::BTreeSet;

use annals_kit::{Command, EventId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::note::{Kind, NoLease, Note, NoteEvent};

/// Someone is about to push to a person's devices, and no one else may until the lease ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushIntended {
    /// The notification.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// To whom, by the id of their account.
    pub user_id: Uuid,
    /// The event that it is about.
    pub about: EventId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Until when the attempt may still be under way.
    pub lease_until: Timestamp,
}

/// The provider took it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushSent {
    /// The notification.
    pub notification_id: Uuid,
    /// For these devices.
    pub devices: BTreeSet<Uuid>,
}

/// It will never be pushed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushGivenUp {
    /// The notification.
    pub notification_id: Uuid,
    /// Why, without personal data.
    pub reason: String,
}

/// Takes the lease to push. The attempt is filled in by the decision.
#[derive(Clone, Debug)]
pub struct IntendPush {
    /// The notification.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// To whom.
    pub user_id: Uuid,
    /// The event that it is about.
    pub about: EventId,
    /// Until when this sender may be at it.
    pub lease_until: Timestamp,
}

impl Command for IntendPush {
    type Aggregate = Note;
    type Refusal = NoLease;

    fn decide(&self, state: &Note, at: Timestamp) -> Result<Vec<NoteEvent>, NoLease> {
        Ok(vec![NoteEvent::PushIntended(PushIntended {
            notification_id: self.notification_id,
            kind: self.kind,
            user_id: self.user_id,
            about: self.about.clone(),
            attempt: state.attempt(at)?,
            lease_until: self.lease_until,
        })])
    }
}

/// Ends a push: sent, or given up.
#[derive(Clone, Debug)]
pub enum FinishPush {
    /// The provider took it.
    Sent(PushSent),
    /// It will never be pushed.
    GivenUp(PushGivenUp),
}

impl Command for FinishPush {
    type Aggregate = Note;
    type Refusal = std::convert::Infallible;

    /// What nobody has taken on does not end, and what is done stays as it was first done.
    fn decide(&self, state: &Note, _: Timestamp) -> Result<Vec<NoteEvent>, Self::Refusal> {
        Ok(match (state, self) {
            (Note::New | Note::Done | Note::Item { .. }, _) => vec![],
            (Note::Intended { .. }, Self::Sent(sent)) => vec![NoteEvent::PushSent(sent.clone())],
            (Note::Intended { .. }, Self::GivenUp(given_up)) => vec![NoteEvent::PushGivenUp(given_up.clone())],
        })
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};

    use super::*;

    const NOTE: Uuid = Uuid::from_u128(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second).unwrap()
    }

    fn intend(until: i64) -> IntendPush {
        let about = "0/INV#1@2.0".parse().unwrap();
        IntendPush { notification_id: NOTE, kind: Kind::Receipt, user_id: Uuid::from_u128(5), about, lease_until: at(until) }
    }

    fn intended(attempt: u32, until: i64) -> NoteEvent {
        let IntendPush { notification_id, kind, user_id, about, lease_until } = intend(until);
        NoteEvent::PushIntended(PushIntended { notification_id, kind, user_id, about, attempt, lease_until })
    }

    fn sent() -> PushSent {
        PushSent { notification_id: NOTE, devices: [Uuid::from_u128(9)].into() }
    }

    #[test]
    fn one_sender_has_it_until_the_lease_ends_and_another_takes_over() {
        given_nothing().when(at(0), intend(10)).then([intended(1, 10)]);
        given([(at(0), intended(1, 10))]).when(at(9), intend(19)).then_refused(NoLease::Held { until: at(10) });
        given([(at(0), intended(1, 10))]).when(at(10), intend(20)).then([intended(2, 20)]);
    }

    #[test]
    fn what_is_pushed_is_never_intended_again_and_ends_once() {
        given([(at(0), intended(1, 10))]).when(at(1), FinishPush::Sent(sent())).then([NoteEvent::PushSent(sent())]);
        let history = || given([(at(0), intended(1, 10)), (at(1), NoteEvent::PushSent(sent()))]);
        history().when(at(99), intend(109)).then_refused(NoLease::Done);
        history().when(at(99), FinishPush::Sent(sent())).then_nothing();
    }

    #[test]
    fn what_nobody_has_taken_on_does_not_end() {
        let given_up = PushGivenUp { notification_id: NOTE, reason: "r".into() };
        given_nothing().when(at(0), FinishPush::GivenUp(given_up)).then_nothing();
    }
}
