//! An invoice as its history leaves it.

use annals_kit::{Aggregate, Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::events::{InvoiceEvent, InvoiceIssued, Notice};
use crate::dunning::{Afterwards, Dunning};
use crate::subscription::Standing;

/// An invoice's state; `issued` is `None` before it exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// What was issued.
    pub issued: Option<InvoiceIssued>,
    /// Minor units received so far.
    pub received: i64,
    /// When it was paid in full.
    pub paid_at: Option<Timestamp>,
    /// The notices taken in.
    pub notices: Vec<Notice>,
    /// The highest failed attempt.
    pub failed_attempts: u32,
    /// What is done about it, while it is past due.
    pub dunning: Option<Dunning>,
    /// What became of the subscription when it was given up, if it was.
    pub given_up: Option<Afterwards>,
    /// Whether the provider took it back.
    pub voided: bool,
}

impl Invoice {
    /// How it stands, as far as its subscription is concerned.
    pub fn standing(&self) -> Standing {
        let settled = self.paid_at.is_some() || self.voided;
        match (&self.dunning, self.given_up) {
            _ if settled => Standing::Good,
            (Some(_), _) | (None, Some(Afterwards::KeepSubscription)) => Standing::PastDue,
            (None, Some(Afterwards::CancelSubscription)) => Standing::Lost,
            (None, None) => Standing::Good,
        }
    }
}

impl Aggregate for Invoice {
    const STREAM_TYPE: &'static str = "INV";
    const FOLD_REVISION: u32 = 2;
    type Event = InvoiceEvent;

    fn evolve(&mut self, event: &InvoiceEvent, recorded: Recorded) {
        match event {
            InvoiceEvent::Issued(issued) => self.issued = Some(issued.clone()),
            InvoiceEvent::PaymentReceived(payment) => {
                self.received = self.received.saturating_add(payment.amount.minor());
                self.notices.push(payment.notice.clone());
                let due = self.issued.as_ref().map_or(0, |issued| issued.amount.minor());
                if self.received >= due {
                    self.paid_at.get_or_insert(recorded.at);
                }
            }
            InvoiceEvent::PaymentFailed(failed) => {
                self.failed_attempts = self.failed_attempts.max(failed.attempt);
                self.notices.push(failed.notice.clone());
            }
            InvoiceEvent::DunningStarted(started) => {
                self.dunning = Some(Dunning {
                    policy: started.policy.clone(),
                    failed_at: started.failed_at,
                    next_step: 1,
                    next_step_at: started.next_step_at,
                });
            }
            InvoiceEvent::DunningStepTaken(taken) => {
                if let Some(dunning) = &mut self.dunning {
                    dunning.next_step = taken.step.saturating_add(1);
                    dunning.next_step_at = taken.next_step_at;
                }
            }
            InvoiceEvent::DunningStopped(_) => self.dunning = None,
            InvoiceEvent::MarkedUncollectible(marked) => {
                self.dunning = None;
                self.given_up = Some(marked.then);
                self.notices.extend(marked.notice.clone());
            }
            InvoiceEvent::Voided(voided) => {
                self.voided = true;
                self.notices.push(voided.notice.clone());
            }
        }
    }
}
