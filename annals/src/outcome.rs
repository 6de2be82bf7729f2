//! How a command ends: exit 0 yes, 1 no, 2 could not tell.

use std::io::Write;
use std::process::ExitCode;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, or done.
    Yes,
    /// No: there is something to look at.
    No,
}

/// A command could not tell: what is wrong, what is unharmed, what to do.
#[derive(Debug)]
pub struct CouldNotTell {
    /// What went wrong, with which input.
    pub what: String,
    /// What is unharmed, and what to do next.
    pub next: String,
}

impl CouldNotTell {
    /// This went wrong; that is the next thing to do.
    pub fn new(what: impl std::fmt::Display, next: impl Into<String>) -> Self {
        Self { what: what.to_string(), next: next.into() }
    }

    /// A read failed: nothing was changed.
    pub fn reading(what: impl std::fmt::Display) -> Self {
        Self::new(what, "nothing was changed; run it again, and with ANNALS_LOG=debug to see more")
    }
}

/// Prints a line. A reader that has gone away, such as `head`, is no reason to fail.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The exit code, after printing what could not be told to standard error.
pub fn exit(result: Result<Answer, CouldNotTell>) -> ExitCode {
    match result {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {}\n  {}", error.what, error.next);
            ExitCode::from(2)
        }
    }
}
