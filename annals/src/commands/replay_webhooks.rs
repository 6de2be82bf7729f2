//! `annals replay-webhooks`: posts every body of a folder, validly signed, twice.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::webhook;
use crate::cli::ReplayWebhooks;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Prints what became of the bodies, by outcome; exits 1 when one was not answered 2xx.
pub(super) async fn run(session: &Session, options: &ReplayWebhooks) -> Result<Answer, CouldNotTell> {
    let files = files(options)?;
    let (mut outcomes, mut refused) = (BTreeMap::<String, [u64; 2]>::new(), vec![]);
    for file in &files {
        let body = std::fs::read(file)
            .map_err(|error| CouldNotTell::new(format!("cannot read {}: {error}", file.display()), "what was posted before stays"))?;
        for round in 0..2 {
            let (status, said) = webhook::post(session, body.clone()).await?;
            if !(200..300).contains(&status) {
                refused.push(format!("{}: {status} {said}", file.display()));
            }
            outcomes.entry(said["outcome"].as_str().unwrap_or("refused").to_owned()).or_default()[round] += 1;
        }
    }
    say(format_args!("{} bodies posted twice, {} of {} answers 2xx", files.len(), files.len() * 2 - refused.len(), files.len() * 2));
    say(format_args!("{:<16} {:>6} {:>6}", "outcome", "first", "again"));
    outcomes.iter().for_each(|(outcome, [first, again])| say(format_args!("{outcome:<16} {first:>6} {again:>6}")));
    refused.iter().for_each(|line| say(format_args!("refused: {line}")));
    Ok(if refused.is_empty() { Answer::Yes } else { Answer::No })
}

fn files(options: &ReplayWebhooks) -> Result<Vec<PathBuf>, CouldNotTell> {
    let folder = options.folder.display();
    let unreadable = |error: std::io::Error| CouldNotTell::new(format!("cannot read the folder {folder}: {error}"), "nothing was posted");
    let mut files = vec![];
    for entry in std::fs::read_dir(&options.folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(CouldNotTell::new(format!("the folder {folder} has no *.json"), "nothing was posted")),
        false => Ok(files),
    }
}
