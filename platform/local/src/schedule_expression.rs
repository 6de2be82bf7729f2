//! Reads schedule expressions as EventBridge Scheduler has them, and tells when they fire: `rate(...)`, `cron(...)`, `at(...)`.
//!
//! Our own parser, because Annals must accept what AWS accepts and nothing else: six fields, one of day-of-month and day-of-week `?`,
//! Sunday is 1, the years 1970 to 2199. A time that daylight saving time skips does not fire; one that comes twice fires the first time.
//! Source: EventBridge Scheduler user guide, "Schedule types".

use annals_kit::Timestamp;
use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

const LAST_YEAR: u32 = 2199;

/// When something happens.
#[derive(Clone, Debug)]
pub struct ScheduleExpression {
    when: When,
    zone: Tz,
}

#[derive(Clone, Debug)]
enum When {
    Every(TimeDelta),
    Once(NaiveDateTime),
    Cron(Box<Cron>),
}

#[derive(Clone, Debug)]
struct Cron {
    minutes: Vec<u32>,
    hours: Vec<u32>,
    days: DayRule,
    months: Vec<u32>,
    years: Vec<u32>,
}

/// Which days of a month: by their number or by their weekday.
#[derive(Clone, Debug)]
enum DayRule {
    Numbers(Vec<u32>),
    Last,
    /// The last Monday to Friday of the month.
    LastWeekday,
    /// The Monday to Friday nearest to this day, within the month.
    NearestWeekday(u32),
    /// Days of the week, Sunday is 1.
    Weekdays(Vec<u32>),
    /// The last such day of the week in the month.
    LastOf(u32),
    /// The nth such day of the week in the month.
    Nth(u32, u32),
}

/// What is wrong with a schedule expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule expression {expression} is not valid: {reason}")]
pub struct InvalidSchedule {
    /// The expression.
    pub expression: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ScheduleExpression {
    /// Reads an expression, to be understood in an IANA time zone such as `Europe/Berlin`. `rate` knows no zones.
    pub fn read(expression: &str, zone: &str) -> Result<Self, InvalidSchedule> {
        let wrong = |reason: String| InvalidSchedule { expression: expression.to_owned(), reason };
        let zone = zone.parse().map_err(|_| wrong(format!("{zone} is no time zone of the IANA database")))?;
        let (kind, rest) = expression.split_once('(').ok_or_else(|| wrong("it must be rate(...), cron(...) or at(...)".to_owned()))?;
        let inner = rest.strip_suffix(')').ok_or_else(|| wrong("it must end with )".to_owned()))?;
        let when = match kind {
            "rate" => rate(inner).map(When::Every),
            "cron" => Cron::read(inner).map(|cron| When::Cron(Box::new(cron))),
            "at" => NaiveDateTime::parse_from_str(inner, "%Y-%m-%dT%H:%M:%S")
                .map(When::Once)
                .map_err(|_| "at takes yyyy-mm-ddThh:mm:ss".to_owned()),
            _ => Err("it must be rate(...), cron(...) or at(...)".to_owned()),
        };
        Ok(Self { when: when.map_err(wrong)?, zone })
    }

    /// When a new schedule fires first, if ever: `rate` at once, as on AWS where a schedule has no start date.
    pub fn first(&self, now: Timestamp) -> Option<Timestamp> {
        match self.when {
            When::Every(_) => Some(now),
            _ => self.next(now, now),
        }
    }

    /// The next time after `now`, for a schedule that was last due at `last`: a rate keeps its step.
    pub fn next(&self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Every(step) => {
                let steps = now.since(last).num_microseconds()?.max(0) / step.num_microseconds()? + 1;
                Some(last.plus(step.checked_mul(i32::try_from(steps).ok()?)?))
            }
            When::Once(time) => instant(self.zone, *time).filter(|at| *at > now),
            When::Cron(cron) => cron.next(self.zone, now),
        }
    }
}

fn rate(inner: &str) -> Result<TimeDelta, String> {
    let wrong = || "rate takes a whole number from 1 on and minutes, hours or days".to_owned();
    let (value, unit) = inner.split_once(' ').ok_or_else(wrong)?;
    let value: u32 = value.parse().ok().filter(|value| *value > 0).ok_or_else(wrong)?;
    let minutes = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return Err(wrong()),
    };
    Ok(TimeDelta::minutes(i64::from(value) * minutes))
}

impl Cron {
    fn read(inner: &str) -> Result<Self, String> {
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields[..] else {
            return Err(format!("cron takes six fields (minutes hours day-of-month month day-of-week year), not {}", fields.len()));
        };
        let days = match (day, weekday) {
            ("?", "?") => return Err("one of day-of-month and day-of-week must say something".to_owned()),
            (day, "?") => day_of_month(day)?,
            ("?", weekday) => day_of_week(weekday)?,
            _ => return Err("one of day-of-month and day-of-week must be ?".to_owned()),
        };
        Ok(Self {
            minutes: list("minutes", minutes, 0, 59, &[])?,
            hours: list("hours", hours, 0, 23, &[])?,
            days,
            months: list("month", month, 1, 12, &MONTHS)?,
            years: list("year", year, 1970, LAST_YEAR, &[])?,
        })
    }

    fn next(&self, zone: Tz, now: Timestamp) -> Option<Timestamp> {
        let mut day = local(zone, now)?.date();
        while day.year() <= LAST_YEAR as i32 {
            if !self.years.contains(&u32::try_from(day.year()).ok()?) {
                day = NaiveDate::from_ymd_opt(day.year() + 1, 1, 1)?;
                continue;
            }
            if self.months.contains(&day.month()) && self.days.holds(day) {
                let times = self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                let instants = times.filter_map(|(hour, minute)| instant(zone, day.and_hms_opt(hour, minute, 0)?));
                if let Some(next) = instants.filter(|at| *at > now).min() {
                    return Some(next);
                }
            }
            day = day.checked_add_days(Days::new(1))?;
        }
        None
    }
}

impl DayRule {
    fn holds(&self, day: NaiveDate) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.contains(&day.day()),
            Self::Last => day.day() == last_day(day),
            Self::LastWeekday => day.day() == nearest_weekday(day, last_day(day)),
            Self::NearestWeekday(number) => *number <= last_day(day) && day.day() == nearest_weekday(day, *number),
            Self::Weekdays(weekdays) => weekdays.contains(&weekday(day)),
            Self::LastOf(wanted) => weekday(day) == *wanted && day.day() + 7 > last_day(day),
            Self::Nth(wanted, nth) => weekday(day) == *wanted && day.day().div_ceil(7) == *nth,
        }
    }
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn day_of_month(field: &str) -> Result<DayRule, String> {
    Ok(match field {
        "L" => DayRule::Last,
        "LW" => DayRule::LastWeekday,
        _ => match field.strip_suffix('W') {
            Some(number) => DayRule::NearestWeekday(value("day-of-month", number, 1, 31, &[])?),
            None => DayRule::Numbers(list("day-of-month", field, 1, 31, &[])?),
        },
    })
}

fn day_of_week(field: &str) -> Result<DayRule, String> {
    let day = |text: &str| value("day-of-week", text, 1, 7, &WEEKDAYS);
    if let Some((weekday, nth)) = field.split_once('#') {
        return Ok(DayRule::Nth(day(weekday)?, value("day-of-week", nth, 1, 5, &[])?));
    }
    Ok(match field.strip_suffix('L') {
        // The last day of the week, which begins on Sunday.
        Some("") => DayRule::Weekdays(vec![7]),
        Some(weekday) => DayRule::LastOf(day(weekday)?),
        None => DayRule::Weekdays(list("day-of-week", field, 1, 7, &WEEKDAYS)?),
    })
}

/// The values of a field: `*`, values, ranges and steps, joined with commas.
fn list(field: &str, text: &str, low: u32, high: u32, names: &[&str]) -> Result<Vec<u32>, String> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = step.map(|step| value(field, step, 1, high.max(1), &[])).transpose()?;
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (low, high),
            (_, Some((from, to))) => (value(field, from, low, high, names)?, value(field, to, low, high, names)?),
            // A step from a value goes on to the end.
            (one, None) => {
                let one = value(field, one, low, high, names)?;
                (one, if step.is_some() { high } else { one })
            }
        };
        if from > to {
            return Err(format!("the range {range} of {field} ends before it begins"));
        }
        values.extend((from..=to).step_by(step.unwrap_or(1) as usize));
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// A number of a field, or one of its names; the first name is the field's lowest number.
fn value(field: &str, text: &str, low: u32, high: u32, names: &[&str]) -> Result<u32, String> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|place| u32::try_from(place).ok());
    let digits = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let number = named.map(|place| place + low).or_else(digits);
    number.filter(|number| (low..=high).contains(number)).ok_or_else(|| format!("{field} takes {low} to {high}, not {text:?}"))
}

fn last_day(day: NaiveDate) -> u32 {
    u32::from(day.num_days_in_month())
}

/// Sunday is 1.
fn weekday(day: NaiveDate) -> u32 {
    day.weekday().num_days_from_sunday() + 1
}

/// The day nearest to the `number`th of `day`'s month that is a Monday to Friday, without leaving the month.
fn nearest_weekday(day: NaiveDate, number: u32) -> u32 {
    match day.with_day(number).map(|day| day.weekday()) {
        Some(Weekday::Sat) if number == 1 => 3,
        Some(Weekday::Sat) => number - 1,
        Some(Weekday::Sun) if number == last_day(day) => number - 2,
        Some(Weekday::Sun) => number + 1,
        _ => number,
    }
}

/// The first time a clock in the zone shows this; `None` when daylight saving time skips it.
fn instant(zone: Tz, time: NaiveDateTime) -> Option<Timestamp> {
    match zone.from_local_datetime(&time) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Timestamp::from_micros(at.timestamp_micros()),
        LocalResult::None => None,
    }
}

fn local(zone: Tz, at: Timestamp) -> Option<NaiveDateTime> {
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(at.micros())?;
    Some(utc.with_timezone(&zone).naive_local())
}
