//! `annals totals` and `annals explain`: sums over many streams, and the commits that make them.

use std::sync::Arc;

use annals_contract::delivery::BUS;
use annals_kit::Tenant;
use annals_projection::explain::Explained;
use annals_projection::{Amount, Consumer, Follower, TotalKey};
use serde_json::json;

use crate::cli::{Explain, Totals};
use crate::logs::LOGS;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

/// Lists the totals of a projection; or the projections that have any.
pub(super) async fn list(session: &Session, options: &Totals) -> Result<Answer, CouldNotTell> {
    let Some(name) = &options.projection else {
        with_totals(session).iter().for_each(|follower| say(follower.name()));
        return Ok(Answer::Yes);
    };
    let totals = find(session, name)?.totals(&tenant(&options.tenant)?).await.map_err(CouldNotTell::reading)?;
    for (key, Amount { sum, count }) in &totals {
        match options.json {
            true => say(json!({ "total": key.as_str(), "sum": sum.to_string(), "count": count.to_string() })),
            false => say(format_args!("{sum:>16}  {count:>8}  {key}")),
        }
    }
    if totals.is_empty() && !options.json {
        say(format_args!("{name}: every total is zero"));
    }
    Ok(Answer::Yes)
}

/// Lists the commits that make a total; exits 1 where they do not make it exactly.
pub(super) async fn explain(session: &Session, options: &Explain) -> Result<Answer, CouldNotTell> {
    let (follower, tenant, key) = (find(session, &options.projection)?, tenant(&options.tenant)?, TotalKey::written(&options.total));
    let commits = follower.explain(&tenant, &key).await.map_err(CouldNotTell::reading)?;
    let total = follower.totals(&tenant).await.map_err(CouldNotTell::reading)?.get(&key).copied().unwrap_or_default();
    commits.iter().for_each(|commit| print(commit, options.json));
    let made = commits.iter().fold(Amount::default(), |made, commit| made.plus(commit.amount));
    let answer = if made == total { Answer::Yes } else { Answer::No };
    if !options.json {
        let Amount { sum, count } = total;
        match answer {
            Answer::Yes => say(format_args!("yes: {} commits make the total of {key}: {sum}, count {count}", commits.len())),
            _ => say(format_args!("no: the total of {key} is {sum}, count {count}; its commits make {}, count {}", made.sum, made.count)),
        }
    }
    Ok(answer)
}

fn print(Explained { stream, version, recorded_at, events, amount }: &Explained, as_json: bool) {
    let Amount { sum, count } = amount;
    if as_json {
        let (sum, count) = (sum.to_string(), count.to_string());
        say(
            json!({ "stream": stream.to_string(), "version": version, "recorded_at": recorded_at, "events": events, "sum": sum, "count": count }),
        );
    } else {
        say(format_args!("{sum:>16}  {count:>8}  {recorded_at}  {stream} version {version}  {}", events.join(", ")));
    }
}

fn with_totals(session: &Session) -> Vec<Arc<Follower>> {
    // It only reads, and with what an auditor may read.
    let projectors = LOGS.iter().map(|log| (log.projector)(&session.host("auditor"), BUS));
    projectors.flat_map(|projector| projector.followers().to_vec()).filter(|follower| follower.has_totals()).collect()
}

fn find(session: &Session, name: &str) -> Result<Arc<Follower>, CouldNotTell> {
    let all = with_totals(session);
    let names = || all.iter().map(|follower| follower.name()).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|follower| follower.name() == name).cloned();
    found.ok_or_else(|| CouldNotTell::new(format!("there are no totals `{name}`"), format!("nothing was read; there are {}", names())))
}

fn tenant(text: &str) -> Result<Tenant, CouldNotTell> {
    text.parse().map_err(|error| CouldNotTell::new(error, "nothing was read; tenants here: demo"))
}
