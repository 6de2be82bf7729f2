//! A progress bar on standard error, where that is a terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;

/// How far something is.
pub(super) struct Progress {
    of: usize,
    done: usize,
    began: Instant,
    /// When it was drawn last; `None` where nobody looks.
    drawn: Option<Instant>,
}

impl Progress {
    /// Nothing of so many is done.
    pub(super) fn new(of: usize) -> Self {
        let began = Instant::now();
        Self { of, done: 0, began, drawn: std::io::stderr().is_terminal().then_some(began) }
    }

    /// One more is done.
    pub(super) fn advance(&mut self) {
        self.done += 1;
        if self.drawn.is_some_and(|drawn| drawn.elapsed() >= EVERY) || (self.done == self.of && self.drawn.is_some()) {
            self.drawn = Some(Instant::now());
            let _ = write!(std::io::stderr(), "\r{}", self.line());
        }
    }

    fn line(&self) -> String {
        let full = (WIDTH * self.done).checked_div(self.of).unwrap_or(WIDTH);
        format!("[{}{}] {} of {}, {:.0} a second ", "#".repeat(full), " ".repeat(WIDTH - full), self.done, self.of, self.a_second())
    }

    /// How many a second.
    pub(super) fn a_second(&self) -> f64 {
        self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001)
    }

    /// Ends the line.
    pub(super) fn end(&self) {
        if self.drawn.is_some() {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_what_is_done() {
        let bar = |done, of| Progress { of, done, began: Instant::now(), drawn: None }.line();
        assert!(bar(0, 4).starts_with(&format!("[{}] 0 of 4,", " ".repeat(30))));
        assert!(bar(1, 2).starts_with(&format!("[{}{}] 1 of 2,", "#".repeat(15), " ".repeat(15))));
        assert!(bar(0, 0).starts_with(&format!("[{}] 0 of 0,", "#".repeat(30))));
    }
}
