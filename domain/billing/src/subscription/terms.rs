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
