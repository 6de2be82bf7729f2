//! `annals key`: the API key of the demo organisation's owner.

use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::system::demo;

/// Prints it, and nothing else.
pub(super) fn run(session: &Session) -> Result<Answer, CouldNotTell> {
    say(demo::organisation(session.credentials()).key());
    Ok(Answer::Yes)
}
