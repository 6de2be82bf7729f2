//! `annals audit replay`: whether folding the logs again gives the live rows.

use annals_kit::Payload;

use super::note;
use crate::cli::Diff;
use crate::cli::audit::Audit;
use crate::commands::projections;
use crate::outcome::{Answer, CouldNotTell};
use crate::session::Session;

/// Compares one projection, or all, with what their logs fold to; exits 1 at the first difference.
pub(super) async fn run(session: &Session, options: &Audit, projection: Option<&str>) -> Result<Answer, CouldNotTell> {
    let asked = Payload::from_iter([("projection".to_owned(), projection.into())]);
    note(session, options, "replay", asked).await?;
    let names = match projection {
        Some(name) => vec![name.to_owned()],
        None => projections::names(session),
    };
    for projection in names {
        let compared = projections::diff(session, &Diff { projection, json: options.json }).await?;
        if compared == Answer::No {
            return Ok(Answer::No);
        }
    }
    Ok(Answer::Yes)
}
