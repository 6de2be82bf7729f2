//! An invoice as its history leaves it.

use std::collections::{BTreeMap, BTreeSet};

use annals_kit::{Aggregate, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::{CreditNoteIssued, InvoiceCredited, InvoiceEvent, InvoiceIssued, Notice};
use crate::dunning::{Afterwards, Dunning};
use crate::subscription::Standing;

/// An invoice's state, or that of a credit note that belongs to none; both are `None` before it exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invoice {
    /// What was issued.
    pub issued: Option<InvoiceIssued>,
    /// The credit note that was issued, where it is one.
    pub credit_note: Option<CreditNoteIssued>,
    /// Minor units received so far.
    pub received: i64,
    /// Minor units credited so far.
    pub credited: i64,
    /// The credit notes.
    pub credits: BTreeMap<Uuid, Credit>,
    /// Minor units paid back so far.
    pub refunded: i64,
    /// The refunds.
    pub refunds: BTreeSet<Uuid>,
    /// When nothing of it was open any more, while that is so.
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

/// A credit of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credit {
    /// The credit note.
    pub note: InvoiceCredited,
    /// Whether it was taken back.
    pub voided: bool,
}

impl Invoice {
    /// Minor units that were charged and not credited; below zero for a credit note.
    pub fn owed(&self) -> i64 {
        let charged = self.issued.as_ref().map_or(0, |issued| issued.amount.minor());
        let noted = self.credit_note.as_ref().map_or(0, |note| note.amount.minor());
        charged.saturating_sub(noted).saturating_sub(self.credited)
    }

    /// Minor units that are still to be paid.
    pub fn open(&self) -> i64 {
        if self.voided { 0 } else { self.owed().saturating_sub(self.received).max(0) }
    }

    /// Minor units that are to be paid back: received or credited beyond what is owed, and not refunded yet.
    pub fn owed_back(&self) -> i64 {
        let owed = if self.voided { 0 } else { self.owed() };
        self.received.saturating_sub(owed).saturating_sub(self.refunded).max(0)
    }

    /// Says since when nothing is open, or that something is.
    fn settle(&mut self, at: Timestamp) {
        match self.issued.is_some() && self.owed() <= self.received {
            true => drop(self.paid_at.get_or_insert(at)),
            false => self.paid_at = None,
        }
    }

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
    const FOLD_REVISION: u32 = 3;
    type Event = InvoiceEvent;

    fn evolve(&mut self, event: &InvoiceEvent, recorded: Recorded) {
        match event {
            InvoiceEvent::Issued(issued) => self.issued = Some(issued.clone()),
            InvoiceEvent::PaymentReceived(payment) => {
                self.received = self.received.saturating_add(payment.amount.minor());
                self.notices.push(payment.notice.clone());
                self.settle(recorded.at);
            }
            InvoiceEvent::CreditNoteIssued(note) => self.credit_note = Some(note.clone()),
            InvoiceEvent::Credited(credited) => {
                self.credited = self.credited.saturating_add(credited.amount.minor());
                self.credits.insert(credited.credit_note_id, Credit { note: credited.clone(), voided: false });
                self.notices.extend(credited.notice.clone());
                self.settle(recorded.at);
            }
            InvoiceEvent::CreditVoided(voided) => {
                self.credited = self.credited.saturating_sub(voided.amount.minor());
                if let Some(credit) = self.credits.get_mut(&voided.credit_note_id) {
                    credit.voided = true;
                }
                self.notices.push(voided.notice.clone());
                self.settle(recorded.at);
            }
            InvoiceEvent::Refunded(refunded) => {
                self.refunded = self.refunded.saturating_add(refunded.amount.minor());
                self.refunds.insert(refunded.refund_id);
                self.notices.extend(refunded.notice.clone());
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
