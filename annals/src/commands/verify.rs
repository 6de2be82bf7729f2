//! `annals verify`: is the history what it was?

use std::collections::BTreeMap;

use annals_kit::{StreamId, Version};
use annals_log::verify::{Broken, Chain};
use annals_log::{Log, log::key_text};
use annals_reads::{Item, Reads};

use super::stream;
use crate::cli::Verify;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

const PAGE: usize = 200;

/// What was checked.
#[derive(Default)]
struct Checked {
    streams: u64,
    commits: u64,
}

/// Checks one stream or all; names the first bad item and exits 1.
pub(super) async fn run(session: &Session, options: &Verify) -> Result<Answer, CouldNotTell> {
    let mut checked = Checked::default();
    let broken = match &options.stream {
        Some(text) => one(session, &stream::parse(text)?, &mut checked).await?,
        None => all(session, &mut checked).await?,
    };
    match broken {
        Some(broken) => {
            say(format_args!("no: {broken}"));
            Ok(Answer::No)
        }
        None if checked.commits == 0 && options.stream.is_some() => {
            say(format_args!("no: the stream has no commit"));
            Ok(Answer::No)
        }
        None => {
            say(format_args!("yes: {} commits of {} streams verify", checked.commits, checked.streams));
            Ok(Answer::Yes)
        }
    }
}

async fn one(session: &Session, id: &StreamId, checked: &mut Checked) -> Result<Option<Broken>, CouldNotTell> {
    for log in stream::logs_of(session, id)? {
        let (chain, broken) = walk(&log, id).await?;
        if broken.is_some() {
            return Ok(broken);
        }
        let last = chain.good_until().map_or(0, Version::get);
        checked.streams += u64::from(last > 0);
        checked.commits += last;
    }
    Ok(None)
}

/// One stream by strong Queries.
async fn walk(log: &Log, id: &StreamId) -> Result<(Chain, Option<Broken>), CouldNotTell> {
    let (mut chain, mut after) = (Chain::new(id.clone()), None);
    loop {
        let page = log.from_version(id, Version::FIRST, PAGE, after).await.map_err(CouldNotTell::reading)?;
        for item in &page.items {
            if let Err(broken) = chain.check(item) {
                return Ok((chain, Some(broken)));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((chain, None)),
        }
    }
}

/// Every stream of every log, in one scan each; then whether a row knows of commits that its log no longer has.
async fn all(session: &Session, checked: &mut Checked) -> Result<Option<Broken>, CouldNotTell> {
    for (service, log) in stream::logs(session) {
        let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = log.scan(after).await.map_err(CouldNotTell::reading)?;
            for item in &page.items {
                if let Some(broken) = check(&log, &mut chains, item).await? {
                    return Ok(Some(broken));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        checked.streams += chains.len() as u64;
        checked.commits += chains.values().filter_map(Chain::good_until).map(Version::get).sum::<u64>();
        if service == "billing"
            && let Some(broken) = rows(session, &log, &chains).await?
        {
            return Ok(Some(broken));
        }
    }
    Ok(None)
}

/// Checks an item of the scan. What looks broken is read again in order first: commits may come while the scan goes on.
async fn check(log: &Log, chains: &mut BTreeMap<String, Chain>, item: &Item) -> Result<Option<Broken>, CouldNotTell> {
    let key = item.get("PK").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    let Ok(id) = key.parse::<StreamId>() else {
        let stream = StreamId::new("UNKNOWN", "unknown").map_err(CouldNotTell::reading)?;
        return Ok(Some(Broken { stream, item: format!("PK={key}"), reason: "is not a stream".into(), good_until: None }));
    };
    let chain = chains.entry(key).or_insert_with(|| Chain::new(id.clone()));
    if chain.check(item).is_ok() {
        return Ok(None);
    }
    let (walked, broken) = walk(log, &id).await?;
    *chain = walked;
    Ok(broken)
}

/// The first row that is ahead of its stream: the log has lost commits that it once had.
async fn rows(session: &Session, log: &Log, chains: &BTreeMap<String, Chain>) -> Result<Option<Broken>, CouldNotTell> {
    let reads = Reads::new(session.account("auditor").dynamodb(), access_patterns::billing());
    let mut after = None;
    loop {
        let page = reads.scan_page("verify_rows", None, after, None).await.map_err(CouldNotTell::reading)?;
        for row in &page.items {
            let key = row.get("PK").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            let version: u64 = row.get("ver").and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(0);
            let last = chains.get(&key).and_then(Chain::good_until).map_or(0, Version::get);
            if version <= last {
                continue;
            }
            let Ok(stream) = key.parse::<StreamId>() else { continue };
            // The row may be of a commit that came after the scan.
            let (chain, broken) = walk(log, &stream).await?;
            let last = chain.good_until().map_or(0, Version::get);
            let missing = Version::new(last + 1).map(|missing| key_text(&stream, missing)).unwrap_or_default();
            if broken.is_some() || version > last {
                let lost = Broken {
                    stream,
                    item: missing,
                    reason: format!("missing; its row has seen version {version}"),
                    good_until: Version::new(last),
                };
                return Ok(Some(broken.unwrap_or(lost)));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}
