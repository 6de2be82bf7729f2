//! The lines of an invoice or a credit note, and what they come to.
//!
//! The rule, stated here and nowhere else: a line is quantity x unit price x share of days, exact. The net is the sum of the lines, rounded
//! once, half to even on the currency's minor unit. The tax is that net x the rate, rounded once in the same way. The total is net and tax.

use std::cmp::Ordering;

use annals_kit::{Currency, Money};
use num_rational::BigRational;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, Percent};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// For what; never a person's name.
    pub what: String,
    /// Its code in whoever's catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How many; below zero for what is taken back.
    pub quantity: i64,
    /// The price of one, in major units of the currency, before tax.
    pub unit_price: Decimal,
    /// The part of a period that is charged; absent where all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// Some days of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// How many days.
    pub days: u32,
    /// Of how many.
    pub of: u32,
}

/// What lines come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Before tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// Both.
    pub total: Money,
}

/// Lines that come to no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAmount {
    /// More than an amount can be.
    #[error("the lines come to more than an amount can be")]
    TooMuch,
    /// A share of a period without days.
    #[error("a line is a share of a period without days")]
    NoDays,
}

impl Line {
    /// `quantity` times `price`, for the whole of a period or a share of it.
    pub fn of_price(what: String, quantity: i64, price: Money, share: Option<Share>) -> Result<Self, NoAmount> {
        let unit_price = Decimal::new(price.minor(), price.currency().decimals()).map_err(|_| NoAmount::TooMuch)?;
        Ok(Self { what, item: None, quantity, unit_price, share })
    }

    /// The line in minor units of `currency`, exact.
    pub fn exact(&self, currency: Currency) -> Result<BigRational, NoAmount> {
        let whole = BigRational::from_integer(self.quantity.into()) * self.unit_price.exact() * minor_units(currency);
        match self.share {
            None => Ok(whole),
            Some(Share { of: 0, .. }) => Err(NoAmount::NoDays),
            Some(Share { days, of }) => Ok(whole * BigRational::new(days.into(), of.into())),
        }
    }
}

fn minor_units(currency: Currency) -> BigRational {
    BigRational::from_integer(10u64.pow(currency.decimals()).into())
}

impl Amounts {
    /// What `lines` come to at this rate of tax.
    pub fn of(lines: &[Line], rate: Percent, currency: Currency) -> Result<Self, NoAmount> {
        let none = BigRational::from_integer(0.into());
        let net = lines.iter().try_fold(none, |sum, line| Ok(sum + line.exact(currency)?))?;
        Self::of_net(round(&net)?, rate, currency)
    }

    /// `net` minor units and the tax on them.
    pub fn of_net(net: i64, rate: Percent, currency: Currency) -> Result<Self, NoAmount> {
        let tax = round(&(BigRational::from_integer(net.into()) * rate.exact()))?;
        let money = |minor: i64| Money::new(minor, currency).map_err(|_| NoAmount::TooMuch);
        let total = net.checked_add(tax).ok_or(NoAmount::TooMuch)?;
        Ok(Self { net: money(net)?, tax: money(tax)?, total: money(total)? })
    }

    /// The same the other way round.
    pub fn negated(self) -> Self {
        let negated = |money: Money| Money::new(-money.minor(), money.currency()).expect("the bounds of an amount are the same either way");
        Self { net: negated(self.net), tax: negated(self.tax), total: negated(self.total) }
    }
}

/// The part `part / whole` of `amount`, rounded half to even; nothing of a whole that is nothing.
pub fn part_of(amount: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let exact = BigRational::from_integer(amount.into()) * BigRational::new(part.into(), whole.into());
    round(&exact).unwrap_or(if amount < 0 { -Money::MAX } else { Money::MAX })
}

/// Half to even.
fn round(exact: &BigRational) -> Result<i64, NoAmount> {
    let floor = exact.floor();
    let whole = i64::try_from(floor.numer()).ok().filter(|whole| whole.abs() < Money::MAX).ok_or(NoAmount::TooMuch)?;
    Ok(match (exact - floor).cmp(&BigRational::new(1.into(), 2.into())) {
        Ordering::Less => whole,
        Ordering::Equal => whole + whole.rem_euclid(2),
        Ordering::Greater => whole + 1,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    fn line(quantity: i64, price: &str, share: Option<(u32, u32)>) -> Line {
        let share = share.map(|(days, of)| Share { days, of });
        Line { what: "x".into(), item: None, quantity, unit_price: price.parse().unwrap(), share }
    }

    fn minor(lines: &[Line], rate: &str) -> (i64, i64, i64) {
        let Amounts { net, tax, total } = Amounts::of(lines, rate.parse().unwrap(), eur()).unwrap();
        (net.minor(), tax.minor(), total.minor())
    }

    #[test]
    fn lines_are_exact_and_the_total_is_rounded_once() {
        // Three times 0.125 is 0.375: 38 cents, where three rounded lines would be 36.
        assert_eq!(minor(&[line(1, "0.125", None), line(1, "0.125", None), line(1, "0.125", None)], "0"), (38, 0, 38));
        assert_eq!(minor(&[line(1, "0.125", None)], "0").0, 12);
        assert_eq!(minor(&[line(-3, "0.125", None)], "0").0, -38);
        // 49.00 for 20 of 31 days is 31.6129..; 19 % of 31.61 is 6.0059.
        assert_eq!(minor(&[line(1, "49.00", Some((20, 31)))], "19"), (3161, 601, 3762));
    }

    #[test]
    fn a_share_of_no_days_and_a_sum_beyond_bounds_are_refused() {
        assert_eq!(Amounts::of(&[line(1, "1", Some((1, 0)))], Percent::ZERO, eur()), Err(NoAmount::NoDays));
        assert_eq!(Amounts::of(&[line(i64::MAX, "999999999999", None)], Percent::ZERO, eur()), Err(NoAmount::TooMuch));
    }

    proptest! {
        /// Law: the net differs from the exact sum by at most half a minor unit; what is taken back is rounded as what was charged.
        #[test]
        fn a_total_is_the_nearest_amount(lines in prop::collection::vec((-1000i64..1000, -99_999i64..99_999, 0u32..4, 0u32..32, 1u32..32), 0..20)) {
            let lines: Vec<Line> = lines.into_iter().map(|(quantity, digits, scale, days, of)| Line {
                what: String::new(), item: None, quantity, unit_price: Decimal::new(digits, scale).unwrap(), share: Some(Share { days, of }),
            }).collect();
            let exact = lines.iter().map(|line| line.exact(eur()).unwrap()).sum::<BigRational>();
            let net = Amounts::of(&lines, Percent::ZERO, eur()).unwrap().net.minor();
            let off = exact - BigRational::from_integer(net.into());
            let half = BigRational::new(1.into(), 2.into());
            prop_assert!(off <= half && -off <= half);
            let back: Vec<Line> = lines.iter().map(|line| Line { quantity: -line.quantity, ..line.clone() }).collect();
            prop_assert_eq!(Amounts::of(&back, Percent::ZERO, eur()).unwrap().net.minor(), -net);
        }

        /// Law: parts of an amount that grow to the whole grow to the amount.
        #[test]
        fn a_part_is_within_the_whole(amount in -9_999_999i64..9_999_999, whole in 1i64..400, part in 0i64..400) {
            let part = part.min(whole);
            prop_assert!(part_of(amount, part, whole).abs() <= amount.abs());
            prop_assert_eq!((part_of(amount, 0, whole), part_of(amount, whole, whole)), (0, amount));
        }
    }
}
