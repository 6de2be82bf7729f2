//! Spells values as key text: injective, order-preserving, and closed over an alphabet without `#`.

use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The highest byte that escaped text spells as `$HH`. It covers the delimiter `#` (0x23) and `$` itself (0x24), so that
/// every byte of every codec's alphabet sorts after `#`: a shorter value sorts before a longer one that starts with it.
const LAST_ESCAPED: u8 = 0x24;

/// How one kind of value is spelt in a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// A UUID: 36 characters, lower case, hyphenated.
    Uuid,
    /// 1 to `max` of `A-Z a-z 0-9 _ -`, as it is.
    Token {
        /// The longest token, in bytes.
        max: usize,
    },
    /// 1 to `max` bytes of any text; bytes 0x00 to 0x24 as `$HH`.
    Text {
        /// The longest text before escaping, in bytes.
        max: usize,
    },
    /// A `u64` in 20 digits; `N` where an index keys on the attribute itself.
    U64,
    /// A day, `2026-01-31`.
    Date,
    /// A UTC instant in microseconds, `2026-01-31T09:30:00.000000Z`, always 27 bytes.
    Time,
    /// One of the listed words.
    Enum {
        /// The words, of the token alphabet.
        of: Vec<String>,
    },
    /// A number below `of`, in as many digits as the largest needs.
    Shard {
        /// How many shards there are.
        of: u64,
    },
}

/// Why a codec refuses a value. Never carries the value: it may be personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CodecError {
    reason: String,
}

impl CodecError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    pub(crate) fn missing() -> Self {
        Self::new("is missing")
    }
}

impl Codec {
    /// The codec's word in a matrix.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Token { .. } => "token",
            Self::Text { .. } => "text",
            Self::U64 => "u64",
            Self::Date => "date",
            Self::Time => "ts-us",
            Self::Enum { .. } => "enum",
            Self::Shard { .. } => "shard",
        }
    }

    /// Spells `value` as part of a key. Text is accepted for every codec where it is the canonical spelling.
    pub fn encode(&self, value: &Value) -> Result<String, CodecError> {
        match (self, self.accept(value)?) {
            (Self::Text { .. }, Value::Text(text)) => Ok(escape(&text)),
            (Self::U64, Value::Number(number)) => Ok(format!("{number:020}")),
            (Self::Shard { of }, Value::Number(number)) => Ok(format!("{number:0width$}", width = shard_digits(*of))),
            (_, Value::Text(text)) => Ok(text),
            (_, Value::Date(date)) => Ok(date.format("%Y-%m-%d").to_string()),
            (_, Value::Time(time)) => Ok(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
            (_, Value::Number(_)) => Err(self.refusal()),
        }
    }

    /// Reads what [`Codec::encode`] wrote, and refuses everything else.
    pub fn decode(&self, spelt: &str) -> Result<Value, CodecError> {
        let value = match self {
            Self::Uuid | Self::Token { .. } | Self::Enum { .. } => Value::Text(spelt.to_owned()),
            Self::Text { .. } => Value::Text(unescape(spelt).ok_or_else(|| self.refusal())?),
            Self::U64 | Self::Shard { .. } => Value::Number(spelt.parse().map_err(|_| self.refusal())?),
            Self::Date | Self::Time => self.accept(&Value::Text(spelt.to_owned()))?,
        };
        if self.encode(&value)? == spelt { Ok(value) } else { Err(self.refusal()) }
    }

    /// Spells `value` as an attribute of its own: text unescaped, numbers without leading zeros.
    pub fn native(&self, value: &Value) -> Result<String, CodecError> {
        match self.accept(value)? {
            Value::Text(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => self.encode(&other),
        }
    }

    /// Reads what [`Codec::native`] wrote, and refuses everything else.
    pub fn from_native(&self, stored: &str) -> Result<Value, CodecError> {
        let value = match self {
            Self::U64 | Self::Shard { .. } => Value::Number(stored.parse().map_err(|_| self.refusal())?),
            _ => self.accept(&Value::Text(stored.to_owned()))?,
        };
        if self.native(&value)? == stored { Ok(value) } else { Err(self.refusal()) }
    }

    /// Whether an attribute of this codec is stored as `N`; the others are `S`.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::U64 | Self::Shard { .. })
    }

    /// The widest spelling in a key, in bytes.
    pub fn max_width(&self) -> usize {
        match self {
            Self::Text { max } => 3 * max,
            _ => self.max_native_width(),
        }
    }

    /// The widest spelling as an attribute of its own, in bytes.
    pub fn max_native_width(&self) -> usize {
        match self {
            Self::Uuid => 36,
            Self::Token { max } | Self::Text { max } => *max,
            Self::U64 => 20,
            Self::Date => 10,
            Self::Time => 27,
            Self::Enum { of } => of.iter().map(String::len).max().unwrap_or(0),
            Self::Shard { of } => shard_digits(*of),
        }
    }

    /// Whether some key text is a spelling of both codecs. Errs towards yes: a proof of disjointness needs a no.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Enum { of }, codec) | (codec, Self::Enum { of }) => of.iter().any(|word| codec.decode(word).is_ok()),
            (Self::Token { max: a }, Self::Uuid) | (Self::Uuid, Self::Token { max: a }) => *a >= 36,
            (Self::Token { max: a }, fixed @ (Self::U64 | Self::Date | Self::Shard { .. }))
            | (fixed @ (Self::U64 | Self::Date | Self::Shard { .. }), Self::Token { max: a }) => *a >= fixed.max_width(),
            (Self::Token { .. }, Self::Time) | (Self::Time, Self::Token { .. }) => false,
            (Self::Text { .. } | Self::Token { .. }, _) | (_, Self::Text { .. }) => true,
            (a, b) if a.word() == b.word() => a.max_width() == b.max_width(),
            (Self::U64, Self::Shard { of }) | (Self::Shard { of }, Self::U64) => shard_digits(*of) == 20,
            (_, _) => false,
        }
    }

    /// Checks `value` and brings text given for a date or a time into its own type.
    fn accept(&self, value: &Value) -> Result<Value, CodecError> {
        let accepted = match (self, value) {
            (Self::Uuid, Value::Text(text)) => is_uuid(text).then(|| value.clone()),
            (Self::Token { max }, Value::Text(text)) => (is_token(text) && text.len() <= *max).then(|| value.clone()),
            (Self::Text { max }, Value::Text(text)) => (!text.is_empty() && text.len() <= *max).then(|| value.clone()),
            (Self::Enum { of }, Value::Text(text)) => of.contains(text).then(|| value.clone()),
            (Self::U64, Value::Number(_)) => Some(value.clone()),
            (Self::Shard { of }, Value::Number(number)) => (number < of).then(|| value.clone()),
            (Self::Date, Value::Date(date)) => (0..=9999).contains(&date.year()).then(|| value.clone()),
            (Self::Time, Value::Time(time)) => is_whole_microseconds(*time).then(|| value.clone()),
            (Self::Date, Value::Text(text)) => parse_date(text).map(Value::Date),
            (Self::Time, Value::Text(text)) => parse_time(text).map(Value::Time),
            _ => None,
        };
        accepted.ok_or_else(|| self.refusal())
    }

    fn refusal(&self) -> CodecError {
        CodecError::new(match self {
            Self::Uuid => "must be a UUID in lower case with hyphens".to_owned(),
            Self::Token { max } => format!("must be 1 to {max} of A-Z a-z 0-9 _ -"),
            Self::Text { max } => format!("must be text of 1 to {max} bytes"),
            Self::U64 => "must be a whole number from 0 to 18446744073709551615".to_owned(),
            Self::Date => "must be a day like 2026-01-31".to_owned(),
            Self::Time => "must be a UTC time in whole microseconds like 2026-01-31T09:30:00.000000Z".to_owned(),
            Self::Enum { of } => format!("must be one of {}", of.join(", ")),
            Self::Shard { of } => format!("must be a whole number below {of}"),
        })
    }
}

/// Whether `text` is of the alphabet that tokens, enum words and template literals share.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

fn is_whole_microseconds(time: DateTime<Utc>) -> bool {
    // A leap second has no place in 27 bytes: chrono keeps it as more than 999,999,999 nanoseconds.
    (0..=9999).contains(&time.year()) && time.timestamp_subsec_nanos() < 1_000_000_000 && time.trunc_subsecs(6) == time
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    ((0..=9999).contains(&date.year()) && date.format("%Y-%m-%d").to_string() == text).then_some(date)
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if text.len() != 27 {
        return None;
    }
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.6fZ").ok()?.and_utc();
    (is_whole_microseconds(time) && time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string() == text).then_some(time)
}

fn shard_digits(of: u64) -> usize {
    of.saturating_sub(1).to_string().len()
}

fn escape(text: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte <= LAST_ESCAPED => spelt.push_str(&format!("${byte:02X}")),
            Ok(_) | Err(_) => spelt.push(c),
        }
    }
    spelt
}

/// Undoes [`escape`]; the caller checks that escaping again gives the same spelling.
fn unescape(spelt: &str) -> Option<String> {
    let mut text = String::with_capacity(spelt.len());
    let mut rest = spelt;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        let byte = u8::from_str_radix(rest.get(at + 1..at + 3)?, 16).ok()?;
        text.push(char::from(byte));
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    Some(text)
}
