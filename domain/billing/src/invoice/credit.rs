//! Crediting an invoice, and paying back what is owed back.

use annals_kit::{Command, Money, Timestamp};
use uuid::Uuid;

use super::commands::{InvoiceRefusal, Open};
use super::events::{
    CreditNoteIssued, CreditReason, InvoiceCreditVoided, InvoiceCredited, InvoiceEvent, InvoiceIssued, Notice, PaymentRefunded, StopReason,
};
use super::state::Invoice;
use crate::amount::{Line, part_of};
use crate::calendar::Period;

/// Issues a credit note that belongs to no invoice.
#[derive(Clone, Debug)]
pub struct IssueCreditNote(pub CreditNoteIssued);

/// Credits some or all of an invoice.
#[derive(Clone, Debug)]
pub struct CreditInvoice {
    /// The credit note's id: one that is known changes nothing.
    pub credit_note_id: Uuid,
    /// How much, with tax.
    pub amount: Money,
    /// The tax in it; `None` for the invoice's own share.
    pub tax: Option<Money>,
    /// For what.
    pub lines: Vec<Line>,
    /// Whose revenue it takes back; `None` for all days of the invoice.
    pub days: Option<Period>,
    /// Why.
    pub reason: CreditReason,
    /// What to do where less is left than `amount`.
    pub most: Most,
    /// The provider's notice, where the provider issued it.
    pub notice: Option<Notice>,
}

/// How much of a credit may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Most {
    /// Nothing: all of it, or it is refused.
    All,
    /// What goes beyond the invoice, which the caller credits elsewhere.
    WhatIsLeft,
}

/// Takes in that the provider voided a credit note, told after it was issued or before.
#[derive(Clone, Debug)]
pub struct VoidCredit {
    /// The credit as it was.
    pub credit: CreditInvoice,
    /// The notice of its end.
    pub notice: Notice,
}

/// Pays back what is owed back.
#[derive(Clone, Copy, Debug)]
pub struct RefundInvoice {
    /// The refund's id: one that is known changes nothing.
    pub refund_id: Uuid,
    /// How much.
    pub amount: Money,
}

/// Takes in what the provider says it has paid back.
#[derive(Clone, Debug)]
pub struct RecordRefund {
    /// The refund's id.
    pub refund_id: Uuid,
    /// This much in all, this notice and earlier ones together.
    pub refunded: Money,
    /// The notice.
    pub notice: Notice,
}

impl Command for IssueCreditNote {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// Issuing what is issued already changes nothing.
    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        match () {
            () if state.credit_note.is_some() || state.issued.is_some() => Ok(vec![]),
            () if self.0.amount.minor() < 0 => Err(InvoiceRefusal::NegativeAmount),
            () if self.0.period_end < self.0.period_start => Err(InvoiceRefusal::EmptyPeriod),
            () => Ok(vec![InvoiceEvent::CreditNoteIssued(self.0.clone())]),
        }
    }
}

impl Command for CreditInvoice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    fn decide(&self, state: &Invoice, at: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let open = open(state, at)?;
        match &self.notice {
            Some(notice) if state.notices.contains(notice) => return Ok(vec![]),
            Some(_) if state.credits.contains_key(&self.credit_note_id) => return Err(InvoiceRefusal::OldCredit),
            None if state.credits.contains_key(&self.credit_note_id) => return Ok(vec![]),
            _ => {}
        }
        let credited = self.credited(&open)?;
        let settled = credited.as_ref().is_some_and(|credited| credited.amount.minor() >= state.open());
        let stopped = open.dunning_stopped(StopReason::Credited).filter(|_| settled && state.paid_at.is_none());
        Ok(credited.map(InvoiceEvent::Credited).into_iter().chain(stopped).collect())
    }
}

fn open(state: &Invoice, at: Timestamp) -> Result<Open<'_>, InvoiceRefusal> {
    let invoice = state.issued.clone().ok_or(InvoiceRefusal::Unknown)?;
    if state.voided { Err(InvoiceRefusal::AlreadyVoided) } else { Ok(Open { invoice, state, at }) }
}

impl CreditInvoice {
    /// The credit of `open`; `None` where nothing is left that it could take.
    fn credited(&self, open: &Open<'_>) -> Result<Option<InvoiceCredited>, InvoiceRefusal> {
        let (asked, left) = (open.same_currency(self.amount)?.minor(), open.state.owed().max(0));
        let minor = match self.most {
            _ if asked <= 0 => return Err(InvoiceRefusal::NoAmount),
            Most::All if asked > left => return Err(InvoiceRefusal::MoreThanCharged { left }),
            Most::All | Most::WhatIsLeft => asked.min(left),
        };
        let InvoiceIssued { invoice_id, subscription_id, customer_id, period_start, period_end, amount, .. } = open.invoice.clone();
        // All of a note's own tax, or the invoice's share; of a note that is cut, the same part of its tax.
        let tax = match self.tax {
            Some(tax) => part_of(open.same_currency(tax)?.minor(), minor, asked),
            None => part_of(open.invoice.tax(), minor, amount.minor()),
        };
        let money = |minor: i64| Money::new(minor, amount.currency()).map_err(|_| InvoiceRefusal::NoAmount);
        let days = self.days.unwrap_or(Period { start: period_start, end: period_end });
        let credited = InvoiceCredited {
            invoice_id,
            subscription_id,
            customer_id,
            credit_note_id: self.credit_note_id,
            amount: money(minor)?,
            tax: Some(money(tax)?).filter(|tax| tax.minor() != 0),
            lines: self.lines.clone(),
            reason: self.reason,
            period_start: days.start,
            period_end: days.end,
            notice: self.notice.clone(),
        };
        Ok((minor > 0).then_some(credited))
    }
}

impl Command for VoidCredit {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// A note whose end is told first is recorded with its end, so that its beginning, told late, counts no more.
    fn decide(&self, state: &Invoice, at: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let open = open(state, at)?;
        let id = self.credit.credit_note_id;
        let (note, is_new) = match state.credits.get(&id) {
            _ if state.notices.contains(&self.notice) => return Ok(vec![]),
            Some(known) if known.voided => return Err(InvoiceRefusal::OldCredit),
            Some(known) => (known.note.clone(), false),
            None => (self.credit.credited(&open)?.ok_or(InvoiceRefusal::NoAmount)?, true),
        };
        let voided = InvoiceCreditVoided {
            invoice_id: note.invoice_id,
            subscription_id: note.subscription_id,
            customer_id: note.customer_id.clone(),
            credit_note_id: id,
            amount: note.amount,
            tax: note.tax,
            period_start: note.period_start,
            period_end: note.period_end,
            notice: self.notice.clone(),
        };
        let first = is_new.then_some(InvoiceEvent::Credited(note));
        Ok(first.into_iter().chain([InvoiceEvent::CreditVoided(voided)]).collect())
    }
}

/// Whose refund it is, and in which currency.
fn refunded(state: &Invoice, refund_id: Uuid, amount: Money, notice: Option<Notice>) -> Result<InvoiceEvent, InvoiceRefusal> {
    let (invoice_id, subscription_id, customer_id, currency) = match (&state.issued, &state.credit_note) {
        (Some(issued), _) => (issued.invoice_id, issued.subscription_id, issued.customer_id.clone(), issued.amount.currency()),
        (None, Some(note)) => (note.credit_note_id, note.subscription_id, note.customer_id.clone(), note.amount.currency()),
        (None, None) => return Err(InvoiceRefusal::Unknown),
    };
    if amount.currency() != currency {
        return Err(InvoiceRefusal::OtherCurrency);
    }
    Ok(InvoiceEvent::Refunded(PaymentRefunded { invoice_id, subscription_id, customer_id, refund_id, amount, notice }))
}

impl Command for RefundInvoice {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let event = refunded(state, self.refund_id, self.amount, None)?;
        match () {
            () if state.refunds.contains(&self.refund_id) => Ok(vec![]),
            () if self.amount.minor() <= 0 => Err(InvoiceRefusal::NoAmount),
            () if self.amount.minor() > state.owed_back() => Err(InvoiceRefusal::NotOwed { owed: state.owed_back() }),
            () => Ok(vec![event]),
        }
    }
}

impl Command for RecordRefund {
    type Aggregate = Invoice;
    type Refusal = InvoiceRefusal;

    /// What the provider has paid back is a fact, whether it was owed or not, and whether or not its payment has been told of.
    fn decide(&self, state: &Invoice, _: Timestamp) -> Result<Vec<InvoiceEvent>, InvoiceRefusal> {
        let more = self.refunded.minor().saturating_sub(state.refunded);
        let amount = Money::new(more.max(0), self.refunded.currency()).map_err(|_| InvoiceRefusal::NoMoney)?;
        let event = refunded(state, self.refund_id, amount, Some(self.notice.clone()))?;
        match () {
            () if state.notices.contains(&self.notice) => Ok(vec![]),
            () if more <= 0 => Err(InvoiceRefusal::NoMoney),
            () => Ok(vec![event]),
        }
    }
}
