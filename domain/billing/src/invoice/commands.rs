//! What may be asked of an invoice, and what it comes to.

use annals_kit::{Command, Money, Timestamp};

use super::events::{
    DunningStarted, DunningStepTaken, DunningStopped, InvoiceEvent, InvoiceIssued, InvoiceVoided, MarkedUncollectible, Notice,
    PaymentFailed, PaymentReceived, StopReason,
};
use super::state::Invoice;
use crate::dunning::{Dunning, DunningPolicy};

/// Issues an invoice.
#[derive(Clone, Debug)]
pub struct IssueInvoice(pub InvoiceIssued);

/// What a payment provider says happened to an invoice.
#[derive(Clone, Debug)]
pub struct RecordNotice {
    /// The invoice as the provider issued it, to be issued here if it is not known yet.
    pub issue: Option<InvoiceIssued>,
    /// What happened.
    pub happened: Happened,
    /// The notice.
    pub notice: Notice,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Happened {
    /// This much was paid in all, this notice and earlier ones together: providers tell the sum, not the step.
    Paid(Money),
    /// An attempt failed; this much is still due.
    Failed {
        /// Still due.
        due: Money,
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// The provider gave it up.
    Uncollectible,
    /// The provider took it back.
    Voided,
}

/// Takes the next step of an invoice's dunning.
#[derive(Clone, Copy, Debug)]
pub struct TakeDunningStep {
    /// Which step, from 1: repeating a step that was taken changes nothing.
    pub step: u32,
}

/// Why a command on an invoice is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceRefusal {
    /// There is no such invoice, and the notice does not describe one.
    #[error("there is no such invoice")]
    Unknown,
    /// An amount below zero.
    #[error("an invoice cannot be below zero")]
    NegativeAmount,
    /// The period ends before it begins.
    #[error("the period ends before it begins")]
    EmptyPeriod,
    /// The payment is in another currency.
    #[error("the invoice is in another currency")]
    OtherCurrency,
    /// It is paid in full already.
    #[error("the invoice is paid already")]
    AlreadyPaid,
    /// The notice tells of no money that is not recorded.
    #[error("the notice tells of no money that is not recorded")]
    NoMoney,
    /// This attempt, or a later one, is recorded already.
    #[error("a failed attempt of this number is recorded already")]
    OldAttempt,
    /// The provider took it back.
    #[error("the invoice was voided")]
    AlreadyVoided,
    /// It was given up before.
    #[error("the invoice is uncollectible already")]
    AlreadyUncollectible,
    /// Nothing, or less, is to be credited or refunded.
    #[error("an amount is above zero")]
    NoAmount,
    /// More is to be credited than was charged and is not credited yet.
    #[error("{left} minor units are left to be credited")]
    MoreThanCharged {
        /// What is left.
        left: i64,
    },
    /// More is to be refunded than is owed back.
    #[error("{owed} minor units are owed back: credit what is to be refunded first")]
    NotOwed {
        /// What is owed back.
        owed: i64,
    },
    /// The provider's credit note, or its end, is recorded already.
    #[error("the credit note is recorded already")]
    OldCredit,
    /// The step is not due yet, or steps before it are missing.
    #[error("step {step} of its dunning is due at {at}")]
    NotDue {
        /// The next step.
        step: u32,
        /// When it is due.
        at: Timestamp,
    },
}

impl Command for IssueInvoice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// Issuing what is issued already changes nothing: an invoice's id is made of what it is for.
    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        match &state.issued {
            Some(_) => Ok(vec![]),
            None => Ok(vec![InvoiceEvent::Issued(checked(&self.0)?)]),
        }
    }
}

fn checked(issued: &InvoiceIssued) -> Result<InvoiceIssued, InvoiceRefusal> {
    match () {
        () if issued.amount.minor() < 0 => Err(InvoiceRefusal::NegativeAmount),
        () if issued.period_end < issued.period_start => Err(InvoiceRefusal::EmptyPeriod),
        () => Ok(issued.clone()),
    }
}

impl Command for RecordNotice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// A notice that was taken in changes nothing. One that tells nothing new is refused, for the caller to keep elsewhere.
    fn decide(&self, state: &Invoice, at: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        if state.notices.contains(&self.notice) {
            return Ok(vec![]);
        }
        let (invoice, mut events) = match (&state.issued, &self.issue) {
            (Some(issued), _) => (issued.clone(), vec![]),
            (None, Some(issue)) => (checked(issue)?, vec![InvoiceEvent::Issued(issue.clone())]),
            (None, None) => return Err(InvoiceRefusal::Unknown),
        };
        // Where a credit settled it, money may still be told of that came in before.
        let is_money = matches!(self.happened, Happened::Paid(_)) && state.received < invoice.amount.minor();
        match () {
            () if state.paid_at.is_some() && !is_money => return Err(InvoiceRefusal::AlreadyPaid),
            () if state.voided => return Err(InvoiceRefusal::AlreadyVoided),
            () => events.extend(self.events(&Open { invoice, state, at })?),
        }
        Ok(events)
    }
}

/// An invoice that is neither paid nor voided, as a command finds it.
pub(super) struct Open<'s> {
    pub(super) invoice: InvoiceIssued,
    pub(super) state: &'s Invoice,
    pub(super) at: Timestamp,
}

impl RecordNotice {
    fn events(&self, open: &Open<'_>) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        match self.happened {
            Happened::Paid(paid) => self.paid(open, paid),
            Happened::Failed { due, attempt } => self.failed(open, due, attempt),
            Happened::Uncollectible if open.state.given_up.is_some() => Err(InvoiceRefusal::AlreadyUncollectible),
            Happened::Uncollectible => Ok(vec![open.given_up(Some(self.notice.clone()))]),
            Happened::Voided => {
                let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = open.invoice.clone();
                let voided = InvoiceVoided { invoice_id, subscription_id, customer_id, notice: self.notice.clone() };
                Ok([InvoiceEvent::Voided(voided)].into_iter().chain(open.dunning_stopped(StopReason::Voided)).collect())
            }
        }
    }

    fn paid(&self, open: &Open<'_>, paid: Money) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let (due, state) = (open.invoice.amount.minor(), open.state);
        let paid = open.same_currency(paid)?;
        // Paying a bill of nothing is a payment; paying nothing of a bill is not. A sum that is no more than what is recorded is the second
        // notice of one payment, or a late one.
        if paid.minor() < 0 || (due > 0 && paid.minor() <= state.received) {
            return Err(InvoiceRefusal::NoMoney);
        }
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = open.invoice.clone();
        let amount = Money::new(paid.minor() - state.received, paid.currency()).map_err(|_| InvoiceRefusal::NoMoney)?;
        let received = PaymentReceived { invoice_id, subscription_id, customer_id, amount, notice: self.notice.clone() };
        let in_full = paid.minor() >= due.saturating_sub(state.credited);
        let stopped = open.dunning_stopped(StopReason::Paid).filter(|_| in_full);
        Ok([InvoiceEvent::PaymentReceived(received)].into_iter().chain(stopped).collect())
    }

    fn failed(&self, open: &Open<'_>, due: Money, attempt: u32) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        if attempt <= open.state.failed_attempts {
            return Err(InvoiceRefusal::OldAttempt);
        }
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = open.invoice.clone();
        let amount = open.same_currency(due)?;
        let failed = PaymentFailed { invoice_id, subscription_id, customer_id, amount, attempt, notice: self.notice.clone() };
        Ok([InvoiceEvent::PaymentFailed(failed)].into_iter().chain(open.dunning_started(self.notice.at)).collect())
    }
}

impl Command for TakeDunningStep {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// A step that was taken, or that dunning ended before, changes nothing: another run, or a payment, was first.
    fn decide(&self, state: &Invoice, at: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let (Some(issued), Some(dunning)) = (&state.issued, &state.dunning) else { return Ok(vec![]) };
        let not_due = InvoiceRefusal::NotDue { step: dunning.next_step, at: dunning.next_step_at };
        match self.step.cmp(&dunning.next_step) {
            std::cmp::Ordering::Less => Ok(vec![]),
            std::cmp::Ordering::Equal if at >= dunning.next_step_at => Ok(vec![Open { invoice: issued.clone(), state, at }.step(dunning)]),
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Err(not_due),
        }
    }
}

impl Open<'_> {
    pub(super) fn same_currency(&self, money: Money) -> Result<Money, InvoiceRefusal> {
        match money.currency() == self.invoice.amount.currency() {
            true => Ok(money),
            false => Err(InvoiceRefusal::OtherCurrency),
        }
    }

    /// How much is still due.
    fn outstanding(&self) -> Money {
        // The notice may be what issues the invoice.
        let open = if self.state.issued.is_some() { self.state.open() } else { self.invoice.amount.minor() };
        // Neither received nor credited amounts are below zero, so what is left is within the invoice's own bounds.
        Money::new(open, self.invoice.amount.currency()).unwrap_or(self.invoice.amount)
    }

    /// The first failure starts dunning. An invoice of nothing, or one that was given up, is not dunned.
    fn dunning_started(&self, failed_at: Timestamp) -> Option<InvoiceEvent> {
        let due = self.outstanding();
        if self.state.dunning.is_some() || self.state.given_up.is_some() || due.minor() == 0 {
            return None;
        }
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = self.invoice.clone();
        let Dunning { policy, failed_at, next_step_at, .. } = Dunning::start(DunningPolicy::default(), failed_at, self.at);
        Some(InvoiceEvent::DunningStarted(DunningStarted {
            invoice_id,
            subscription_id,
            customer_id,
            amount: due,
            failed_at,
            policy,
            next_step_at,
        }))
    }

    pub(super) fn dunning_stopped(&self, reason: StopReason) -> Option<InvoiceEvent> {
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = self.invoice.clone();
        // One that was given up, and whose subscription was kept, left its subscription past due.
        let open = self.state.dunning.is_some() || self.state.given_up.is_some();
        open.then_some(InvoiceEvent::DunningStopped(DunningStopped { invoice_id, subscription_id, customer_id, reason }))
    }

    fn step(&self, dunning: &Dunning) -> InvoiceEvent {
        if !dunning.next_is_reminder() {
            return self.given_up(None);
        }
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = self.invoice.clone();
        InvoiceEvent::DunningStepTaken(DunningStepTaken {
            invoice_id,
            subscription_id,
            customer_id,
            amount: self.outstanding(),
            step: dunning.next_step,
            steps: dunning.policy.steps(),
            next_step_at: dunning.after_next(self.at),
        })
    }

    fn given_up(&self, notice: Option<Notice>) -> InvoiceEvent {
        let InvoiceIssued { invoice_id, subscription_id, customer_id, .. } = self.invoice.clone();
        let then = self.state.dunning.as_ref().map_or_else(|| DunningPolicy::default().then, |dunning| dunning.policy.then);
        InvoiceEvent::MarkedUncollectible(MarkedUncollectible {
            invoice_id,
            subscription_id,
            customer_id,
            amount: self.outstanding(),
            then,
            notice,
        })
    }
}
