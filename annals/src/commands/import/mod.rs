//! `annals import`: takes in what another system has recorded.

mod lines;
mod posting;
mod progress;
mod retail;

use crate::cli::ImportCommand;
use crate::outcome::{Answer, CouldNotTell};
use crate::session::Session;

/// Runs an import.
pub(super) async fn run(session: &Session, command: &ImportCommand) -> Result<Answer, CouldNotTell> {
    match command {
        ImportCommand::Retail(options) => retail::run(session, options).await,
    }
}
