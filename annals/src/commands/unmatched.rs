//! `annals unmatched`: webhooks about customers or subscriptions that are not known here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::webhook;
use crate::cli::Unmatched;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Lists the unmatched ones, then counts all kept ones by type; exits 1 when any is unmatched.
pub(super) async fn run(session: &Session, options: &Unmatched) -> Result<Answer, CouldNotTell> {
    let unmatched = all(session, "unmatched").await?;
    if options.json {
        unmatched.iter().for_each(|row| say(format_args!("{row}")));
    } else {
        say(format_args!("{} unmatched", unmatched.len()));
        for row in &unmatched {
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            say(format_args!("  {}  {:<26} {}  HOOK#{}", text("received_at"), text("type"), text("reason"), text("id")));
        }
        for disposition in ["unmatched", "superseded", "not-understood"] {
            count(disposition, &all(session, disposition).await?);
        }
    }
    Ok(if unmatched.is_empty() { Answer::Yes } else { Answer::No })
}

fn count(disposition: &str, rows: &[Value]) {
    let mut types = BTreeMap::<&str, u64>::new();
    for row in rows {
        *types.entry(row["type"].as_str().unwrap_or("?")).or_default() += row["bodies"].as_u64().unwrap_or(1);
    }
    say(format_args!("\nkept as {disposition}: {}", types.values().sum::<u64>()));
    types.iter().for_each(|(name, count)| say(format_args!("  {count:>6}  {name}")));
}

async fn all(session: &Session, disposition: &str) -> Result<Vec<Value>, CouldNotTell> {
    let (mut rows, mut page) = (vec![], String::new());
    loop {
        let (status, mut said) = webhook::get(session, &format!("/v1/webhooks?disposition={disposition}&limit=100{page}")).await?;
        let Value::Array(items) = said["items"].take() else {
            return Err(CouldNotTell::reading(format!("the API answered {status}: {said}")));
        };
        rows.extend(items);
        match said["next"].as_str() {
            Some(next) => page = format!("&page={next}"),
            None => return Ok(rows),
        }
    }
}
