//! Amounts as exact decimals of one scale, so that columns of them can be added up by anyone.

use std::fmt;

use serde_json::{Map, Value};

/// Digits behind the point: no currency of ISO 4217 has more.
pub const SCALE: u32 = 4;

/// An exact decimal with [`SCALE`] digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// `minor` units, of which 10 to the power of `digits` make one; `None` where it has more digits than [`SCALE`].
    pub fn of_minor(minor: i64, digits: u32) -> Option<Self> {
        Some(Self(i128::from(minor) * 10i128.pow(SCALE.checked_sub(digits)?)))
    }

    /// The number, times 10 to the power of [`SCALE`].
    pub fn unscaled(self) -> i128 {
        self.0
    }
}

impl fmt::Display for Decimal {
    /// At least two digits behind the point, and no more than are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, digits) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, part) = (digits / 10u128.pow(SCALE), format!("{:04}", digits % 10u128.pow(SCALE)));
        let part = match part.trim_end_matches('0') {
            short if short.len() < 2 => &part[..2],
            long => long,
        };
        write!(f, "{sign}{whole}.{part}")
    }
}

/// The first amount of an event: an object with a whole `amount` of minor units and a `currency`, its payload or directly below it.
pub fn of_event(payload: &Map<String, Value>) -> Option<(Decimal, String)> {
    amount(payload).or_else(|| payload.values().find_map(|value| amount(value.as_object()?)))
}

fn amount(object: &Map<String, Value>) -> Option<(Decimal, String)> {
    let (minor, code) = (object.get("amount")?.as_i64()?, object.get("currency")?.as_str()?);
    let digits = iso_currency::Currency::from_code(code)?.exponent().unwrap_or(0);
    Some((Decimal::of_minor(minor, u32::from(digits))?, code.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_their_currencys_digits() {
        let told = |json: Value| of_event(json.as_object().unwrap()).map(|(amount, currency)| format!("{amount} {currency}"));
        assert_eq!(told(serde_json::json!({ "amount": 4900, "currency": "EUR" })).as_deref(), Some("49.00 EUR"));
        assert_eq!(told(serde_json::json!({ "price": { "amount": -5, "currency": "KWD" } })).as_deref(), Some("-0.005 KWD"));
        assert_eq!(told(serde_json::json!({ "amount": 7, "currency": "JPY" })).as_deref(), Some("7.00 JPY"));
        assert_eq!(told(serde_json::json!({ "amount": 7, "currency": "???" })), None);
    }
}
