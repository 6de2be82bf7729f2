//! One email: intended under a lease, then sent or given up. The intents are facts, so a second sender finds them (ADR 0006).

use annals_kit::{Aggregate, Command, CustomerId, Event, EventId, Recorded, Schema, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the email is for.
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
    /// Somebody is asked to join an organisation.
    Invitation,
}

/// What happens to an email.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "payload")]
pub enum EmailEvent {
    /// Someone is about to send it.
    #[serde(rename = "EMAIL_INTENDED")]
    Intended(EmailIntended),
    /// The provider took it.
    #[serde(rename = "EMAIL_SENT")]
    Sent(EmailSent),
    /// It will never be sent.
    #[serde(rename = "EMAIL_GIVEN_UP")]
    GivenUp(EmailGivenUp),
}

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

impl Event for EmailEvent {
    // Internal: no other service has a use for them, and publishing what nobody consumes costs a call per event.
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "EMAIL_INTENDED", upcasts: &[], published: false },
        Schema { event_type: "EMAIL_SENT", upcasts: &[], published: false },
        Schema { event_type: "EMAIL_GIVEN_UP", upcasts: &[], published: false },
    ];
}

/// How far an email is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Email {
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
}

impl Aggregate for Email {
    const STREAM_TYPE: &'static str = "NOTE";
    const FOLD_REVISION: u32 = 1;
    type Event = EmailEvent;

    fn evolve(&mut self, event: &EmailEvent, _: Recorded) {
        *self = match event {
            EmailEvent::Intended(intended) => Self::Intended { attempt: intended.attempt, lease_until: intended.lease_until },
            EmailEvent::Sent(_) | EmailEvent::GivenUp(_) => Self::Done,
        };
    }
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

impl Command for Intend {
    type Aggregate = Email;
    type Refusal = NoLease;

    fn decide(&self, state: &Email, at: Timestamp) -> Result<Vec<EmailEvent>, NoLease> {
        let attempt = match state {
            Email::Done => return Err(NoLease::Done),
            Email::Intended { lease_until, .. } if at < *lease_until => return Err(NoLease::Held { until: *lease_until }),
            Email::Intended { attempt, .. } => attempt.saturating_add(1),
            Email::New => 1,
        };
        Ok(vec![EmailEvent::Intended(EmailIntended {
            notification_id: self.notification_id,
            kind: self.kind,
            customer_id: self.customer_id.clone(),
            about: self.about.clone(),
            attempt,
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
    type Aggregate = Email;
    type Refusal = std::convert::Infallible;

    /// What nobody has taken on does not end, and what is done stays as it was first done.
    fn decide(&self, state: &Email, _: Timestamp) -> Result<Vec<EmailEvent>, Self::Refusal> {
        Ok(match (state, self) {
            (Email::New | Email::Done, _) => vec![],
            (Email::Intended { .. }, Self::Sent(sent)) => vec![EmailEvent::Sent(sent.clone())],
            (Email::Intended { .. }, Self::GivenUp(given_up)) => vec![EmailEvent::GivenUp(given_up.clone())],
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

    fn intended(attempt: u32, until: i64) -> EmailEvent {
        let Intend { notification_id, kind, customer_id, about, lease_until } = intend(until);
        EmailEvent::Intended(EmailIntended { notification_id, kind, customer_id, about, attempt, lease_until })
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
        let history = || given([(at(0), intended(1, 10)), (at(1), EmailEvent::Sent(sent()))]);
        history().when(at(99), intend(109)).then_refused(NoLease::Done);
        history().when(at(99), Finish::Sent(sent())).then_nothing();
    }
}
