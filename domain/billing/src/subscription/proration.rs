//! What a change in the middle of a period comes to.
//!
//! The rule: the day of the change is the first of the new terms. The old terms are given back and the new ones charged for the days from
//! then to the end of the period, each for its share of all days of the period, exact. Both are rounded once, together, as
//! [`crate::amount`] says. So a change and its way back on the same day come to nothing, and a change on a period's first day comes to the
//! whole difference.

use chrono::NaiveDate;

use super::events::Adjustment;
use super::terms::Terms;
use crate::amount::{Amounts, NoAmount, Share};
use crate::calendar::Period;

/// The adjustment for changing on `day` of `period` from one agreement to another, or to none.
pub(super) fn adjustment(
    number: u32,
    period: Period,
    day: NaiveDate,
    (from, to): (&Terms, Option<&Terms>),
) -> Result<Adjustment, NoAmount> {
    let days = |from: NaiveDate, until: NaiveDate| u32::try_from((until - from).num_days()).unwrap_or(0);
    let share = Some(Share { days: days(day, period.end), of: days(period.start, period.end) });
    let mut lines = vec![from.line(-1, share)?];
    if let Some(to) = to {
        lines.push(to.line(1, share)?);
    }
    let adjustment = Adjustment { number, lines, tax_percent: from.tax_percent, from: day, until: period.end, period_start: period.start };
    adjustment.amounts(from)?;
    Ok(adjustment)
}

impl Adjustment {
    /// What it comes to, in the currency of `terms`: above zero to be invoiced, below zero to be credited.
    pub fn amounts(&self, terms: &Terms) -> Result<Amounts, NoAmount> {
        Amounts::of(&self.lines, self.tax_percent, terms.price.currency())
    }
}
