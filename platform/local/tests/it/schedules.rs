//! Schedules: the expressions against brute force, and functions at the right times, across restarts, with retries and dead letters.

use std::time::Duration;

use annals_kit::Timestamp;
use annals_local::schedule_expression::ScheduleExpression;
use annals_local::{Config, FunctionError, Local, Queue, Schedule, Store};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Seen, config, failure};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `count` times after `now`, to the minute.
#[track_caller]
fn times(expression: &str, zone: &str, now: &str, count: usize) -> Vec<String> {
    let expression = ScheduleExpression::read(expression, zone).unwrap();
    let mut times = Vec::new();
    let mut now = at(now);
    while times.len() < count {
        let Some(next) = expression.next(now, now) else { break };
        times.push(next.to_string()[..16].to_owned());
        now = next;
    }
    times
}

const NOW: &str = "2026-03-01T12:00:00.000000Z";

#[test]
fn the_documented_forms_of_cron_fire_when_they_should() {
    // A Sunday.
    for (fields, expected) in [
        ("0 10 * * ? *", ["2026-03-02T10:00", "2026-03-03T10:00"]),
        ("15 12 * * ? *", ["2026-03-01T12:15", "2026-03-02T12:15"]),
        ("0 18 ? * MON-FRI *", ["2026-03-02T18:00", "2026-03-03T18:00"]),
        ("0 8 1 * ? *", ["2026-04-01T08:00", "2026-05-01T08:00"]),
        ("0/15 * * * ? *", ["2026-03-01T12:15", "2026-03-01T12:30"]),
        ("0/10 * ? * MON-FRI *", ["2026-03-02T00:00", "2026-03-02T00:10"]),
        ("0/5 8-17 ? * mon-fri *", ["2026-03-02T08:00", "2026-03-02T08:05"]),
        ("0 9 ? * 2#1 *", ["2026-03-02T09:00", "2026-04-06T09:00"]),
        ("0 9 ? * FRI#5 *", ["2026-05-29T09:00", "2026-07-31T09:00"]),
        ("15 10 ? * 6L *", ["2026-03-27T10:15", "2026-04-24T10:15"]),
        ("0 0 ? * L *", ["2026-03-07T00:00", "2026-03-14T00:00"]),
        ("0 0 L * ? *", ["2026-03-31T00:00", "2026-04-30T00:00"]),
        ("0 0 LW * ? *", ["2026-03-31T00:00", "2026-04-30T00:00"]),
        ("0 0 LW MAY ? *", ["2026-05-29T00:00", "2027-05-31T00:00"]),
        ("0 0 1W AUG ? *", ["2026-08-03T00:00", "2027-08-02T00:00"]),
        ("0 0 15W MAR,AUG ? *", ["2026-03-16T00:00", "2026-08-14T00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 31 * ? *", ["2026-03-31T00:00", "2026-05-31T00:00"]),
    ] {
        assert_eq!(times(&format!("cron({fields})"), "UTC", NOW, 2), expected, "{fields}");
    }
    assert_eq!(times("cron(0 0 1 1 ? 2027-2028)", "UTC", NOW, 9), ["2027-01-01T00:00", "2028-01-01T00:00"]);
    assert_eq!(times("cron(0 0 31 2 ? *)", "UTC", NOW, 1), Vec::<String>::new());
}

#[test]
fn a_time_that_summer_time_skips_does_not_fire_and_one_that_comes_twice_fires_once() {
    // In Berlin the clock goes from 2:00 to 3:00 on 29 March and from 3:00 back to 2:00 on 25 October 2026.
    let half_past_two = times("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-27T12:00:00.000000Z", 3);
    assert_eq!(half_past_two, ["2026-03-28T01:30", "2026-03-30T00:30", "2026-03-31T00:30"]);
    let twice = times("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00.000000Z", 2);
    assert_eq!(twice, ["2026-10-25T00:30", "2026-10-26T01:30"]);
    let hours = times("cron(0 * * * ? *)", "Europe/Berlin", "2026-10-24T23:30:00.000000Z", 3);
    assert_eq!(hours, ["2026-10-25T00:00", "2026-10-25T02:00", "2026-10-25T03:00"]);
    assert_eq!(times("at(2026-07-01T09:00:00)", "America/New_York", NOW, 9), ["2026-07-01T13:00"]);
    assert_eq!(times("at(2026-03-01T12:00:00)", "UTC", NOW, 9), Vec::<String>::new(), "the past");
}

#[test]
fn rates_keep_their_step() {
    let hourly = ScheduleExpression::read("rate(2 hours)", "UTC").unwrap();
    assert_eq!(hourly.first(at(NOW)), Some(at(NOW)), "without a start date it begins at once");
    assert_eq!(hourly.next(at(NOW), at(NOW)), Some(at("2026-03-01T14:00:00.000000Z")));
    assert_eq!(hourly.next(at(NOW), at("2026-03-01T17:10:00.000000Z")), Some(at("2026-03-01T18:00:00.000000Z")));
    for (text, minutes) in [("1 minute", 1), ("5 minutes", 5), ("1 hour", 60), ("1 day", 1440), ("7 days", 7 * 1440)] {
        let rate = ScheduleExpression::read(&format!("rate({text})"), "UTC").unwrap();
        assert_eq!(rate.next(at(NOW), at(NOW)), Some(at(NOW).plus(TimeDelta::minutes(minutes))), "{text}");
    }
}

#[test]
fn what_aws_refuses_is_refused_with_the_reason() {
    for (expression, reason) in [
        ("every day", "it must be rate(...), cron(...) or at(...)"),
        ("often(1)", "it must be rate(...), cron(...) or at(...)"),
        ("rate(1 day", "it must end with )"),
        ("rate(0 days)", "rate takes a whole number from 1 on"),
        ("rate(1 week)", "rate takes a whole number from 1 on"),
        ("rate(1.5 hours)", "rate takes a whole number from 1 on"),
        ("at(2026-02-30T00:00:00)", "at takes yyyy-mm-ddThh:mm:ss"),
        ("at(2026-03-01T00:00:00Z)", "at takes yyyy-mm-ddThh:mm:ss"),
        ("cron(0 10 * * ?)", "six fields (minutes hours day-of-month month day-of-week year), not 5"),
        ("cron(0 10 * * * *)", "one of day-of-month and day-of-week must be ?"),
        ("cron(0 10 ? * ? *)", "must say something"),
        ("cron(60 10 * * ? *)", "minutes takes 0 to 59, not \"60\""),
        ("cron(0 24 * * ? *)", "hours takes 0 to 23"),
        ("cron(0 0 0 * ? *)", "day-of-month takes 1 to 31"),
        ("cron(0 0 32W * ? *)", "day-of-month takes 1 to 31"),
        ("cron(0 0 ? * 0 *)", "day-of-week takes 1 to 7"),
        ("cron(0 0 ? * 3#6 *)", "day-of-week takes 1 to 5"),
        ("cron(0 0 ? * 3#1,6#3 *)", "day-of-week takes"),
        ("cron(0 0 1 13 ? *)", "month takes 1 to 12"),
        ("cron(0 0 1 * ? 2200)", "year takes 1970 to 2199"),
        ("cron(5-1 0 1 * ? *)", "the range 5-1 of minutes ends before it begins"),
        ("cron(0/0 0 1 * ? *)", "minutes takes 1 to 59"),
        ("cron(+1 0 1 * ? *)", "minutes takes 0 to 59"),
        ("cron(, 0 1 * ? *)", "minutes takes 0 to 59"),
    ] {
        let refused = ScheduleExpression::read(expression, "UTC").unwrap_err().to_string();
        assert!(refused.contains(reason) && refused.contains(expression), "{refused}");
    }
    assert!(ScheduleExpression::read("rate(1 day)", "Mars/Olympus").unwrap_err().to_string().contains("no time zone"));
}

/// A field as text, and the values it stands for.
type Field = (String, Vec<u32>);

fn field(low: u32, high: u32) -> impl Strategy<Value = Field> {
    let one = prop_oneof![
        (low..=high).prop_map(|value| (value.to_string(), vec![value])),
        (low..=high, low..=high).prop_map(|(a, b)| (format!("{}-{}", a.min(b), a.max(b)), (a.min(b)..=a.max(b)).collect())),
        (low..=high, 1..=high.max(1)).prop_map(move |(from, step)| {
            (format!("{from}/{step}"), (from..=high).filter(|value| (value - from).is_multiple_of(step)).collect())
        }),
        (1..=high.max(1))
            .prop_map(move |step| (format!("*/{step}"), (low..=high).filter(|value| (value - low).is_multiple_of(step)).collect())),
    ];
    let list = prop::collection::vec(one, 1..3).prop_map(|parts: Vec<Field>| {
        let text = parts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(",");
        (text, parts.into_iter().flat_map(|(_, values)| values).collect())
    });
    prop_oneof![2 => list, 1 => Just(("*".to_owned(), (low..=high).collect()))]
}

/// Which days: as a pair of fields, and as a question to be asked of each day.
#[derive(Clone, Debug)]
enum Days {
    Numbers(Field),
    Weekdays(Field),
    Last,
    Nearest(u32),
    LastOf(u32),
    Nth(u32, u32),
}

impl Days {
    fn text(&self) -> (String, String) {
        let any = || "?".to_owned();
        match self {
            Self::Numbers((text, _)) => (text.clone(), any()),
            Self::Weekdays((text, _)) => (any(), text.clone()),
            Self::Last => ("L".to_owned(), any()),
            Self::Nearest(number) => (format!("{number}W"), any()),
            Self::LastOf(weekday) => (any(), format!("{weekday}L")),
            Self::Nth(weekday, nth) => (any(), format!("{weekday}#{nth}")),
        }
    }

    /// Asked by looking at the calendar, day by day.
    fn hold(&self, day: NaiveDate) -> bool {
        let weekday = |day: NaiveDate| day.weekday().number_from_sunday();
        let month: Vec<NaiveDate> = (1..=31).filter_map(|number| NaiveDate::from_ymd_opt(day.year(), day.month(), number)).collect();
        match self {
            Self::Numbers((_, numbers)) => numbers.contains(&day.day()),
            Self::Weekdays((_, weekdays)) => weekdays.contains(&weekday(day)),
            Self::Last => month.last() == Some(&day),
            Self::Nearest(number) => {
                let wanted = month.iter().find(|one| one.day() == *number);
                let workdays = month.iter().filter(|one| (2..=6).contains(&weekday(**one)));
                wanted.is_some_and(|wanted| workdays.min_by_key(|one| (**one - *wanted).num_days().abs()) == Some(&day))
            }
            Self::LastOf(wanted) => month.iter().rfind(|one| weekday(**one) == *wanted) == Some(&day),
            Self::Nth(wanted, nth) => month.iter().filter(|one| weekday(**one) == *wanted).nth(*nth as usize - 1) == Some(&day),
        }
    }
}

fn days() -> impl Strategy<Value = Days> {
    prop_oneof![
        field(1, 31).prop_map(Days::Numbers),
        field(1, 7).prop_map(Days::Weekdays),
        Just(Days::Last),
        (1..=31_u32).prop_map(Days::Nearest),
        (1..=7_u32).prop_map(Days::LastOf),
        (1..=7_u32, 1..=5_u32).prop_map(|(weekday, nth)| Days::Nth(weekday, nth)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Law: the next time of a cron expression is the first minute, counted one by one, whose clock in the zone shows one of its
    /// times for the first time.
    #[test]
    fn cron_agrees_with_looking_at_every_minute(
        (minutes, hours, months, days) in (field(0, 59), field(0, 23), field(1, 12), days()),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        // Around the changes of the clocks, mostly.
        (month, minute) in (prop::sample::select(vec![1, 3, 4, 6, 10, 11]), 0..44_640_i64),
    ) {
        let (day, weekday) = days.text();
        let text = format!("cron({} {} {day} {} {weekday} *)", minutes.0, hours.0, months.0);
        let start = NaiveDate::from_ymd_opt(2026, month, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::minutes(minute);
        let tz: Tz = zone.parse().unwrap();
        let shows = |at: DateTime<Utc>| at.with_timezone(&tz).naive_local();
        let wanted = |clock: NaiveDateTime| {
            minutes.1.contains(&clock.minute()) && hours.1.contains(&clock.hour()) && months.1.contains(&clock.month()) && days.hold(clock.date())
        };
        let looked = 40 * 1440;
        let first_time = |at: DateTime<Utc>| (1..=180).all(|ago| shows(at - TimeDelta::minutes(ago)) != shows(at));
        let brute = (1..looked).map(|later| start + TimeDelta::minutes(later)).find(|at| wanted(shows(*at)) && first_time(*at));
        let now = Timestamp::new(start);
        let next = ScheduleExpression::read(&text, zone).unwrap().next(now, now);
        match brute {
            Some(brute) => prop_assert_eq!(next, Some(Timestamp::new(brute)), "{} in {}", text, zone),
            None => prop_assert!(next.is_none_or(|next| next >= now.plus(TimeDelta::minutes(looked))), "{} in {}: {:?}", text, zone, next),
        }
    }
}

fn with_schedule(store: Store, schedule: Schedule) -> Config {
    let mut config = config(store);
    config.queues = vec![Queue::new("letters", None)];
    config.schedules = vec![schedule];
    config
}

fn hourly() -> Schedule {
    let mut schedule = Schedule::new("billing-run", "cron(0 * * * ? *)", "run", Some("letters"));
    schedule.input = json!({ "at": "<aws.scheduler.scheduled-time>", "try": "<aws.scheduler.attempt-number>" });
    schedule
}

/// The times the function was told it was scheduled at, and its attempts.
fn told(seen: &Seen) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    seen.batches().iter().map(|event| (text(&event["at"]), text(&event["try"]))).collect()
}

fn pair(at: &str, attempt: &str) -> (String, String) {
    (at.to_owned(), attempt.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_function_runs_on_its_schedule() {
    let local = Local::open(with_schedule(Store::Memory, hourly())).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("run", |_, _| Ok(json!({}))));
    let running = local.start();
    tokio::time::sleep(Duration::from_secs(2 * 3600 + 60)).await;
    assert_eq!(told(&seen), [pair("2026-03-01T13:00:00Z", "1"), pair("2026-03-01T14:00:00Z", "1")]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_due_while_nothing_ran_fires_once_and_after_a_restart_it_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let seen = Seen::default();
    let local = Local::open(with_schedule(store(), hourly())).await.unwrap();
    drop(local);
    let mut config = with_schedule(store(), hourly());
    config.clock = std::sync::Arc::new(Later(config.clock.clone()));
    let local = Local::open(config).await.unwrap();
    local.install(seen.function("run", |_, _| Ok(json!({}))));
    local.settle().await;
    assert_eq!(told(&seen), [pair("2026-03-01T13:00:00Z", "1")], "due three times, run once, for the first of them");
    let running = local.start();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(told(&seen)[1..], [pair("2026-03-01T16:00:00Z", "1")]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rate_keeps_its_step_whatever_comes_late() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let rate = || Schedule { expression: "rate(1 hour)".to_owned(), ..hourly() };
    drop(Local::open(with_schedule(store(), rate())).await.unwrap());
    let seen = Seen::default();
    let mut config = with_schedule(store(), rate());
    config.clock = std::sync::Arc::new(Later(config.clock.clone()));
    let local = Local::open(config).await.unwrap();
    local.install(seen.function("run", |_, _| Ok(json!({}))));
    let running = local.start();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(told(&seen), [pair("2026-03-01T12:00:00Z", "1"), pair("2026-03-01T16:00:00Z", "1")]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_invocation_of_a_schedule_that_is_gone_is_gone_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let once = || Schedule { expression: "at(2026-03-01T12:00:10)".to_owned(), max_age_seconds: 86_400, ..hourly() };
    let local = Local::open(with_schedule(store(), once())).await.unwrap();
    local.install(Seen::default().function("run", |_, _| Err(failure())));
    let running = local.start();
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    running.stop().await;
    drop(local);
    // Without the schedule, and with it again when its time is over.
    drop(Local::open(config(store())).await.unwrap());
    let mut config = with_schedule(store(), once());
    config.clock = std::sync::Arc::new(Later(config.clock.clone()));
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("run", |_, _| Ok(json!({}))));
    local.settle().await;
    assert_eq!(told(&seen), []);
}

/// The same clock, three and a half hours later.
struct Later(std::sync::Arc<dyn annals_kit::Clock>);

impl annals_kit::Clock for Later {
    fn now(&self) -> Timestamp {
        self.0.now().plus(TimeDelta::minutes(210))
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_of_one_time_fires_once_and_an_invocation_that_is_not_done_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Store::Directory(directory.path().to_owned());
    let once = || Schedule { expression: "at(2026-03-01T12:00:10)".to_owned(), ..hourly() };
    let local = Local::open(with_schedule(store(), once())).await.unwrap();
    let failing = Seen::default();
    local.install(failing.function("run", |_, _| Err(failure())));
    let running = local.start();
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    running.stop().await;
    assert_eq!(told(&failing), [pair("2026-03-01T12:00:10Z", "1")]);
    drop(local);
    let mut config = with_schedule(store(), once());
    config.clock = std::sync::Arc::new(Later(config.clock.clone()));
    config.schedules[0].max_age_seconds = 86_400;
    let local = Local::open(config).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("run", |_, _| Ok(json!({}))));
    local.settle().await;
    assert_eq!(told(&seen), [pair("2026-03-01T12:00:10Z", "2")]);
    local.settle().await;
    assert_eq!(seen.batches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_fails_is_tried_again_and_ends_as_a_dead_letter_that_says_why() {
    let schedule = Schedule { expression: "rate(1 day)".to_owned(), max_attempts: 2, ..hourly() };
    let local = Local::open(with_schedule(Store::Memory, schedule)).await.unwrap();
    let seen = Seen::default();
    local.install(seen.function("run", |_, _| Err(failure())));
    local.settle().await;
    let attempts: Vec<_> = told(&seen).into_iter().map(|(_, attempt)| attempt).collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    let letter = &local.peek("letters", 2)[0];
    let said = |name: &str| letter.attributes[name]["StringValue"].as_str();
    assert_eq!(letter.body, r#"{"at":"2026-03-01T12:00:00Z","try":"3"}"#);
    assert_eq!(said("SCHEDULE_ARN"), Some("arn:aws:scheduler:eu-west-1:000000000000:schedule/default/billing-run"));
    assert_eq!(said("TARGET_ARN"), Some("arn:aws:lambda:eu-west-1:000000000000:function:run"));
    assert_eq!((said("ERROR_CODE"), said("ERROR_MESSAGE")), (Some("ERROR_FROM_TARGET"), Some("Test: as planned")));
    assert_eq!((said("RETRY_ATTEMPTS"), said("EXHAUSTED_RETRY_CONDITION")), (Some("2"), Some("MaximumRetryAttempts")));
}

#[tokio::test(start_paused = true)]
async fn a_missing_function_is_a_dead_letter_at_once_and_an_old_invocation_on_time() {
    let schedule = || Schedule { expression: "rate(1 day)".to_owned(), max_attempts: 185, max_age_seconds: 60, ..hourly() };
    let local = Local::open(with_schedule(Store::Memory, schedule())).await.unwrap();
    local.settle().await;
    assert_eq!(local.peek("letters", 1)[0].attributes["ERROR_CODE"]["StringValue"], "NO_RESOURCE");

    let local = Local::open(with_schedule(Store::Memory, schedule())).await.unwrap();
    local.install(Seen::default().function("run", |_, _| Err(FunctionError::new("Test", "no"))));
    let began = tokio::time::Instant::now();
    local.settle().await;
    assert_eq!(began.elapsed().as_secs(), 60);
    assert_eq!(local.peek("letters", 1)[0].attributes["EXHAUSTED_RETRY_CONDITION"]["StringValue"], "MaximumEventAgeInSeconds");
}

#[tokio::test]
async fn schedules_that_aws_would_refuse_do_not_open() {
    let refused = |change: &dyn Fn(&mut Schedule)| {
        let mut schedule = hourly();
        change(&mut schedule);
        async move { Local::open(with_schedule(Store::Memory, schedule)).await.err().unwrap().to_string() }
    };
    let wrong = refused(&|schedule| schedule.expression = "cron(x)".to_owned()).await;
    assert!(wrong.contains("schedule billing-run: the schedule expression cron(x) is not valid"), "{wrong}");
    let wrong = refused(&|schedule| schedule.max_age_seconds = 59).await;
    assert!(wrong.contains("60 to 86400 seconds"), "{wrong}");
}
