//! What AWS and our names allow: ranges, kebab-case, schedule expressions.

use std::ops::RangeInclusive;

/// Something with an allowed range: its key under `x-delivery`, and the range in AWS's documentation.
pub(crate) type Limit = (&'static str, RangeInclusive<u32>);

pub(crate) const TIMEOUT: Limit = ("timeout_seconds", 1..=900);
pub(crate) const MEMORY: Limit = ("memory_mb", 128..=10_240);
pub(crate) const STREAM_BATCH: Limit = ("batch_size", 1..=10_000);
pub(crate) const WINDOW: Limit = ("window_seconds", 0..=300);
pub(crate) const STREAM_RETRIES: Limit = ("max_retries", 0..=10_000);
pub(crate) const RECORD_AGE: Limit = ("max_record_age_seconds", 60..=604_800);
pub(crate) const PARALLEL: Limit = ("parallelization_factor", 1..=10);
pub(crate) const VISIBILITY: Limit = ("visibility_timeout_seconds", 1..=43_200);
pub(crate) const RECEIVES: Limit = ("max_receives", 1..=1_000);
pub(crate) const RETENTION: Limit = ("retention_seconds", 60..=1_209_600);
pub(crate) const QUEUE_BATCH: Limit = ("batch_size", 1..=10);
pub(crate) const CONCURRENCY: Limit = ("concurrency", 2..=1_000);

/// Whether `name` is 1 to 64 of a-z, 0-9 and single dashes between them: what every AWS service here takes as a name.
pub(crate) fn is_kebab(name: &str) -> bool {
    let parts =
        |name: &str| name.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_lowercase()) && parts(name)
}

/// Whether `name` is snake_case.
pub(crate) fn is_snake(name: &str) -> bool {
    is_kebab(&name.replace('_', "-")) && !name.contains('-')
}

/// Whether `name` is UPPER_SNAKE.
pub(crate) fn is_upper_snake(name: &str) -> bool {
    let parts =
        |name: &str| name.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    name.starts_with(|c: char| c.is_ascii_uppercase()) && parts(name)
}

/// Why EventBridge Scheduler would not take an expression; cron fields are only looked at from outside.
pub(crate) fn schedule_fault(expression: &str) -> Option<String> {
    let inside = |kind: &str| expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = inside("rate") {
        let (number, unit) = rate.split_once(' ').unwrap_or((rate, ""));
        return match (number.parse::<u32>(), unit) {
            (Ok(1), "minute" | "hour" | "day") => None,
            (Ok(2..), "minutes" | "hours" | "days") => None,
            _ => Some(format!("rate({rate}) is no rate: 1 minute, hour or day, or a larger number of minutes, hours or days")),
        };
    }
    if let Some(cron) = inside("cron") {
        let fields: Vec<_> = cron.split(' ').collect();
        let known = |field: &&str| !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?,-/#".contains(&b));
        if fields.len() != 6 || !fields.iter().all(known) {
            return Some(format!("cron({cron}) does not have six fields: minutes, hours, day of month, month, day of week, year"));
        }
        return match fields.iter().filter(|field| **field == "?").count() {
            1 if fields[2] == "?" || fields[4] == "?" => None,
            _ => Some(format!("cron({cron}) must have ? as its day of the month or as its day of the week, and nowhere else")),
        };
    }
    Some(format!("{expression} is neither rate(...) nor cron(...)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_rates_and_crons_as_aws_takes_them() {
        for good in ["rate(1 hour)", "rate(15 minutes)", "cron(0 6 * * ? *)", "cron(0 6 ? * MON-FRI *)"] {
            assert_eq!(schedule_fault(good), None, "{good}");
        }
        for bad in [
            "rate(1 hours)",
            "rate(0 minutes)",
            "rate(5 minute)",
            "rate(hour)",
            "cron(0 6 * * *)",
            "cron(0 6 * * * *)",
            "hourly",
            "rate(1 hour",
        ] {
            assert!(schedule_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn names_are_kebab_case() {
        for good in ["a", "send-email", "sha-256"] {
            assert!(is_kebab(good), "{good}");
        }
        for bad in ["", "Send-email", "send_email", "-a", "a-", "a--b", "1a", "sénd"] {
            assert!(!is_kebab(bad), "{bad}");
        }
    }
}
