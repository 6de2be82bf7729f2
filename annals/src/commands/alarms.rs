//! `annals alarms`: what a person must see.

use super::webhook;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Lists the alarms, oldest first; exits 1 when there is any.
pub(super) async fn run(session: &Session) -> Result<Answer, CouldNotTell> {
    let (status, said) = webhook::get(session, "/local/alarms").await?;
    let alarms = said["items"].as_array().filter(|_| status == 200);
    let alarms = alarms.ok_or_else(|| CouldNotTell::reading(format!("the alarms cannot be read: {status} {said}")))?;
    for alarm in alarms {
        let text = |name: &str| alarm[name].as_str().unwrap_or("-").to_owned();
        say(format_args!("{}  {:<14} {}", text("at"), text("name"), text("detail")));
    }
    match alarms.is_empty() {
        true => {
            say(format_args!("no alarms"));
            Ok(Answer::Yes)
        }
        false => Ok(Answer::No),
    }
}
