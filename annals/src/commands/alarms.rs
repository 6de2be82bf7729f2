//! `annals alarms`: what a person must see, what happened before, and that someone has looked.

use bytes::Bytes;
use serde_json::{Value, json};

use super::webhook;
use crate::cli::{Acknowledge, Alarms, AlarmsCommand};
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Lists the alarms that are on; exits 1 when there is any.
pub(super) async fn run(session: &Session, options: &Alarms) -> Result<Answer, CouldNotTell> {
    match &options.command {
        None => list(session, options.all).await,
        Some(AlarmsCommand::History) => history(session).await,
        Some(AlarmsCommand::Ack(acknowledge)) => acknowledge_one(session, acknowledge).await,
    }
}

async fn list(session: &Session, all: bool) -> Result<Answer, CouldNotTell> {
    let alarms = read(session, "/local/alarms").await?;
    let on = alarms.iter().filter(|alarm| alarm["state"] == "ALARM").count();
    for alarm in alarms.iter().filter(|alarm| all || alarm["state"] == "ALARM") {
        let text = |name: &str| alarm[name].as_str().unwrap_or("-").to_owned();
        say(format_args!("{:<5}  {}  {}  ({})", text("state"), text("since"), text("name"), text("watches")));
        for detail in alarm["details"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            say(format_args!("       {detail}"));
        }
        if alarm["state"] == "ALARM" && alarm["needs_acknowledgement"] == true {
            say(format_args!("       stays until: annals alarms ack {} --reason '...'", text("name")));
        }
    }
    match on {
        0 => {
            say(format_args!("no alarms"));
            Ok(Answer::Yes)
        }
        _ => Ok(Answer::No),
    }
}

async fn history(session: &Session) -> Result<Answer, CouldNotTell> {
    for change in read(session, "/local/alarms/history").await? {
        let text = |name: &str| change[name].as_str().unwrap_or("-").to_owned();
        say(format_args!("{}  {:<5}  {}  {}", text("at"), text("state"), text("name"), text("detail")));
    }
    Ok(Answer::Yes)
}

async fn read(session: &Session, path: &str) -> Result<Vec<Value>, CouldNotTell> {
    let (status, mut said) = webhook::get(session, path).await?;
    match said["items"].take() {
        Value::Array(items) if status == 200 => Ok(items),
        _ => {
            let why = said["detail"].as_str().map(str::to_owned).unwrap_or_else(|| said.to_string());
            Err(CouldNotTell::new(
                format!("whether there are alarms: {why}"),
                "nothing was changed; restore host.db of the data directory, or ask again",
            ))
        }
    }
}

async fn acknowledge_one(session: &Session, asked: &Acknowledge) -> Result<Answer, CouldNotTell> {
    let (web, api) = session.api();
    let request = http::Request::post(format!("{api}/local/alarms/{}/acknowledgement", asked.name))
        .header("content-type", "application/json")
        .body(Bytes::from(json!({ "reason": asked.reason }).to_string()))
        .map_err(CouldNotTell::reading)?;
    let answer = web.call(request).await.map_err(CouldNotTell::reading)?;
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let why = said["detail"].as_str().unwrap_or("the system did not say why");
    match answer.status().as_u16() {
        200 => {
            say(format_args!("{} is acknowledged", asked.name));
            Ok(Answer::Yes)
        }
        404 | 409 => {
            say(format_args!("not acknowledged: {why}"));
            Ok(Answer::No)
        }
        status => Err(CouldNotTell::new(format!("{status}: {why}"), "the alarm is as it was; see annals alarms")),
    }
}
