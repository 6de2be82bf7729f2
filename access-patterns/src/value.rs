//! Holds the typed values that go into keys, before any codec has spelt them.

use chrono::{DateTime, NaiveDate, Utc};
use indexmap::IndexMap;

/// One typed value of a key part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Text: an id, an enum's word, free text.
    Text(String),
    /// A version, a position, a shard.
    Number(u64),
    /// A calendar day.
    Date(NaiveDate),
    /// An instant, in whole microseconds.
    Time(DateTime<Utc>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<NaiveDate> for Value {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Time(time)
    }
}

/// What a caller gives for one name of a pattern's `where`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Given {
    One(Value),
    Range(Value, Value),
}

/// The parameters of one read, by the names in the pattern's `where`.
///
/// ```
/// use access_patterns::Params;
/// let tail = Params::new().text("stream_type", "SUB").text("stream_id", "018f2c").number("version", 3);
/// let window = Params::new().text("stream_type", "SUB").text("stream_id", "018f2c").between("version", 3, 9);
/// assert_ne!(tail, window);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    given: IndexMap<String, Given>,
}

impl Params {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a text: an id, an enum's word, free text; also a date, a time or a UUID in canonical spelling.
    pub fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.value(name, text.into())
    }

    /// Gives a number.
    pub fn number(self, name: &str, number: u64) -> Self {
        self.value(name, number)
    }

    /// Gives a day.
    pub fn date(self, name: &str, date: NaiveDate) -> Self {
        self.value(name, date)
    }

    /// Gives an instant; codecs refuse what is finer than a microsecond.
    pub fn time(self, name: &str, time: DateTime<Utc>) -> Self {
        self.value(name, time)
    }

    /// Gives any value.
    pub fn value(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.given.insert(name.to_owned(), Given::One(value.into()));
        self
    }

    /// Gives both ends, inclusive, for a name that the pattern reads `between`. `from` and `to` as two values mean the same.
    pub fn between(mut self, name: &str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        self.given.insert(name.to_owned(), Given::Range(from.into(), to.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.given.shift_remove(name);
        self
    }

    /// Whether `name` is given.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The single value given for `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.given.get(name) {
            Some(Given::One(value)) => Some(value),
            Some(Given::Range(..)) | None => None,
        }
    }

    /// Both ends given for `name` with [`Params::between`].
    pub fn range(&self, name: &str) -> Option<(&Value, &Value)> {
        match self.given.get(name) {
            Some(Given::Range(from, to)) => Some((from, to)),
            Some(Given::One(_)) | None => None,
        }
    }

    /// The names given, in the order in which they were.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }
}
