//! Amounts of money: whole minor units of an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::text;

/// An ISO 4217 currency, by its code of three capitals.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// The text is not the code of a currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO 4217 currency code such as EUR")]
pub struct UnknownCurrency(String);

impl Currency {
    /// The code, such as `EUR`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the minor unit stands behind the major: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            // XXX and XTS are codes for "no currency" and for tests: nobody can owe them.
            .filter(|_| !matches!(code, "XXX" | "XTS"))
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.chars().filter(|c| !c.is_control()).take(12).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

text!(Currency, "^[A-Z]{3}$");

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount in whole minor units (cents) of one currency. It has no `+`: adding can overflow or mix
/// currencies, and both must be seen.
///
/// At most 2^53 - 1 minor units either way (90 million million euros): larger integers are not the same in
/// every JSON reader, and a commit's hash covers its JSON form (RFC 8785, I-JSON).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

/// Why an amount could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More than [`Money::MAX`] minor units either way.
    #[error("the amount is beyond {max} minor units of {currency}", max = Money::MAX)]
    Overflow {
        /// The currency of the amount.
        currency: Currency,
    },
    /// Two currencies in one sum.
    #[error("{left} and {right} cannot be added")]
    Mixed {
        /// The currency so far.
        left: Currency,
        /// The other one.
        right: Currency,
    },
}

impl Money {
    /// The largest amount either way, in minor units: 2^53 - 1.
    pub const MAX: i64 = (1 << 53) - 1;

    /// This many minor units of `currency`.
    pub fn new(amount: i64, currency: Currency) -> Result<Self, MoneyError> {
        if (-Self::MAX..=Self::MAX).contains(&amount) { Ok(Self { amount, currency }) } else { Err(MoneyError::Overflow { currency }) }
    }

    /// The amount in minor units.
    pub fn minor(self) -> i64 {
        self.amount
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, if both are of one currency and it fits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed { left: self.currency, right: other.currency });
        }
        // Both are within 2^53, so the i64 sum cannot overflow before it is checked.
        Self::new(self.amount + other.amount, self.currency)
    }
}

impl JsonSchema for Money {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "amount": { "type": "integer", "minimum": -Self::MAX, "maximum": Self::MAX, "description": "In minor units of the currency, such as cents." },
                "currency": generator.subschema_for::<Currency>(),
            },
            "required": ["amount", "currency"],
        })
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parts {
            amount: i64,
            currency: Currency,
        }
        let parts = Parts::deserialize(deserializer)?;
        Self::new(parts.amount, parts.currency).map_err(serde::de::Error::custom)
    }
}

/// Major units with the currency's decimals, such as `12.30 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let unit = 10u64.pow(decimals);
        let (sign, magnitude) = (if self.amount < 0 { "-" } else { "" }, self.amount.unsigned_abs());
        match decimals {
            0 => write!(f, "{sign}{magnitude} {}", self.currency),
            _ => write!(f, "{sign}{}.{:0width$} {}", magnitude / unit, magnitude % unit, self.currency, width = decimals as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur() -> Currency {
        "EUR".parse().unwrap()
    }

    #[test]
    fn amounts_print_with_their_currencys_decimals() {
        let shown = |minor, code: &str| Money::new(minor, code.parse().unwrap()).unwrap().to_string();
        assert_eq!(shown(1230, "EUR"), "12.30 EUR");
        assert_eq!(shown(-5, "EUR"), "-0.05 EUR");
        assert_eq!(shown(500, "JPY"), "500 JPY");
        assert_eq!(shown(1, "KWD"), "0.001 KWD");
    }

    #[test]
    fn codes_that_nobody_can_owe_are_refused() {
        for code in ["eur", "EURO", "", "XXX", "XTS", "E\u{0}R", "ZZZ"] {
            assert!(code.parse::<Currency>().is_err(), "{code:?}");
        }
    }

    proptest! {
        /// Law: a sum is exact, or refused; it never wraps.
        #[test]
        fn adding_is_exact_or_refused(a in -Money::MAX..=Money::MAX, b in -Money::MAX..=Money::MAX) {
            let sum = Money::new(a, eur()).unwrap().checked_add(Money::new(b, eur()).unwrap());
            let exact = i128::from(a) + i128::from(b);
            match sum {
                Ok(sum) => prop_assert_eq!(i128::from(sum.minor()), exact),
                Err(error) => { prop_assert_eq!(error, MoneyError::Overflow { currency: eur() }); prop_assert!(exact.abs() > i128::from(Money::MAX)); }
            }
        }
    }
}
