//! Double entry: the legs that every amount posts, and the accounts they are posted to.
//!
//! - An invoice: receivable, against deferred revenue (its net) and tax.
//! - A payment: cash, against receivable; what goes beyond it is the customer's credit.
//! - A credit note: deferred revenue and tax, against receivable; what goes beyond it is the customer's credit.
//! - A refund: the customer's credit, against cash; what was not owed back is an expense, under refunds.
//! - An invoice that is given up: bad debt, against receivable; a payment after all takes it back.
//! - Revenue: deferred revenue, against revenue, day by day over the period.
//!
//! How revenue is recognised: of a net over n days, day k brings it to net x k / n, rounded half to even, so that all days bring it to the
//! net exactly. What an amount recognises in a month is posted to that month; days that had gone by when it was booked, to the month of
//! booking, so that closed months stay closed. A credit note takes back what its days have recognised in the same way. Of a period that
//! reaches beyond [`MOST_MONTHS`] months, the last of them takes the rest: a commit posts to a bounded number of accounts.
//!
//! What is owed, received and paid back decides what stands on receivable, credit, refunds and bad debt, whatever the order in which it
//! was told: a refund before its payment, or before its credit note, comes to the same.

use std::fmt;

use annals_kit::{Currency, Recorded};
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::amount::part_of;
use crate::invoice::InvoiceEvent;

/// Revenue is posted to so many months of a period.
pub const MOST_MONTHS: usize = 18;

/// Where something stands in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Given up, and not paid after all.
    BadDebt,
    /// Received and not paid back.
    Cash,
    /// What customers have with us: paid or credited beyond what they owe.
    CustomerCredit,
    /// Charged, and not earned yet.
    DeferredRevenue,
    /// What customers still have to pay.
    Receivable,
    /// Paid back without being owed.
    Refunds,
    /// Earned.
    Revenue,
    /// Owed to the tax office.
    Tax,
}

impl Account {
    /// Every account.
    pub const ALL: [Self; 8] =
        [Self::BadDebt, Self::Cash, Self::CustomerCredit, Self::DeferredRevenue, Self::Receivable, Self::Refunds, Self::Revenue, Self::Tax];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadDebt => "bad-debt",
            Self::Cash => "cash",
            Self::CustomerCredit => "customer-credit",
            Self::DeferredRevenue => "deferred-revenue",
            Self::Receivable => "receivable",
            Self::Refunds => "refunds",
            Self::Revenue => "revenue",
            Self::Tax => "tax",
        }
    }
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month of a day.
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), month: day.month() }
    }

    /// The first day after it; `None` at the end of time.
    fn end(self) -> Option<NaiveDate> {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        NaiveDate::from_ymd_opt(year, month, 1)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// One side of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Where.
    pub account: Account,
    /// In which month.
    pub month: Month,
    /// Minor units: debits above zero, credits below.
    pub amount: i64,
}

/// What the legs of one invoice, or of one credit note that belongs to none, depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books {
    /// In which currency; `None` before anything was posted.
    pub currency: Option<Currency>,
    /// Charged and not credited, with tax.
    pub owed: i64,
    /// The tax in it.
    pub tax: i64,
    /// Received.
    pub received: i64,
    /// Paid back.
    pub refunded: i64,
    /// Whether it was given up.
    pub given_up: bool,
    /// Whether the provider took it back: nothing changes what is owed any more.
    pub voided: bool,
    /// The days it covers.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

/// An amount that becomes revenue over some days.
struct Earned {
    net: i64,
    from: NaiveDate,
    until: NaiveDate,
    booked_on: NaiveDate,
}

impl Books {
    /// Takes in one event; the legs that it posts. They come to nothing together, in every month.
    ///
    /// An invoice and a credit note are booked on the day of issue that they bear, everything else on the day it is recorded.
    pub fn post(&mut self, event: &InvoiceEvent, recorded: Recorded) -> Vec<Leg> {
        let (before, today) = (self.clone(), recorded.at.date());
        let mut booked_on = today;
        let earned = match event {
            InvoiceEvent::Issued(issued) => {
                booked_on = issued.issued_on;
                self.currency = Some(issued.amount.currency());
                self.days = Some((issued.period_start, issued.period_end));
                self.charge(issued.amount.minor(), issued.tax(), (issued.period_start, issued.period_end), booked_on)
            }
            InvoiceEvent::CreditNoteIssued(note) => {
                booked_on = note.issued_on;
                self.currency.get_or_insert(note.amount.currency());
                let tax = note.tax.map_or(0, annals_kit::Money::minor);
                self.charge(-note.amount.minor(), -tax, (note.period_start, note.period_end), booked_on)
            }
            InvoiceEvent::Credited(note) => {
                self.currency.get_or_insert(note.amount.currency());
                let tax = note.tax.map_or(0, annals_kit::Money::minor);
                self.charge(-note.amount.minor(), -tax, (note.period_start, note.period_end), today)
            }
            InvoiceEvent::CreditVoided(note) => {
                self.currency.get_or_insert(note.amount.currency());
                let tax = note.tax.map_or(0, annals_kit::Money::minor);
                self.charge(note.amount.minor(), tax, (note.period_start, note.period_end), today)
            }
            InvoiceEvent::Voided(_) => {
                let earned = self.days.and_then(|days| self.charge(-self.owed, -self.tax, days, today));
                self.voided = true;
                earned
            }
            InvoiceEvent::PaymentReceived(payment) => {
                self.currency.get_or_insert(payment.amount.currency());
                self.received = self.received.saturating_add(payment.amount.minor());
                None
            }
            InvoiceEvent::Refunded(refund) => {
                self.currency.get_or_insert(refund.amount.currency());
                self.refunded = self.refunded.saturating_add(refund.amount.minor());
                None
            }
            InvoiceEvent::MarkedUncollectible(_) => {
                self.given_up = true;
                None
            }
            InvoiceEvent::PaymentFailed(_)
            | InvoiceEvent::DunningStarted(_)
            | InvoiceEvent::DunningStepTaken(_)
            | InvoiceEvent::DunningStopped(_) => None,
        };
        self.legs_since(&before, Month::of(booked_on), earned)
    }

    /// More is owed, or less.
    fn charge(&mut self, total: i64, tax: i64, (from, until): (NaiveDate, NaiveDate), booked_on: NaiveDate) -> Option<Earned> {
        if self.voided {
            return None;
        }
        self.owed = self.owed.saturating_add(total);
        self.tax = self.tax.saturating_add(tax);
        Some(Earned { net: total.saturating_sub(tax), from, until, booked_on })
    }

    /// What stands on the accounts that follow from what is owed, received and paid back, debits above zero.
    fn position(&self) -> [(Account, i64); 5] {
        let beyond = self.received.saturating_sub(self.owed);
        let (open, due_back) = ((-beyond).max(0), beyond.max(0));
        let from_credit = self.refunded.min(due_back);
        let (receivable, bad_debt) = if self.given_up { (0, open) } else { (open, 0) };
        [
            (Account::Receivable, receivable),
            (Account::BadDebt, bad_debt),
            (Account::CustomerCredit, from_credit - due_back),
            (Account::Refunds, self.refunded - from_credit),
            (Account::Cash, self.received.saturating_sub(self.refunded)),
        ]
    }

    /// What is still to be paid, and was not given up.
    pub fn receivable(&self) -> i64 {
        self.position()[0].1
    }

    fn legs_since(&self, before: &Self, month: Month, earned: Option<Earned>) -> Vec<Leg> {
        let moved = self.position().into_iter().zip(before.position()).map(|((account, now), (_, then))| (account, now - then));
        let taxed = self.tax - before.tax;
        let deferred = (self.owed - before.owed) - taxed;
        let mut legs: Vec<Leg> = moved
            .chain([(Account::Tax, -taxed), (Account::DeferredRevenue, -deferred)])
            .map(|(account, amount)| Leg { account, month, amount })
            .collect();
        for (month, amount) in earned.iter().flat_map(Earned::by_month) {
            legs.push(Leg { account: Account::DeferredRevenue, month, amount });
            legs.push(Leg { account: Account::Revenue, month, amount: -amount });
        }
        legs.retain(|leg| leg.amount != 0);
        legs
    }
}

impl Earned {
    /// What it brings to each month.
    fn by_month(&self) -> Vec<(Month, i64)> {
        let all = (self.until - self.from).num_days();
        let mut month = Month::of(self.booked_on.max(self.from));
        let (mut by_month, mut so_far) = (vec![], 0);
        while by_month.len() < MOST_MONTHS {
            let is_last = by_month.len() + 1 == MOST_MONTHS;
            let end = month.end().filter(|end| *end < self.until && !is_last);
            let reached = end.map_or(self.net, |end| part_of(self.net, (end - self.from).num_days().max(0), all));
            by_month.push((month, reached - so_far));
            so_far = reached;
            match end {
                Some(end) => month = Month::of(end),
                None => break,
            }
        }
        by_month
    }
}
