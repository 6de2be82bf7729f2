//! Settles what a change in mid-period comes to: an invoice where something is to be paid, otherwise a credit note.
//!
//! What is given back is credited on the invoice of the period, as far as that goes; what goes beyond it, on a credit note of its own.
//! Every id and command is made of the subscription and the adjustment, so a run that dies is gone on with, and runs together do it once.

use annals_kit::{CommandId, Money, StreamId, Tenant};
use annals_log::{ExecuteError, Expect, Outcome, Request};
use billing::amount::{Amounts, part_of};
use billing::calendar::Period;
use billing::invoice::{CreditInvoice, CreditNoteIssued, CreditReason, InvoiceEvent, InvoiceRefusal, IssueCreditNote, IssueInvoice, Most};
use billing::subscription::{Adjustment, Agreement, SettleAdjustment, Subscription};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::deps::Deps;
use crate::generate_due_invoices::{FUNCTION, request};
use crate::issue::{invoice, invoice_id, settlement_id};
use crate::schedule::{Became, became, failed, unread};

/// An adjustment that is to be settled.
pub(crate) struct Settlement<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) tenant: &'a Tenant,
    pub(crate) subscription: &'a Subscription,
    pub(crate) agreement: &'a Agreement,
    pub(crate) adjustment: &'a Adjustment,
    pub(crate) today: NaiveDate,
}

impl Settlement<'_> {
    /// Settles it and records that on the subscription.
    ///
    /// Cost: 1 WCU for an invoice, or a strong load of the period's invoice and 1 WCU for each credit note; 1 WCU for the subscription's
    /// note of it, and a load before that.
    pub(crate) async fn run(&self) -> Became {
        let stream = self.stream();
        let Ok(amounts) = self.adjustment.amounts(&self.agreement.terms) else {
            return failed(self.deps, FUNCTION, &stream, "an adjustment comes to more than an amount can be");
        };
        let documents = match amounts.total.minor() {
            0 => Ok(vec![]),
            due if due > 0 => self.charge(amounts).await,
            _ => self.give_back(amounts.negated()).await,
        };
        let documents = match documents {
            Ok(documents) => documents,
            Err(became) => return became,
        };
        let command = SettleAdjustment { number: self.adjustment.number, documents };
        let outcome = self.deps.subscriptions.execute(&self.request("settled"), &stream, Expect::Existing, &command).await;
        became(self.deps, FUNCTION, &stream, outcome)
    }

    fn stream(&self) -> StreamId {
        StreamId::of("SUB", self.agreement.began.subscription_id)
    }

    fn id(&self, purpose: &str) -> Uuid {
        settlement_id(self.tenant, purpose, self.agreement.began.subscription_id, self.adjustment.number)
    }

    /// What settles one adjustment has one correlation.
    fn request(&self, purpose: &str) -> Request {
        let name = format!("adjustment/{}/{}", self.agreement.began.subscription_id, self.adjustment.number);
        let whole = CommandId::derived(self.tenant, &format!("{FUNCTION}/{name}"));
        request(self.tenant, &format!("{name}/{purpose}"), Some(whole))
    }

    fn days(&self) -> Period {
        Period { start: self.adjustment.from, end: self.adjustment.until }
    }

    async fn charge(&self, amounts: Amounts) -> Result<Vec<Uuid>, Became> {
        let id = self.id("invoice of adjustment");
        let issued = invoice(id, self.agreement, (self.adjustment.lines.clone(), amounts), self.days(), self.today);
        let stream = StreamId::of("INV", id);
        let outcome = self.deps.invoices.execute(&self.request("invoice"), &stream, Expect::New, &IssueInvoice(issued)).await;
        self.done(&stream, outcome).map(|()| vec![id])
    }

    async fn give_back(&self, amounts: Amounts) -> Result<Vec<Uuid>, Became> {
        let credited = self.credit_invoice(amounts).await?;
        let rest = amounts.total.minor() - credited;
        let noted = (credited > 0).then(|| self.id("credit note of adjustment"));
        let beyond = if rest > 0 { Some(self.issue_credit_note(amounts, rest).await?) } else { None };
        Ok(noted.into_iter().chain(beyond).collect())
    }

    /// Credits the period's invoice as far as that goes; how much it took.
    async fn credit_invoice(&self, amounts: Amounts) -> Result<i64, Became> {
        let stream = StreamId::of("INV", invoice_id(self.tenant, self.subscription, self.agreement, self.adjustment.period_start));
        let credit_note_id = self.id("credit note of adjustment");
        let command = CreditInvoice {
            credit_note_id,
            amount: amounts.total,
            tax: Some(amounts.tax),
            lines: self.adjustment.lines.clone(),
            days: Some(self.days()),
            reason: CreditReason::Unused,
            most: Most::WhatIsLeft,
            notice: None,
        };
        let outcome = self.deps.invoices.execute(&self.request("credit"), &stream, Expect::Existing, &command).await;
        match outcome {
            // The provider took the invoice back, or there is none: all of it goes on a note of its own.
            Err(ExecuteError::Refused(InvoiceRefusal::AlreadyVoided | InvoiceRefusal::Unknown)) => return Ok(0),
            other => self.done(&stream, other)?,
        }
        let loaded = self.deps.invoices.load(&stream).await.map_err(|error| unread(self.deps, FUNCTION, &stream, error))?;
        Ok(loaded.state.credits.get(&credit_note_id).map_or(0, |credit| credit.note.amount.minor()))
    }

    async fn issue_credit_note(&self, amounts: Amounts, rest: i64) -> Result<Uuid, Became> {
        let (id, currency) = (self.id("credit note of its own"), amounts.total.currency());
        let stream = StreamId::of("INV", id);
        let money = |minor| Money::new(minor, currency).map_err(|error| failed(self.deps, FUNCTION, &stream, &error.to_string()));
        // What the invoice took had its part of the tax.
        let tax = amounts.tax.minor() - part_of(amounts.tax.minor(), amounts.total.minor() - rest, amounts.total.minor());
        let Period { start, end } = self.days();
        let note = CreditNoteIssued {
            credit_note_id: id,
            subscription_id: self.agreement.began.subscription_id,
            customer_id: self.agreement.began.customer_id.clone(),
            amount: money(rest)?,
            tax: Some(money(tax)?).filter(|tax| tax.minor() != 0),
            lines: self.adjustment.lines.clone(),
            number: None,
            issued_on: self.today,
            period_start: start,
            period_end: end,
        };
        let outcome = self.deps.invoices.execute(&self.request("note"), &stream, Expect::New, &IssueCreditNote(note)).await;
        self.done(&stream, outcome).map(|()| id)
    }

    fn done(&self, stream: &StreamId, outcome: Result<Outcome<InvoiceEvent>, ExecuteError<InvoiceRefusal>>) -> Result<(), Became> {
        match became(self.deps, FUNCTION, stream, outcome) {
            Became::Done | Became::Unchanged => Ok(()),
            other => Err(other),
        }
    }
}
