//! What an answer is made of: typed columns, rows one at a time, and at the end what it says and of which history.

use annals_kit::Timestamp;
use annals_log::BoxError;
use serde_json::{Map, Value, json};

use crate::amount::Decimal;
use crate::history::AuditError;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Whole numbers.
    Integer,
    /// Exact decimals, see [`crate::amount`].
    Decimal,
    /// Instants, to the microsecond.
    Time,
    /// Anything that JSON can say.
    Json,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// Columns by name and kind.
macro_rules! columns {
    ($($name:literal: $kind:ident),* $(,)?) => {
        &[$($crate::answer::Column { name: $name, kind: $crate::answer::Kind::$kind }),*]
    };
}
pub(crate) use columns;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is none.
    Nothing,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// An instant.
    Time(Timestamp),
    /// JSON.
    Json(Value),
}

/// A value for each column.
pub type Row = Vec<Cell>;

impl Cell {
    pub(crate) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(crate) fn of<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }

    /// As JSON: decimals are text, as JSON's numbers are not exact everywhere.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Decimal(decimal) => decimal.to_string().into(),
            Self::Time(time) => time.to_string().into(),
            Self::Json(value) => value.clone(),
        }
    }

    /// As text; JSON's strings without their quotes.
    pub fn to_text(&self) -> String {
        match self.to_json() {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::number(number)
    }
}

impl From<Decimal> for Cell {
    fn from(decimal: Decimal) -> Self {
        Self::Decimal(decimal)
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// Whether a sink takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Yes.
    On,
    /// It has what it needs: the question ends early.
    Stop,
}

/// Takes rows as they come.
pub trait Sink: Send {
    /// Takes one.
    fn row(&mut self, row: Row) -> Result<Go, BoxError>;
}

impl Sink for Vec<Row> {
    fn row(&mut self, row: Row) -> Result<Go, BoxError> {
        self.push(row);
        Ok(Go::On)
    }
}

/// Where a question puts its rows.
pub(crate) struct Out<'a> {
    sink: &'a mut dyn Sink,
    pub(crate) rows: u64,
}

impl<'a> Out<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, rows: 0 }
    }

    pub(crate) fn row(&mut self, row: Row) -> Result<(), AuditError> {
        self.rows += 1;
        match self.sink.row(row).map_err(|source| AuditError::Sink { source })? {
            Go::On => Ok(()),
            Go::Stop => Err(AuditError::Stopped),
        }
    }
}

/// Whether what was asked about is so, or is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// What a question itself has to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    pub(crate) says: String,
    pub(crate) facts: Map<String, Value>,
}

impl Said {
    pub(crate) fn yes(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Yes, says: says.into(), facts: Map::new() }
    }

    pub(crate) fn no(says: impl Into<String>) -> Self {
        Self { verdict: Verdict::No, ..Self::yes(says) }
    }

    pub(crate) fn with(mut self, name: &str, fact: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), fact.into());
        self
    }
}

/// How far a service's history reached, and what of it was signed, when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The service.
    pub service: String,
    /// The ledger's name.
    pub origin: String,
    /// How many entries it had: the answer is of these.
    pub entries: u64,
    /// The size of the newest checkpoint then; what comes after it was not signed yet.
    pub size: u64,
    /// Its root, in base64; empty where nothing was signed yet.
    pub root: String,
}

impl Stamp {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let Self { service, origin, entries, size, root } = self;
        json!({ "service": service, "origin": origin, "entries": entries, "checkpoint": { "size": size, "root": root } })
    }
}

/// What an answer came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Yes or no.
    pub verdict: Verdict,
    /// In a sentence.
    pub says: String,
    /// The same for programs.
    pub facts: Map<String, Value>,
    /// How many rows it has.
    pub rows: u64,
    /// Of which history.
    pub stamps: Vec<Stamp>,
}

impl Told {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let stamps: Vec<_> = self.stamps.iter().map(Stamp::to_json).collect();
        json!({ "answer": self.verdict == Verdict::Yes, "says": self.says, "facts": self.facts, "rows": self.rows, "read_at": stamps })
    }
}
