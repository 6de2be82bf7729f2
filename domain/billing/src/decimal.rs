//! Exact decimals: unit prices with more digits than a currency's minor unit has, and rates of tax.

use std::fmt;
use std::str::FromStr;

use num_rational::BigRational;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A decimal of at most 12 digits before the point and 6 behind it, written as it was: `2.55`, `0.125`, `-1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: i64,
    scale: u32,
}

/// The text is not such a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a decimal has up to 12 digits, and up to 6 behind a point, such as 2.55")]
pub struct InvalidDecimal;

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { digits: 0, scale: 0 };

    /// `digits` with the last `scale` of them behind the point.
    pub fn new(digits: i64, scale: u32) -> Result<Self, InvalidDecimal> {
        let fits = scale <= 6 && digits.unsigned_abs() < 10u64.pow(12 + scale);
        fits.then_some(Self { digits, scale }).ok_or(InvalidDecimal)
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// As a fraction.
    pub fn exact(self) -> BigRational {
        BigRational::new(self.digits.into(), 10i64.pow(self.scale).into())
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
        let is_short =
            text.len() <= 20 && behind.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let digits = format!("{whole}{behind}").parse().ok().filter(|_| is_short).ok_or(InvalidDecimal)?;
        let decimal = Self::new(digits, behind.len() as u32)?;
        // Leading zeros, a lone point and -0 do not print back.
        if decimal.to_string() == text { Ok(decimal) } else { Err(InvalidDecimal) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, digits, unit) = (if self.digits < 0 { "-" } else { "" }, self.digits.unsigned_abs(), 10u64.pow(self.scale));
        match self.scale {
            0 => write!(f, "{sign}{digits}"),
            scale => write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit, width = scale as usize),
        }
    }
}

annals_kit::schema::text!(Decimal, "^-?(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})?$");

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A rate of tax in percent, from 0 to 100: `19`, `8.875`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Percent(Decimal);

/// The text is not a rate of tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate of tax is from 0 to 100 percent, with up to 6 digits behind a point")]
pub struct InvalidPercent;

impl Percent {
    /// No tax.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Whether it is no tax.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// As a fraction: 19 is 19/100.
    pub fn exact(self) -> BigRational {
        self.0.exact() / BigRational::from_integer(100.into())
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self::ZERO
    }
}

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, InvalidPercent> {
        let decimal: Decimal = text.parse().map_err(|_| InvalidPercent)?;
        let fits = !decimal.is_negative() && decimal.exact() <= BigRational::from_integer(100.into());
        fits.then_some(Self(decimal)).ok_or(InvalidPercent)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

annals_kit::schema::text!(Percent, "^(100(\\.0{1,6})?|[1-9]?[0-9](\\.[0-9]{1,6})?)$");

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_prints_back_is_a_decimal() {
        for text in ["0", "2.55", "-0.125", "999999999999.999999", "10.0"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
        for text in ["", ".", "1.", ".5", "01", "-0", "+1", "1e3", "1.0000001", "1000000000000", "--1", "1-", "1.-5", "NaN"] {
            assert_eq!(text.parse::<Decimal>(), Err(InvalidDecimal), "{text}");
        }
    }

    #[test]
    fn a_rate_is_from_nothing_to_all() {
        assert!(["0", "19", "8.875", "100", "100.000"].iter().all(|text| text.parse::<Percent>().is_ok()));
        assert!(["-1", "100.001", "101", "x"].iter().all(|text| text.parse::<Percent>().is_err()));
    }

    proptest! {
        /// Law: any text is refused or prints back; any decimal round-trips.
        #[test]
        fn parsing_is_total_and_exact(text in "-?[0-9]{0,14}\\.?[0-9]{0,8}|\\PC{0,10}", digits in -999_999_999_999i64..=999_999_999_999, scale in 0u32..=6) {
            if let Ok(decimal) = text.parse::<Decimal>() {
                prop_assert_eq!(decimal.to_string(), text);
            }
            let decimal = Decimal::new(digits, scale).unwrap();
            prop_assert_eq!(decimal.to_string().parse::<Decimal>(), Ok(decimal));
        }
    }
}
