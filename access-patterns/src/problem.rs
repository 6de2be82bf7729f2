//! Says what is wrong with a matrix: where, what, and what to do about it.

use std::fmt;
use std::ops::Range;

/// One thing wrong with a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named to [`crate::Matrix::parse`].
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The rule that is broken, in a word or two that stay the same: tests and tools key on it.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]\n  next: {}", self.file, self.line, self.column, self.what, self.rule, self.next)
    }
}

/// Everything wrong with a matrix, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Problem>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// A place in a matrix file, in bytes.
pub(crate) type At = Range<usize>;

/// Collects problems of one file.
pub(crate) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<(usize, Problem)>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    pub(crate) fn push(&mut self, at: &At, rule: &'static str, what: impl Into<String>, next: impl Into<String>) {
        let start = at.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let problem = Problem { file: self.file.to_owned(), line, column, rule, what: what.into(), next: next.into() };
        if !self.found.iter().any(|(_, known)| *known == problem) {
            self.found.push((start, problem));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_errors(mut self) -> Errors {
        self.found.sort_by_key(|(start, _)| *start);
        Errors(self.found.into_iter().map(|(_, problem)| problem).collect())
    }
}
