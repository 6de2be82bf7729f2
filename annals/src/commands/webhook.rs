//! Posts webhooks as the payment provider does.

use annals_kit::Clock;
use annals_lambda::machine::MachineClock;
use bytes::Bytes;

use crate::notice;
use crate::outcome::CouldNotTell;
use crate::session::Session;
use crate::system::demo;

/// Posts a body, signed now; status and answer.
pub(super) async fn post(session: &Session, body: Vec<u8>) -> Result<(u16, serde_json::Value), CouldNotTell> {
    let (web, api) = session.api();
    let request = notice::webhook(api, body, session.credentials().webhook_secret(), MachineClock.now()).map_err(CouldNotTell::reading)?;
    let answer = web.call(request).await.map_err(|error| {
        CouldNotTell::new(
            format!("no answer to a webhook: {error}"),
            "it may or may not have been taken in; posting it again does nothing twice",
        )
    })?;
    let said = serde_json::from_slice(answer.body()).unwrap_or(serde_json::Value::Null);
    Ok((answer.status().as_u16(), said))
}

/// Gets a path of the API; status and answer.
pub(super) async fn get(session: &Session, path: &str) -> Result<(u16, serde_json::Value), CouldNotTell> {
    let (web, api) = session.api();
    // As the owner of the demo organisation: what people ask here is about its data.
    let key = demo::organisation(session.credentials()).key();
    let request = http::Request::get(format!("{api}{path}")).header("authorization", format!("Bearer {key}"));
    let request = request.body(Bytes::new()).map_err(CouldNotTell::reading)?;
    let answer = web.call(request).await.map_err(CouldNotTell::reading)?;
    let said = serde_json::from_slice(answer.body()).map_err(CouldNotTell::reading)?;
    Ok((answer.status().as_u16(), said))
}
