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
    /// What an environment took of a processor until its first request for an event.
    pub cpu_to_next: Option<Spread>,
    /// What it took of a processor until it had answered its first event.
    pub cpu_to_answer: Option<Spread>,
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
pub(crate) struct Samples(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    cold: VecDeque<Duration>,
    warm: VecDeque<Duration>,
    cpu_to_next: VecDeque<Duration>,
    cpu_to_answer: VecDeque<Duration>,
}

impl Samples {
    pub fn cold(&self, time: Duration) {
        keep(&mut lock(&self.0).cold, time);
    }

    pub fn warm(&self, time: Duration) {
        keep(&mut lock(&self.0).warm, time);
    }

    pub fn cpu(&self, to_next: Duration, to_answer: Duration) {
        let mut kept = lock(&self.0);
        keep(&mut kept.cpu_to_next, to_next);
        keep(&mut kept.cpu_to_answer, to_answer);
    }

    pub fn timings(&self, function: &str) -> Timings {
        let kept = lock(&self.0);
        Timings {
            function: function.to_owned(),
            cold: Spread::of(&kept.cold),
            warm: Spread::of(&kept.warm),
            cpu_to_next: Spread::of(&kept.cpu_to_next),
            cpu_to_answer: Spread::of(&kept.cpu_to_answer),
        }
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
        write!(f, "{}: cold {}, warm {}", self.function, text(self.cold), text(self.warm))?;
        match (self.cpu_to_next, self.cpu_to_answer) {
            (Some(next), Some(answer)) => write!(f, "; CPU to the first /next {next}, to the first answer {answer}"),
            _ => Ok(()),
        }
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
        samples.cpu(Duration::from_millis(4), Duration::from_millis(5));
        let text = samples.timings("f").to_string();
        assert!(
            text.ends_with("; CPU to the first /next 4.00 / 4.00 / 4.00 ms (1), to the first answer 5.00 / 5.00 / 5.00 ms (1)"),
            "{text}"
        );
    }
}
