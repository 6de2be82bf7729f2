//! One email: intended under a lease, then sent or given up. The intents are facts, so a second sender finds them (ADR 0006).

use annals_kit::{Command, CustomerId, EventId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::note::{Kind, NoLease, Note, NoteEvent};

/// Someone is about to send an email, and no one else may until the lease ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailIntended {
    /// The email.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// To whom, by the id of a customer, a person or an invitation; the address is asked for at the moment of sending.
    pub customer_id: CustomerId,
    /// The event that it is about.
    pub about: EventId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Until when the attempt may still be under way.
    pub lease_until: Timestamp,
}

/// The provider took the email.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailSent {
    /// The email.
    pub notification_id: Uuid,
    /// The provider's id of it.
    pub message_id: String,
}

/// The email will never be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailGivenUp {
    /// The email.
    pub notification_id: Uuid,
    /// Why, without personal data.
    pub reason: String,
}

/// Takes the lease to send an email. The attempt is filled in by the decision.
#[derive(Clone, Debug)]
pub struct Intend {
    /// The email.
    pub notification_id: Uuid,
    /// What for.
    pub kind: Kind,
    /// To whom.
    pub customer_id: CustomerId,
    /// The event that it is about.
    pub about: EventId,
    /// Until when this sender may be at it.
    pub lease_until: Timestamp,
}

impl Command for Intend {
    type Aggregate = Note;
    type Refusal = NoLease;

    fn decide(&self, state: &Note, at: Timestamp) -> Result<Vec<NoteEvent>, NoLease> {
        Ok(vec![NoteEvent::EmailIntended(EmailIntended {
            notification_id: self.notification_id,
            kind: self.kind,
            customer_id: self.customer_id.clone(),
            about: self.about.clone(),
            attempt: state.attempt(at)?,
            lease_until: self.lease_until,
        })])
    }
}

/// Ends an email: sent, or given up.
#[derive(Clone, Debug)]
pub enum Finish {
    /// The provider took it.
    Sent(EmailSent),
    /// It will never be sent.
    GivenUp(EmailGivenUp),
}

impl Command for Finish {
    type Aggregate = Note;
    type Refusal = std::convert::Infallible;

    /// What nobody has taken on does not end, and what is done stays as it was first done.
    fn decide(&self, state: &Note, _: Timestamp) -> Result<Vec<NoteEvent>, Self::Refusal> {
        Ok(match (state, self) {
            (Note::New | Note::Done | Note::Item { .. }, _) => vec![],
            (Note::Intended { .. }, Self::Sent(sent)) => vec![NoteEvent::EmailSent(sent.clone())],
            (Note::Intended { .. }, Self::GivenUp(given_up)) => vec![NoteEvent::EmailGivenUp(given_up.clone())],
        })
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::story::{given, given_nothing};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000 + second).unwrap()
    }

    fn intend(until: i64) -> Intend {
        Intend {
            notification_id: Uuid::from_u128(1),
            kind: Kind::Receipt,
            customer_id: "cust-1".parse().unwrap(),
            about: "0/INV#1@2.0".parse().unwrap(),
            lease_until: at(until),
        }
    }

    fn intended(attempt: u32, until: i64) -> NoteEvent {
        let Intend { notification_id, kind, customer_id, about, lease_until } = intend(until);
        NoteEvent::EmailIntended(EmailIntended { notification_id, kind, customer_id, about, attempt, lease_until })
    }

    fn sent() -> EmailSent {
        EmailSent { notification_id: Uuid::from_u128(1), message_id: "m".into() }
    }

    #[test]
    fn the_first_sender_takes_the_lease() {
        given_nothing().when(at(0), intend(10)).then([intended(1, 10)]);
    }

    #[test]
    fn a_second_sender_waits_for_the_lease_to_end_and_takes_over() {
        given([(at(0), intended(1, 10))]).when(at(9), intend(19)).then_refused(NoLease::Held { until: at(10) });
        given([(at(0), intended(1, 10))]).when(at(10), intend(20)).then([intended(2, 20)]);
    }

    #[test]
    fn what_nobody_has_taken_on_does_not_end() {
        let given_up = EmailGivenUp { notification_id: Uuid::from_u128(1), reason: "r".into() };
        given_nothing().when(at(0), Finish::GivenUp(given_up)).then_nothing();
        given_nothing().when(at(0), Finish::Sent(sent())).then_nothing();
    }

    #[test]
    fn a_sent_email_is_never_intended_again_and_ends_once() {
        let history = || given([(at(0), intended(1, 10)), (at(1), NoteEvent::EmailSent(sent()))]);
        history().when(at(99), intend(109)).then_refused(NoLease::Done);
        history().when(at(99), Finish::Sent(sent())).then_nothing();
    }
}
