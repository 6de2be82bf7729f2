//! Invoices: issued once, paid in one payment or several; or in dunning, and in the end given up.

use annals_kit::{Aggregate, Command, CustomerId, Event, Money, ProviderId, Recorded, Schema, Timestamp};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dunning::{Afterwards, Dunning, DunningPolicy};
use crate::subscription::Standing;

/// What happens to an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "payload")]
pub enum InvoiceEvent {
    /// It was issued.
    #[serde(rename = "INVOICE_ISSUED")]
    Issued(InvoiceIssued),
    /// Money came in.
    #[serde(rename = "PAYMENT_RECEIVED")]
    PaymentReceived(PaymentReceived),
    /// An attempt to collect money failed.
    #[serde(rename = "PAYMENT_FAILED")]
    PaymentFailed(PaymentFailed),
    /// It is past due, and what is done about it is set.
    #[serde(rename = "DUNNING_STARTED")]
    DunningStarted(DunningStarted),
    /// The customer is to be reminded.
    #[serde(rename = "DUNNING_STEP_TAKEN")]
    DunningStepTaken(DunningStepTaken),
    /// Nothing more is done about it.
    #[serde(rename = "DUNNING_STOPPED")]
    DunningStopped(DunningStopped),
    /// It was given up.
    #[serde(rename = "INVOICE_MARKED_UNCOLLECTIBLE")]
    MarkedUncollectible(MarkedUncollectible),
    /// The provider took it back.
    #[serde(rename = "INVOICE_VOIDED")]
    Voided(InvoiceVoided),
}

/// An invoice was issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceIssued {
    /// Its id.
    pub invoice_id: Uuid,
    /// For which subscription.
    pub subscription_id: Uuid,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The first day it covers.
    pub period_start: NaiveDate,
    /// The first day it no longer covers.
    pub period_end: NaiveDate,
    /// Its id at the payment provider, where the provider issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_invoice: Option<ProviderId>,
}

/// Money came in for an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentReceived {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who paid.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// An attempt to collect an invoice failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// An invoice is past due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStarted {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// The first failure, from which days are counted.
    pub failed_at: Timestamp,
    /// What is done about it.
    pub policy: DunningPolicy,
    /// When the first step is due.
    pub next_step_at: Timestamp,
}

/// The customer is to be reminded of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStepTaken {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who is to pay.
    pub customer_id: CustomerId,
    /// How much is still due.
    pub amount: Money,
    /// Which step it was, from 1.
    pub step: u32,
    /// How many steps there are; the last gives the invoice up.
    pub steps: u32,
    /// When the next step is due.
    pub next_step_at: Timestamp,
}

/// An invoice is no longer past due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningStopped {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// Why.
    pub reason: StopReason,
}

/// Why dunning stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The invoice was paid in full.
    Paid,
    /// The provider took the invoice back.
    Voided,
}

/// An invoice was given up. It may still be paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarkedUncollectible {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// How much was still due.
    pub amount: Money,
    /// What becomes of the subscription.
    pub then: Afterwards,
    /// The provider's notice, where the provider gave it up; absent where dunning came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// The provider took an invoice back: nothing is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceVoided {
    /// The invoice.
    pub invoice_id: Uuid,
    /// Its subscription.
    pub subscription_id: Uuid,
    /// Who was to pay.
    pub customer_id: CustomerId,
    /// The provider's notice of it.
    pub notice: Notice,
}

/// Which notice of the payment provider a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// The provider's event id.
    pub event: ProviderId,
    /// The provider's event type: one payment is told under several.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When the provider says it happened.
    pub at: Timestamp,
}

impl Event for InvoiceEvent {
    const SCHEMAS: &'static [Schema] = &[
        Schema { event_type: "INVOICE_ISSUED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_RECEIVED", upcasts: &[], published: true },
        Schema { event_type: "PAYMENT_FAILED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STARTED", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STEP_TAKEN", upcasts: &[], published: true },
        Schema { event_type: "DUNNING_STOPPED", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_MARKED_UNCOLLECTIBLE", upcasts: &[], published: true },
        Schema { event_type: "INVOICE_VOIDED", upcasts: &[], published: true },
    ];
}

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
        match () {
            () if state.paid_at.is_some() => return Err(InvoiceRefusal::AlreadyPaid),
            () if state.voided => return Err(InvoiceRefusal::AlreadyVoided),
            () => events.extend(self.events(&Open { invoice, state, at })?),
        }
        Ok(events)
    }
}

/// An invoice that is neither paid nor voided, as a command finds it.
struct Open<'s> {
    invoice: InvoiceIssued,
    state: &'s Invoice,
    at: Timestamp,
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
        let in_full = paid.minor() >= due;
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
    fn same_currency(&self, money: Money) -> Result<Money, InvoiceRefusal> {
        match money.currency() == self.invoice.amount.currency() {
            true => Ok(money),
            false => Err(InvoiceRefusal::OtherCurrency),
        }
    }

    /// How much is still due.
    fn outstanding(&self) -> Money {
        let minor = self.invoice.amount.minor().saturating_sub(self.state.received).max(0);
        // Received amounts are not below zero, so what is left is within the invoice's own bounds.
        Money::new(minor, self.invoice.amount.currency()).unwrap_or(self.invoice.amount)
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

    fn dunning_stopped(&self, reason: StopReason) -> Option<InvoiceEvent> {
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
