//! `annals tick`: does now what a schedule does on its time.

use bytes::Bytes;
use serde_json::Value;

use crate::cli::Tick;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Ticks one scheduled function; exits 1 when something that was due could not be done.
pub(super) async fn run(session: &Session, options: &Tick) -> Result<Answer, CouldNotTell> {
    let (web, api) = session.api();
    let request = http::Request::post(format!("{api}/local/ticks/{}", options.function)).body(Bytes::new());
    let answer = web.call(request.map_err(CouldNotTell::reading)?).await.map_err(|error| {
        CouldNotTell::new(format!("no answer to the tick: {error}"), "it may have done its work; ticking again does nothing twice")
    })?;
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    if answer.status() != 200 {
        return Err(CouldNotTell::new(format!("the tick failed: {said}"), "ticking again does nothing twice"));
    }
    let count = |name: &str| said[name].as_u64().unwrap_or_default();
    let open = count("refused") + count("failed");
    let answer = if open == 0 { "yes" } else { "no" };
    say(format_args!(
        "{answer}: {} due, {} done, {} done before, {} refused, {} failed",
        count("found"),
        count("done"),
        count("unchanged"),
        count("refused"),
        count("failed")
    ));
    if said["finished"] == false {
        say(format_args!("there was no time for all of it; tick again"));
    }
    Ok(if open == 0 { Answer::Yes } else { Answer::No })
}
