//! The calendar of a subscription: on which days its periods begin.
//!
//! The n-th period begins n intervals after the anchor, on the anchor's day of the month or, where a month is shorter, on its last day.
//! Every period is counted from the anchor, never from the period before: an anchor on the 31st gives Jan 31, Feb 28, Mar 31.

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::plan::Interval;

/// The periods of one subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    anchor: NaiveDate,
    interval: Interval,
}

/// One period: from its first day to the first day that it no longer covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first day it covers.
    pub start: NaiveDate,
    /// The first day it no longer covers: the next period's first.
    pub end: NaiveDate,
}

/// Days are written with four digits for the year.
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

impl Calendar {
    /// The calendar whose first period begins on `anchor`.
    pub fn new(anchor: NaiveDate, interval: Interval) -> Self {
        Self { anchor, interval }
    }

    /// The period that begins on `day`; `None` where none does, or where it would end after the year 9999.
    pub fn period_starting(&self, day: NaiveDate) -> Option<Period> {
        let months = u32::try_from(months_of(day) - months_of(self.anchor)).ok()?;
        let number = (months % self.step() == 0).then_some(months / self.step())?;
        let period = Period { start: self.first_day(number)?, end: self.first_day(number.checked_add(1)?)? };
        (period.start == day).then_some(period)
    }

    /// The period that begins on `day` or, where none does, the last that begins before it; `None` before the anchor.
    pub fn period_covering(&self, day: NaiveDate) -> Option<Period> {
        let months = u32::try_from(months_of(day) - months_of(self.anchor)).ok()?;
        let number = months / self.step();
        let number = if self.first_day(number)? <= day { number } else { number.checked_sub(1)? };
        self.period_starting(self.first_day(number)?)
    }

    fn first_day(&self, number: u32) -> Option<NaiveDate> {
        let months = number.checked_mul(self.step())?;
        // Adding months keeps the day or, where the month is shorter, takes its last.
        self.anchor.checked_add_months(Months::new(months)).filter(|day| *day <= LAST_DAY)
    }

    fn step(&self) -> u32 {
        match self.interval {
            Interval::Month => 1,
            Interval::Year => 12,
        }
    }
}

fn months_of(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn starts(anchor: &str, interval: Interval, count: usize) -> Vec<String> {
        let calendar = Calendar::new(day(anchor), interval);
        let first = calendar.period_starting(day(anchor));
        std::iter::successors(first, |period| calendar.period_starting(period.end))
            .take(count)
            .map(|period| period.start.to_string())
            .collect()
    }

    #[test]
    fn an_anchor_on_the_31st_takes_the_last_day_of_shorter_months_and_comes_back() {
        assert_eq!(starts("2026-01-31", Interval::Month, 5), ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]);
        assert_eq!(starts("2028-01-30", Interval::Month, 3), ["2028-01-30", "2028-02-29", "2028-03-30"]);
    }

    #[test]
    fn a_year_from_a_leap_day_begins_on_the_28th_until_the_next_leap_year() {
        assert_eq!(starts("2024-02-29", Interval::Year, 5), ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn a_day_between_periods_begins_none_and_belongs_to_one() {
        let calendar = Calendar::new(day("2026-01-31"), Interval::Month);
        assert_eq!(calendar.period_starting(day("2026-02-27")), None);
        assert_eq!(calendar.period_starting(day("2025-12-31")), None);
        let covering = |text: &str| calendar.period_covering(day(text)).map(|period| period.start.to_string());
        assert_eq!(
            [covering("2026-01-30"), covering("2026-02-27"), covering("2026-02-28"), covering("2026-03-30")],
            [None, Some("2026-01-31".into()), Some("2026-02-28".into()), Some("2026-02-28".into())]
        );
    }

    /// Days of a month by the Gregorian rule, written down once more.
    fn days_of(year: i32, month: u32) -> u32 {
        match month {
            2 if year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    proptest! {
        /// Law: periods begin where a wall calendar turned month by month says, each ends where the next begins, and every day belongs to
        /// exactly the one that covers it.
        #[test]
        fn periods_are_those_of_a_wall_calendar(year in 1970i32..2400, ordinal in 1u32..=365, yearly: bool, look in 0u64..40_000) {
            let anchor = NaiveDate::from_yo_opt(year, ordinal).unwrap();
            let interval = if yearly { Interval::Year } else { Interval::Month };
            let calendar = Calendar::new(anchor, interval);
            let (mut at_year, mut at_month, mut expected) = (anchor.year(), anchor.month(), vec![]);
            for turned in 0..121 {
                if !yearly || turned % 12 == 0 {
                    expected.push(NaiveDate::from_ymd_opt(at_year, at_month, anchor.day().min(days_of(at_year, at_month))).unwrap());
                }
                (at_year, at_month) = if at_month == 12 { (at_year + 1, 1) } else { (at_year, at_month + 1) };
            }
            let mut start = anchor;
            for pair in expected.windows(2) {
                prop_assert_eq!(start, pair[0]);
                let period = calendar.period_starting(start).unwrap();
                prop_assert_eq!(period, Period { start: pair[0], end: pair[1] });
                start = period.end;
            }
            let day = anchor + chrono::Days::new(look);
            let covering = calendar.period_covering(day).unwrap();
            prop_assert!(covering.start <= day && day < covering.end);
            prop_assert_eq!(calendar.period_starting(day).is_some(), day == covering.start);
        }

        /// Law: no two days make the calendar panic, at the ends of time either.
        #[test]
        fn a_calendar_answers_for_any_two_days(anchor in any::<i32>(), asked in any::<i32>(), yearly: bool) {
            let of = |number: i32| NaiveDate::from_num_days_from_ce_opt(number).unwrap_or(NaiveDate::MAX);
            let calendar = Calendar::new(of(anchor), if yearly { Interval::Year } else { Interval::Month });
            let _ = (calendar.period_starting(of(asked)), calendar.period_covering(of(asked)));
        }
    }
}
