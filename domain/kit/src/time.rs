//! Instants as the log stores them: UTC, microseconds, always 27 bytes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
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

/// The text form: every `0` is a digit, all else stands as it is.
const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// The first and the last microsecond of the years 0000 to 9999, after 1970-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200_000_000;
const LAST: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// The instant of a chrono time, cut to whole microseconds. Outside the years 0000 to 9999 it is
    /// moved to the nearer end, as the text form has four digits for the year; a leap second is the second after it.
    pub fn new(time: DateTime<Utc>) -> Self {
        Self::from_micros_unchecked(time.timestamp_micros().clamp(FIRST, LAST))
    }

    /// The instant this many microseconds after 1970-01-01T00:00:00Z; `None` outside the years 0000 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (FIRST..=LAST).contains(&micros).then(|| Self::from_micros_unchecked(micros))
    }

    /// The instant this many seconds after 1970-01-01T00:00:00Z; `None` outside the years 0000 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_micros(seconds.checked_mul(1_000_000)?)
    }

    fn from_micros_unchecked(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).expect("every microsecond of these years is a chrono time"))
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
        let (year, month, day) = (self.0.year(), self.0.month(), self.0.day());
        let (hour, minute, second, micros) = (self.0.hour(), self.0.minute(), self.0.second(), self.0.timestamp_subsec_micros());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        read(text.as_bytes()).ok_or_else(|| NotATimestamp(text.chars().take(40).collect()))
    }
}

/// Reads the text form. Digit by digit, not by a format: every commit, row and event that is read has a time.
fn read(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; 27] = text.try_into().ok()?;
    if !text.iter().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form }) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let date = NaiveDate::from_ymd_opt(number(0, 4).try_into().ok()?, number(5, 7), number(8, 10))?;
    // A leap second, the 60th, is no second of this form.
    let time = date.and_hms_micro_opt(number(11, 13), number(14, 16), number(17, 19), number(20, 26))?;
    Some(Timestamp(time.and_utc()))
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
    use chrono::NaiveDateTime;
    use proptest::prelude::*;

    use super::*;

    const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

    proptest! {
        /// Law: the text form round-trips, is 27 bytes long and sorts as time does.
        #[test]
        fn text_round_trips_and_sorts(a in FIRST..=LAST, b in FIRST..=LAST) {
            let (a, b) = (Timestamp::from_micros(a).unwrap(), Timestamp::from_micros(b).unwrap());
            prop_assert_eq!(a.to_string().len(), 27);
            prop_assert_eq!(a.to_string().parse::<Timestamp>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        /// Law: the text is the one that chrono writes and reads.
        #[test]
        fn text_is_that_of_chrono(micros in FIRST..=LAST, place in 0usize..27, other in "[0-9T:.Z-]") {
            let stamp = Timestamp::from_micros(micros).unwrap();
            let text = stamp.to_string();
            prop_assert_eq!(&text, &stamp.0.format(FORMAT).to_string());
            let mut changed = text;
            changed.replace_range(place..=place, &other);
            let read = NaiveDateTime::parse_from_str(&changed, FORMAT).ok().map(|time| time.and_utc());
            let exact = read.filter(|time| time.format(FORMAT).to_string() == changed && time.timestamp_subsec_micros() < 1_000_000);
            prop_assert_eq!(changed.parse().ok(), exact.map(Timestamp));
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
    fn there_is_no_thirtieth_of_february_no_hour_24_and_no_leap_second() {
        for text in
            ["2026-02-30T00:00:00.000000Z", "2026-01-31T24:00:00.000000Z", "2016-12-31T23:59:60.000000Z", "2026-00-01T00:00:00.000000Z"]
        {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp(text.into())));
        }
        let leap = DateTime::parse_from_rfc3339("2016-12-31T23:59:60.5Z").unwrap();
        assert_eq!(Timestamp::new(leap.to_utc()).to_string(), "2017-01-01T00:00:00.500000Z");
    }

    #[test]
    fn times_outside_four_digit_years_move_to_the_nearer_end() {
        assert_eq!(Timestamp::new(DateTime::<Utc>::MAX_UTC).to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::new(DateTime::<Utc>::MIN_UTC).to_string(), "0000-01-01T00:00:00.000000Z");
    }
}
