//! What can be asked, and how it is written: on a command line, in a URL, in a manifest.

use std::fmt;
use std::str::FromStr;

use annals_kit::{Actor, CustomerId, Payload, Role, StreamId, Timestamp};
use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::answer::Column;

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Every revision of a stream: version, actor, time, what changed.
    Revisions {
        /// The stream.
        stream: StreamId,
    },
    /// Who changed a field of a stream, from what to what.
    Field {
        /// The stream.
        stream: StreamId,
        /// The field, such as `status` or `price.amount`.
        field: String,
    },
    /// What a stream was at a moment, and what was believed then.
    AsOf {
        /// The stream.
        stream: StreamId,
        /// The moment.
        moment: Moment,
    },
    /// Everything that an actor did, refused commands included.
    Actor {
        /// The actor.
        actor: Actor,
        /// When.
        period: Period,
    },
    /// Everything under a correlation id, across services, as a tree.
    Correlation {
        /// The id.
        correlation: Uuid,
    },
    /// The complete population of a period.
    Population {
        /// The period.
        period: Period,
    },
    /// Who read or exported history.
    Access {
        /// When.
        period: Period,
    },
    /// Whether a notice was sent: attempts and outcome.
    Notice {
        /// Its stream.
        stream: StreamId,
    },
    /// The events of a period in order.
    Day {
        /// The period, a day as a rule.
        day: Period,
    },
    /// Who had a role at a time.
    Roles {
        /// The role.
        role: Role,
        /// The time.
        moment: Moment,
    },
    /// Whether a person of a tenant's was erased, and what that closed.
    Erasure {
        /// A customer, by the tenant's own id; or a member, by that of their account.
        person: CustomerId,
    },
    /// All that is held on a person of a tenant's.
    Person {
        /// A customer, by the tenant's own id; or a member, by that of their account.
        person: CustomerId,
    },
}

impl Question {
    /// The questions there are, as they are named in URLs.
    pub const NAMES: [&'static str; 12] =
        ["revisions", "field", "as-of", "actor", "correlation", "population", "access", "notice", "day", "roles", "erasure", "person"];

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Revisions { .. } => "revisions",
            Self::Field { .. } => "field",
            Self::AsOf { .. } => "as-of",
            Self::Actor { .. } => "actor",
            Self::Correlation { .. } => "correlation",
            Self::Population { .. } => "population",
            Self::Access { .. } => "access",
            Self::Notice { .. } => "notice",
            Self::Day { .. } => "day",
            Self::Roles { .. } => "roles",
            Self::Erasure { .. } => "erasure",
            Self::Person { .. } => "person",
        }
    }

    /// What it is about, by name.
    pub fn parameters(&self) -> Payload {
        let named =
            |pairs: &[(&str, String)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        match self {
            Self::Revisions { stream } | Self::Notice { stream } => named(&[("stream", stream.to_string())]),
            Self::Field { stream, field } => named(&[("stream", stream.to_string()), ("field", field.clone())]),
            Self::AsOf { stream, moment } => named(&[("stream", stream.to_string()), ("moment", moment.to_string())]),
            Self::Actor { actor, period } => named(&[("actor", actor.to_string()), ("period", period.to_string())]),
            Self::Correlation { correlation } => named(&[("correlation", correlation.to_string())]),
            Self::Population { period } | Self::Access { period } | Self::Day { day: period } => named(&[("period", period.to_string())]),
            Self::Roles { role, moment } => named(&[("role", role.to_string()), ("moment", moment.to_string())]),
            Self::Erasure { person } | Self::Person { person } => named(&[("person", person.to_string())]),
        }
    }

    /// The question of this name and these parameters; what is wrong, otherwise.
    pub fn parse(name: &str, parameter: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        fn parsed<T: FromStr<Err: fmt::Display>>(name: &str, text: Option<String>) -> Result<T, String> {
            let text = text.ok_or_else(|| format!("`{name}` is missing"))?;
            text.parse().map_err(|error| format!("`{name}`: {error}"))
        }
        let stream = || parsed("stream", parameter("stream"));
        let period = || parsed("period", parameter("period"));
        let always = || parameter("period").map_or(Ok(Period::always()), |text| parsed("period", Some(text)));
        Ok(match name {
            "revisions" => Self::Revisions { stream: stream()? },
            "field" => Self::Field { stream: stream()?, field: parsed("field", parameter("field"))? },
            "as-of" => Self::AsOf { stream: stream()?, moment: parsed("moment", parameter("moment"))? },
            "actor" => Self::Actor { actor: parsed("actor", parameter("actor"))?, period: always()? },
            "correlation" => Self::Correlation { correlation: parsed("correlation", parameter("correlation"))? },
            "population" => Self::Population { period: period()? },
            "access" => Self::Access { period: always()? },
            "notice" => Self::Notice { stream: stream()? },
            "day" => Self::Day { day: period()? },
            "roles" => {
                let moment = parameter("moment").map_or(Ok(Moment::Now), |text| parsed("moment", Some(text)))?;
                Self::Roles { role: parsed("role", parameter("role"))?, moment }
            }
            "erasure" => Self::Erasure { person: parsed("person", parameter("person"))? },
            "person" => Self::Person { person: parsed("person", parameter("person"))? },
            _ => return Err(format!("there is no such question; there are {}", Self::NAMES.join(", "))),
        })
    }

    /// The columns of its answer.
    pub fn columns(&self) -> &'static [Column] {
        match self {
            Self::Revisions { .. } | Self::Field { .. } => crate::revisions::COLUMNS,
            Self::AsOf { .. } => crate::as_of::COLUMNS,
            Self::Actor { .. } => crate::actor::COLUMNS,
            Self::Correlation { .. } => crate::correlation::COLUMNS,
            Self::Population { .. } => crate::population::COLUMNS,
            Self::Access { .. } => crate::access::COLUMNS,
            Self::Notice { .. } => crate::notice::COLUMNS,
            Self::Day { .. } => crate::day::COLUMNS,
            Self::Roles { .. } => crate::roles::COLUMNS,
            Self::Erasure { .. } => crate::erasure::COLUMNS,
            Self::Person { .. } => crate::person::COLUMNS,
        }
    }
}

/// A moment in the history of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// As far as is known.
    Now,
    /// After this version, written `17`.
    Version(u64),
    /// At this time, written `2026-01-31T09:30:00Z`; a day means its end.
    Time(Timestamp),
    /// After the entry at this position of the ledger, written `@120`.
    Position(u64),
}

/// The text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no version (17), time (2026-01-31T09:30:00Z), day (2026-01-31) or position (@120)")]
pub struct NotAMoment;

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(position) = text.strip_prefix('@') {
            return position.parse().map(Self::Position).map_err(|_| NotAMoment);
        }
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(Timestamp::new(time.to_utc())));
        }
        let next_day = text.parse::<NaiveDate>().ok().and_then(|day| day.succ_opt()).ok_or(NotAMoment)?;
        Ok(Self::Time(midnight(next_day).plus(-TimeDelta::microseconds(1))))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Version(version) => version.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::Position(position) => write!(f, "@{position}"),
        }
    }
}

/// A time from one instant to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first instant of it.
    pub from: Timestamp,
    /// The first one after it.
    pub until: Timestamp,
}

/// The text is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no period: write 2026, 2026-Q1, 2026-01, 2026-01-31, or two of them or two times with .. between (2026-01-01..2026-01-15)")]
pub struct NotAPeriod;

impl Period {
    /// All of history.
    pub fn always() -> Self {
        Self { from: Timestamp::new(DateTime::<Utc>::MIN_UTC), until: Timestamp::new(DateTime::<Utc>::MAX_UTC) }
    }

    /// The calendar day, month, quarter or year of this name, or the instant.
    fn one(text: &str) -> Result<Self, NotAPeriod> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            let time = Timestamp::new(time.to_utc());
            return Ok(Self { from: time, until: time });
        }
        let first = |year: &str, month: u32| NaiveDate::from_ymd_opt(year.parse().ok()?, month, 1).filter(|_| year.len() == 4);
        let (from, months) = match text.split_once('-') {
            None => (first(text, 1), 12),
            Some((year, rest)) => match (rest.strip_prefix('Q'), rest.split_once('-')) {
                (Some(quarter), _) => (quarter.parse::<u32>().ok().filter(|q| (1..=4).contains(q)).and_then(|q| first(year, q * 3 - 2)), 3),
                (None, None) => (rest.parse().ok().filter(|_| rest.len() == 2).and_then(|month| first(year, month)), 1),
                (None, Some(_)) => (text.parse().ok(), 0),
            },
        };
        let from = from.ok_or(NotAPeriod)?;
        let until = if months == 0 { from.succ_opt() } else { from.checked_add_months(Months::new(months)) };
        Ok(Self { from: midnight(from), until: midnight(until.ok_or(NotAPeriod)?) })
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        if text == "always" {
            return Ok(Self::always());
        }
        let period = match text.split_once("..") {
            Some((from, until)) => Self { from: Self::one(from)?.from, until: Self::one(until)?.until },
            None => Self::one(text)?,
        };
        if period.from < period.until { Ok(period) } else { Err(NotAPeriod) }
    }
}

impl fmt::Display for Period {
    /// By its instants, or `always`; it reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self == Self::always() {
            true => f.write_str("always"),
            false => write!(f, "{}..{}", self.from, self.until),
        }
    }
}

fn midnight(day: NaiveDate) -> Timestamp {
    Timestamp::new(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_as_people_write_them() {
        let told = |text: &str| {
            text.parse::<Period>().map(|period| format!("{} {}", &period.from.to_string()[..10], &period.until.to_string()[..10]))
        };
        assert_eq!(told("2026").unwrap(), "2026-01-01 2027-01-01");
        assert_eq!(told("2026-Q4").unwrap(), "2026-10-01 2027-01-01");
        assert_eq!(told("2026-02").unwrap(), "2026-02-01 2026-03-01");
        assert_eq!(told("2026-02-28").unwrap(), "2026-02-28 2026-03-01");
        assert_eq!(told("2026-01..2026-02-10").unwrap(), "2026-01-01 2026-02-11");
        for text in ["", "26", "2026-Q5", "2026-13", "2026-2", "2026-02-30", "2026-02..2026-01", "yesterday"] {
            assert_eq!(told(text), Err(NotAPeriod), "{text}");
        }
        let period: Period = "2026-Q1".parse().unwrap();
        assert_eq!((period.to_string().parse(), "always".parse()), (Ok(period), Ok(Period::always())));
    }

    #[test]
    fn questions_read_back_from_their_parameters() {
        let asked = [
            Question::Field { stream: "INV#1".parse().unwrap(), field: "status".into() },
            Question::AsOf { stream: "INV#1".parse().unwrap(), moment: "@7".parse().unwrap() },
            Question::Actor { actor: "ada".parse().unwrap(), period: Period::always() },
            Question::Day { day: "2026-01-31".parse().unwrap() },
            Question::Roles { role: Role::Finance, moment: "2026-01-31".parse().unwrap() },
            Question::Person { person: "ada".parse().unwrap() },
        ];
        for question in asked {
            let parameters = question.parameters();
            let read = Question::parse(question.name(), |name| parameters.get(name).and_then(Value::as_str).map(str::to_owned));
            assert_eq!(read, Ok(question));
        }
        assert!(Question::parse("gossip", |_| None).unwrap_err().contains("population"));
        assert!(Question::parse("revisions", |_| None).unwrap_err().contains("`stream` is missing"));
    }
}
