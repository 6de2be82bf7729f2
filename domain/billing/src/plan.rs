//! Plans and intervals, and what a price comes to in a month.

use std::fmt;
use std::str::FromStr;

use annals_kit::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A plan's name: 1 to 40 of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanName(String);

/// The text is not a plan's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plan's name is 1 to 40 of A-Z a-z 0-9 _ -")]
pub struct InvalidPlanName;

impl FromStr for PlanName {
    type Err = InvalidPlanName;

    fn from_str(text: &str) -> Result<Self, InvalidPlanName> {
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.to_owned())).ok_or(InvalidPlanName)
    }
}

impl fmt::Display for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

annals_kit::schema::text!(PlanName, "^[A-Za-z0-9_-]{1,40}$");

impl<'de> Deserialize<'de> for PlanName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How often a price is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Interval {
    /// Every month.
    Month,
    /// Every year.
    Year,
}

/// Monthly recurring revenue of a price: a year's twelfth, rounded half to even on the minor unit.
pub fn monthly(price: Money, interval: Interval) -> Money {
    let minor = match interval {
        Interval::Month => price.minor(),
        Interval::Year => half_even_twelfth(price.minor()),
    };
    Money::new(minor, price.currency()).expect("a twelfth of an amount is within the amount's bounds")
}

fn half_even_twelfth(minor: i64) -> i64 {
    let (whole, rest) = (minor.div_euclid(12), minor.rem_euclid(12));
    match rest.cmp(&6) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
        std::cmp::Ordering::Greater => whole + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_years_twelfth_is_rounded_half_to_even() {
        let monthly_of = |minor| monthly(Money::new(minor, "EUR".parse().unwrap()).unwrap(), Interval::Year).minor();
        assert_eq!([monthly_of(1200), monthly_of(6), monthly_of(18), monthly_of(17), monthly_of(-6)], [100, 0, 2, 1, 0]);
    }

    proptest! {
        /// Law: twelve months differ from the year by at most half a minor unit a month.
        #[test]
        fn twelve_months_are_close_to_the_year(minor in -Money::MAX..=Money::MAX) {
            let twelfth = half_even_twelfth(minor);
            prop_assert!((i128::from(twelfth) * 12 - i128::from(minor)).abs() <= 6);
        }
    }
}
