//! Instants as the log stores them: UTC, microseconds, always 27 bytes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::text;

/// An instant in UTC with microseconds, written `2026-01-31T09:30:00.000000Z`.
///
/// The text is always 27 bytes, so that text order is time order; that is what lets it be a
/// sort key. Years run from 0000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

/// The text is not an instant of 27 bytes such as `2026-01-31T09:30:00.000000Z`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time: write UTC with microseconds, such as 2026-01-31T09:30:00.000000Z")]
pub struct NotATimestamp(String);

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

impl Timestamp {
    /// The instant of a chrono time, cut to whole microseconds. Outside the years 0000 to 9999 it is
    /// moved to the nearer end, as the text form has four digits for the year.
    pub fn new(time: DateTime<Utc>) -> Self {
        let (first, last) = (Self::from_micros_unchecked(-62_167_219_200_000_000), Self::from_micros_unchecked(253_402_300_799_999_999));
        Self(time.trunc_subsecs(6)).clamp(first, last)
    }

    /// The instant this many microseconds after 1970-01-01T00:00:00Z; `None` outside the years 0000 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let time = DateTime::from_timestamp_micros(micros)?;
        (Self::new(time).0 == time).then_some(Self(time))
    }

    /// The instant this many seconds after 1970-01-01T00:00:00Z; `None` outside the years 0000 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_micros(seconds.checked_mul(1_000_000)?)
    }

    fn from_micros_unchecked(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).expect("both ends of the range are chrono times"))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// The UTC calendar day.
    pub fn date(self) -> NaiveDate {
        self.0.date_naive()
    }

    /// This instant moved by `delta`, kept within the years 0000 to 9999.
    pub fn plus(self, delta: TimeDelta) -> Self {
        match self.0.checked_add_signed(delta) {
            Some(time) => Self::new(time),
            None if delta < TimeDelta::zero() => Self::new(DateTime::<Utc>::MIN_UTC),
            None => Self::new(DateTime::<Utc>::MAX_UTC),
        }
    }

    /// How long after `earlier` this is; negative when it is before.
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(FORMAT).fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let wrong = || NotATimestamp(text.chars().take(40).collect());
        if text.len() != 27 {
            return Err(wrong());
        }
        let time = NaiveDateTime::parse_from_str(text, FORMAT).map_err(|_| wrong())?;
        let stamp = Self::new(time.and_utc());
        // chrono also reads forms that do not print back, such as a leap second.
        if stamp.to_string() == text { Ok(stamp) } else { Err(wrong()) }
    }
}

text!(Timestamp, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$");

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from. Only a `main` reads the machine's clock.
pub trait Clock: Send + Sync {
    /// The instant now.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Law: the text form round-trips, is 27 bytes long and sorts as time does.
        #[test]
        fn text_round_trips_and_sorts(a in -62_167_219_200_000_000i64..253_402_300_800_000_000, b in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            let (a, b) = (Timestamp::from_micros(a).unwrap(), Timestamp::from_micros(b).unwrap());
            prop_assert_eq!(a.to_string().len(), 27);
            prop_assert_eq!(a.to_string().parse::<Timestamp>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        /// Law: no text makes the parser panic, and what it accepts prints back as it was.
        #[test]
        fn parsing_is_total_and_exact(text in "\\PC{0,40}|[0-9T:.Z-]{27}") {
            if let Ok(stamp) = text.parse::<Timestamp>() {
                prop_assert_eq!(stamp.to_string(), text);
            }
        }
    }

    #[test]
    fn times_outside_four_digit_years_move_to_the_nearer_end() {
        assert_eq!(Timestamp::new(DateTime::<Utc>::MAX_UTC).to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::new(DateTime::<Utc>::MIN_UTC).to_string(), "0000-01-01T00:00:00.000000Z");
    }
}
