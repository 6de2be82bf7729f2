//! One file per command.

mod alarms;
mod audit;
pub mod catalog;
mod contracts;
mod cost;
mod dlq;
pub mod erase;
mod history;
mod import;
mod key;
mod matrix;
mod new_projection;
mod pay;
mod projections;
mod reconcile;
mod replay_webhooks;
mod show;
pub mod status;
mod stream;
mod tick;
mod totals;
mod unmatched;
mod up;
mod verify;
mod webhook;

use std::path::Path;
use std::sync::Arc;

use annals_lambda::machine::{MachineClock, MachineIds};

use crate::cli::develop::{New, NewCommand};
use crate::cli::{Cli, Command, Up};
use crate::outcome::{Answer, CouldNotTell};
use crate::session::{Session, SessionError};
use crate::system::SystemError;

/// Runs the command of a command line.
pub async fn run(cli: Cli) -> Result<Answer, CouldNotTell> {
    if cli.command.is_some() && cli.up != Up::default() {
        return Err(CouldNotTell::new("options of `up` stand before another command", "nothing was done; put them after the command `up`"));
    }
    let command = cli.command.unwrap_or(Command::Up(cli.up));
    match &command {
        Command::Up(options) => return up::run(&cli.data, options).await,
        Command::Matrix(options) => return matrix::run(options),
        Command::Cost(options) => return cost::run(options),
        Command::Status(options) => return status::run(&cli.data, options).await,
        Command::Contracts(options) => return contracts::run(options),
        Command::Catalog(options) => return catalog::run(options),
        Command::New(New { command: NewCommand::Projection(options) }) => return new_projection::run(options),
        _ => {}
    }
    let session = Session::open(&cli.data, Arc::new(MachineClock), Arc::new(MachineIds)).await.map_err(no_session)?;
    let answer = ask(&session, command, &cli.data).await;
    session.close().await;
    answer
}

/// Runs a command that asks a system; `directory` is where its data is.
pub async fn ask(session: &Session, command: Command, directory: &Path) -> Result<Answer, CouldNotTell> {
    match command {
        Command::Up(_)
        | Command::Catalog(_)
        | Command::Contracts(_)
        | Command::Cost(_)
        | Command::Matrix(_)
        | Command::New(_)
        | Command::Status(_) => {
            unreachable!("was run above, as it needs no session like this")
        }
        Command::History(options) => history::run(session, &options).await,
        Command::Show(options) => show::run(session, &options).await,
        Command::Audit(options) => audit::run(session, &options).await,
        Command::Verify(options) => verify::run(session, &options).await,
        Command::Reconcile(options) => reconcile::run(session, directory, &options).await,
        Command::Projections(options) => projections::list(session, &options).await,
        Command::Rebuild(options) => projections::rebuild(session, &options).await,
        Command::Diff(options) => projections::diff(session, &options).await,
        Command::Unpark(options) => projections::unpark(session, &options).await,
        Command::Totals(options) => totals::list(session, &options).await,
        Command::Explain(options) => totals::explain(session, &options).await,
        Command::Erase(options) => erase::run(session, directory, &options).await,
        Command::Key => key::run(session),
        Command::Pay(options) => pay::run(session, &options).await,
        Command::Tick(options) => tick::run(session, &options).await,
        Command::Import(options) => import::run(session, &options.command).await,
        Command::ReplayWebhooks(options) => replay_webhooks::run(session, &options).await,
        Command::Unmatched(options) => unmatched::run(session, &options).await,
        Command::Alarms(options) => alarms::run(session, &options).await,
        Command::Dlq(options) => dlq::run(session, &options.command).await,
    }
}

fn no_session(error: SessionError) -> CouldNotTell {
    match error {
        SessionError::System(error) => not_opened(&error),
        silent @ SessionError::Silent { .. } => CouldNotTell::new(silent, "nothing was changed"),
    }
}

fn not_opened(error: &SystemError) -> CouldNotTell {
    CouldNotTell::new(error, "nothing was changed")
}
