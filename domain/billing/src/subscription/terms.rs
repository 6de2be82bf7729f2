//! What is agreed: plan, price, interval, quantity, tax.

use annals_kit::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::events::{is_one, one};
use crate::amount::{Amounts, Line, NoAmount, Share};
use crate::decimal::Percent;
use crate::plan::{Interval, PlanName, monthly};

/// What a customer pays for, how much and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// For what.
    pub plan: PlanName,
    /// Which version of the price book's; absent where the price was agreed with the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// How much one costs per interval, before tax.
    pub price: Money,
    /// How often.
    pub interval: Interval,
    /// How many.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quantity: u32,
    /// The rate of tax on top.
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub tax_percent: Percent,
}

impl Terms {
    /// The line of a period, or of a share of it; `sign` is -1 for what is taken back.
    pub fn line(&self, sign: i64, share: Option<Share>) -> Result<Line, NoAmount> {
        Line::of_price(self.plan.to_string(), sign * i64::from(self.quantity), self.price, share)
    }

    /// What a period comes to.
    pub fn amounts(&self) -> Result<Amounts, NoAmount> {
        Amounts::of(&[self.line(1, None)?], self.tax_percent, self.price.currency())
    }

    /// Monthly recurring revenue, before tax: of a year the twelfth, rounded half to even on the whole.
    pub fn mrr(&self) -> i64 {
        let whole = self.price.minor().saturating_mul(self.quantity.into()).clamp(-Money::MAX, Money::MAX);
        Money::new(whole, self.price.currency()).map_or(0, |whole| monthly(whole, self.interval).minor())
    }
}

#[cfg(test)]
mod tests {
    use annals_kit::Currency;

    use super::*;

    #[test]
    fn revenue_a_month_is_that_of_all_seats_and_of_a_year_the_twelfth() {
        let mrr = |interval, quantity| {
            let (currency, tax_percent): (Currency, Percent) = ("EUR".parse().unwrap(), "19".parse().unwrap());
            let price = Money::new(49_00, currency).unwrap();
            Terms { plan: "pro".parse().unwrap(), plan_version: None, price, interval, quantity, tax_percent }.mrr()
        };
        assert_eq!([mrr(Interval::Month, 1), mrr(Interval::Month, 3)], [49_00, 147_00]);
        // 147.00 a year is 12.25 a month, and 98.00 is 8.1666...
        assert_eq!([mrr(Interval::Year, 3), mrr(Interval::Year, 2)], [12_25, 8_17]);
    }
}
