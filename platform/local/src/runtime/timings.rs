//! How long cold starts and warm invocations took.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use crate::engine::lock;

/// The newest samples that are kept of each kind.
const KEPT: usize = 4096;

/// What a function's environments took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// The function.
    pub function: String,
    /// From starting the process to its first request for an event.
    pub cold: Option<Spread>,
    /// From handing an event to an environment that has had one before to its answer.
    pub warm: Option<Spread>,
}

/// A set of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub min: Duration,
    /// The one in the middle.
    pub median: Duration,
    /// The longest.
    pub max: Duration,
}

/// The samples of one function.
#[derive(Default)]
pub(crate) struct Samples(Mutex<(VecDeque<Duration>, VecDeque<Duration>)>);

impl Samples {
    pub fn cold(&self, time: Duration) {
        keep(&mut lock(&self.0).0, time);
    }

    pub fn warm(&self, time: Duration) {
        keep(&mut lock(&self.0).1, time);
    }

    pub fn timings(&self, function: &str) -> Timings {
        let samples = lock(&self.0);
        Timings { function: function.to_owned(), cold: Spread::of(&samples.0), warm: Spread::of(&samples.1) }
    }
}

fn keep(samples: &mut VecDeque<Duration>, time: Duration) {
    if samples.len() == KEPT {
        samples.pop_front();
    }
    samples.push_back(time);
}

impl Spread {
    fn of(samples: &VecDeque<Duration>) -> Option<Self> {
        let mut sorted: Vec<_> = samples.iter().copied().collect();
        sorted.sort_unstable();
        Some(Self { count: sorted.len(), min: *sorted.first()?, median: sorted[sorted.len() / 2], max: *sorted.last()? })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(f, "{:.2} / {:.2} / {:.2} ms ({})", ms(self.min), ms(self.median), ms(self.max), self.count)
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |spread: Option<Spread>| spread.map_or_else(|| "none".to_owned(), |spread| spread.to_string());
        write!(f, "{}: cold {}, warm {}", self.function, text(self.cold), text(self.warm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_shortest_the_middle_and_the_longest() {
        let samples = Samples::default();
        [3, 1, 2].into_iter().for_each(|ms| samples.warm(Duration::from_millis(ms)));
        let timings = samples.timings("f");
        assert_eq!(timings.to_string(), "f: cold none, warm 1.00 / 2.00 / 3.00 ms (3)");
    }
}
