//! A year of a small company that sells software, played through the real commands on a clock of its own: what a new data directory begins
//! with, so that there is something to ask.
//!
//! - [`story`]: who does what when; the same every time
//! - `company`: does it, a day after the other; `desk`: over HTTP, playing the payment provider as well
//! - `clock`: the time meanwhile
//!
//! It is played beside the data directory and moved into its place when it is whole: half a year is never taken for one. Ids, keys and hashes
//! are the directory's own; people, plans and amounts are the story's.

mod clock;
mod company;
mod desk;
pub mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals_kit::{Clock, Timestamp};
use annals_lambda::machine::MachineIds;
use annals_local::{Durability, Store, Trim};
use chrono::{NaiveDate, NaiveTime};

use self::clock::YearClock;
use self::company::Company;
pub use self::company::Played;
use self::desk::Desk;
use crate::outcome::CouldNotTell;
use crate::system::{Options, System, SystemError};

/// Which story: there is no other reason for this number.
pub const SEED: u64 = 2026;

/// A year cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum YearError {
    /// The system does not open, or another process plays in the same place.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The folder beside the data directory cannot be made, moved or removed.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The empty data directory cannot be removed, and so not be replaced by what was played beside it.
    #[error("{path} is empty, but cannot be replaced: {source}")]
    Stays {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A command was answered otherwise than the story goes.
    #[error("{what} was answered {status}: {said}")]
    Answer {
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// The answer.
        said: String,
    },
    /// A scheduled function failed.
    #[error("{function} failed: {reason}")]
    Tick {
        /// Which.
        function: String,
        /// What it says.
        reason: String,
    },
}

impl From<YearError> for CouldNotTell {
    fn from(error: YearError) -> Self {
        Self::new(format!("the demo year could not be played: {error}"), "nothing was begun; --empty starts without it")
    }
}

/// Whether a data directory is new: not there, or with nothing in it.
pub fn is_new(directory: &Path) -> bool {
    match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Plays the year that ends with `today` into a new data directory.
pub async fn play(directory: &Path, today: Timestamp) -> Result<Played, YearError> {
    let unfinished = beside(directory);
    give_way(directory)?;
    clear(&unfinished).await?;
    let clock = Arc::new(YearClock::new(midnight(story::first_day(today.date()))));
    let system = System::open_unscheduled(options(&unfinished, clock.clone())).await?;
    system.found_demo().await?;
    let played = Company::new(Desk::new(&system, clock), SEED).live(today).await;
    system.close();
    let played = played?;
    take_its_place(&unfinished, directory)?;
    Ok(played)
}

/// Where it is played.
fn beside(directory: &Path) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_else(|| "annals".as_ref()).to_owned();
    name.push(".year-unfinished");
    directory.with_file_name(name)
}

/// Removes what a process left that did not come to the end; refused while one is at it.
async fn clear(unfinished: &Path) -> Result<(), YearError> {
    if !unfinished.exists() {
        return Ok(());
    }
    match System::open_unscheduled(options(unfinished, Arc::new(annals_lambda::machine::MachineClock))).await {
        Err(error @ SystemError::Open(annals_local::OpenError::InUse { .. })) => return Err(error.into()),
        // Whatever else is the matter with it, it goes.
        Ok(system) => system.close(),
        Err(_) => {}
    }
    std::fs::remove_dir_all(unfinished).map_err(|source| YearError::Folder { path: unfinished.to_owned(), source })
}

/// An empty directory is removed before anything is played: one that cannot be, such as a volume or `.`, is not found out at the end.
fn give_way(directory: &Path) -> Result<(), YearError> {
    match std::fs::remove_dir(directory) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(YearError::Stays { path: directory.to_owned(), source }),
        _ => Ok(()),
    }
}

/// Moves the year to where the data directory is to be.
fn take_its_place(unfinished: &Path, directory: &Path) -> Result<(), YearError> {
    std::fs::rename(unfinished, directory).map_err(|source| YearError::Folder { path: directory.to_owned(), source })
}

fn options(directory: &Path, clock: Arc<dyn Clock>) -> Options {
    let store = Store::Directory(directory.to_owned());
    // Secrets are as random as anywhere: what is made here is used afterwards.
    let ids = Arc::new(MachineIds);
    Options { store, durability: Durability::Process, clock, ids, trim: Trim::OncePassed, faults: None }
}

fn midnight(date: NaiveDate) -> Timestamp {
    Timestamp::new(date.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_directory_with_nothing_in_it_is_new() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_new(folder.path()) && is_new(&folder.path().join("none")));
        std::fs::write(folder.path().join("anything"), "").unwrap();
        assert!(!is_new(folder.path()));
    }
}
