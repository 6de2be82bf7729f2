//! `annals verify`: is the history what it was?

use std::collections::BTreeMap;
use std::fmt;

use annals_kit::{Clock, Ids, StreamId, Version};
use annals_lambda::machine::{MachineClock, MachineIds};
use annals_ledger::verify::{Finding, Population, Verified, Verifier};
use annals_log::verify::{Broken, Chain};
use annals_log::{Log, log::key_text};
use annals_reads::{Item, Reads};

use super::stream::{self, AUDITOR, plain};
use crate::cli::Verify;
use crate::logs::LOGS;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

const PAGE: usize = 200;

/// What was checked.
#[derive(Default)]
struct Checked {
    streams: u64,
    commits: u64,
    ledgers: Vec<(&'static str, Verified)>,
}

/// The first thing that does not hold.
enum Wrong {
    Stream(Broken),
    Ledger { service: &'static str, finding: Finding },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(broken) => broken.fmt(f),
            Self::Ledger { service, finding } => write!(f, "{service} {finding}"),
        }
    }
}

/// Checks one stream or all; names the first bad item and exits 1.
pub(super) async fn run(session: &Session, options: &Verify) -> Result<Answer, CouldNotTell> {
    let mut checked = Checked::default();
    let wrong = match &options.stream {
        Some(text) => one(session, &stream::parse(text)?, &mut checked).await?.map(Wrong::Stream),
        None => all(session, &mut checked).await?,
    };
    match wrong {
        Some(wrong) => {
            say(format_args!("no: {wrong}"));
            Ok(Answer::No)
        }
        None if checked.commits == 0 && options.stream.is_some() => {
            say(format_args!("no: the stream has no commit"));
            Ok(Answer::No)
        }
        None => {
            say(format_args!("yes: {} commits of {} streams verify", checked.commits, checked.streams));
            checked.ledgers.iter().for_each(|(service, verified)| say_ledger(service, verified));
            Ok(Answer::Yes)
        }
    }
}

/// What holds of a ledger, and what a person may want to know although it holds.
fn say_ledger(service: &str, verified: &Verified) {
    let Verified { entries, checkpoints, signed, irregular, waiting } = verified;
    let more = if *waiting > 0 { format!("; {waiting} commits wait for their position") } else { String::new() };
    say(format_args!("  ledger of {service}: {entries} entries, {signed} of them signed, {checkpoints} checkpoints consistent{more}"));
    for (position, irregular) in irregular {
        let (kind, pk, sk) = (irregular.kind.word(), plain(&irregular.pk.as_str().into()), plain(&irregular.sk.as_str().into()));
        say(format_args!("  position {position} records that PK={pk} SK={sk} was {kind}"));
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

/// Every ledger, then every stream of every log, in one scan each; then whether a row knows of commits that its log no longer has, and
/// whether ledger and log agree.
async fn all(session: &Session, checked: &mut Checked) -> Result<Option<Wrong>, CouldNotTell> {
    for derived in &LOGS {
        let (service, log) = (derived.service, stream::log_as(session, AUDITOR, derived));
        let ledgers = session.ledgers();
        let ledger = ledgers.of_service(service);
        let verifier =
            Verifier { table: (derived.ledger)(&session.host(AUDITOR)), objects: &*ledger.objects, key: Some(ledger.key.verifier()) };
        let secret = std::array::from_fn(|_| MachineIds.random() as u8);
        // Before the log: whatever the ledger has then, the log must have.
        let walked = match verifier.walk(secret).await.map_err(CouldNotTell::reading)? {
            Ok(walked) => walked,
            Err(finding) => return Ok(Some(Wrong::Ledger { service, finding })),
        };
        let mut population = Population::new(secret);
        let chains = match chains(&log, &mut population).await? {
            Ok(chains) => chains,
            Err(broken) => return Ok(Some(Wrong::Stream(broken))),
        };
        checked.streams += chains.len() as u64;
        checked.commits += chains.values().filter_map(Chain::good_until).map(Version::get).sum::<u64>();
        match verifier.compare(walked, &population, &log, MachineClock.now()).await.map_err(CouldNotTell::reading)? {
            Ok(verified) => checked.ledgers.push((service, verified)),
            Err(finding) => return Ok(Some(Wrong::Ledger { service, finding })),
        }
        if service == "billing"
            && let Some(broken) = rows(session, &log, &chains).await?
        {
            return Ok(Some(Wrong::Stream(broken)));
        }
    }
    Ok(None)
}

/// The chain of every stream of a log, in one scan; each item goes into `population`.
async fn chains(log: &Log, population: &mut Population) -> Result<Result<BTreeMap<String, Chain>, Broken>, CouldNotTell> {
    let (mut chains, mut after) = (BTreeMap::new(), None);
    loop {
        let page = log.scan(after).await.map_err(CouldNotTell::reading)?;
        for item in &page.items {
            population.add(item);
            if let Some(broken) = check(log, &mut chains, item).await? {
                return Ok(Err(broken));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Ok(chains)),
        }
    }
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

/// The stream that an item of the read models has seen: a row of its own, or the stamp of a projection that keeps several or sums. Other
/// items have no version of their own, or one that their stamp has as well.
fn stream_of(item: &Item) -> Option<&str> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let key = text("PK")?;
    key.strip_prefix("STAMP#").or_else(|| (text("SK")? == "META").then_some(key.as_str()))
}

/// The first row that is ahead of its stream: the log has lost commits that it once had.
async fn rows(session: &Session, log: &Log, chains: &BTreeMap<String, Chain>) -> Result<Option<Broken>, CouldNotTell> {
    let reads = Reads::new(session.account("auditor").dynamodb(), access_patterns::billing());
    let mut after = None;
    loop {
        let page = reads.scan_page("verify_rows", None, after, None).await.map_err(CouldNotTell::reading)?;
        for row in &page.items {
            let Some(key) = stream_of(row) else { continue };
            let version: u64 = row.get("ver").and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(0);
            let last = chains.get(key).and_then(Chain::good_until).map_or(0, Version::get);
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
