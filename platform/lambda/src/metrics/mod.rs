//! What functions count and time, defined once for CloudWatch, for the local system and for dashboards.
//!
//! - [`definition`]: every metric: name, unit, dimensions, meaning, alarm
//! - [`embedded`]: on AWS: embedded metric format on standard output
//! - [`command`]: times one command and counts how it ended

pub mod command;
pub mod definition;
pub mod embedded;

pub use command::measured;
pub use definition::{Clears, CloudWatch, Definition, Kind, Metric, Threshold, Unit, When};
pub use embedded::EmbeddedMetrics;

use chrono::TimeDelta;

/// Where counts and times go: standard output on AWS, the local system's own store on one machine.
pub trait Metrics: Send + Sync {
    /// Counts `value` of `metric` for `service`. `about` is the value of the metric's own label where its definition has one, such as
    /// the function; otherwise it says what it was about, without personal data.
    fn count(&self, service: &'static str, metric: Metric, value: u64, about: &str);

    /// Notes how long something took; below zero, as when clocks differ, is zero. `about` as for [`Metrics::count`].
    fn time(&self, service: &'static str, metric: Metric, took: TimeDelta, about: &str);

    /// Lets go of what is held back: [`function::run`](crate::function::run) calls it at the end of every event.
    fn flush(&self) {}
}
