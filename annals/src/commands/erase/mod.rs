//! `annals erase`: destroys what opens everything sealed for a person, and certifies what was erased and what remains.

mod mail;

use std::collections::BTreeSet;
use std::path::Path;

use annals_kit::{Actor, Timestamp, Version};
use annals_lambda::Problem;
use annals_log::Commit;
use annals_reads::{ReadError, Reads};
use annals_vault::Vault;
use annals_vault::keys::CACHE_TIME;
use chrono::TimeDelta;
use identity::erasure::ErasureCertified;
use identity_service::Deps;
use identity_service::erase::{Known, Subject, certify, erase, known};
use serde::Serialize;

use super::stream::{self, AUDITOR};
use crate::cli::Erase;
use crate::logs::ServiceLog;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::states::{named_as, sealed_fields};
use crate::system::{demo, outbox};

/// The role that erases.
const ROLE: &str = "erase-person";

/// What was erased, and what remains. It holds ids and no personal data.
#[derive(Debug, Serialize)]
pub struct Certificate {
    /// The organisation.
    pub tenant: String,
    /// The person.
    pub person: String,
    /// When their keys were destroyed.
    pub erased_at: Timestamp,
    /// Until when a function may have a key in its memory.
    pub caches_end: Timestamp,
    /// Commits whose sealed text nobody can open any more: stream, version, fields.
    pub streams: Vec<SealedCommit>,
    /// Where else that sealed text may stand, closed for good.
    pub closed_copies: Vec<&'static str>,
    /// Emails to the person that were written out on this machine: plain, for the operator to delete.
    pub emails: Vec<String>,
    /// When the backups that hold the keys lapse: vault table, and when.
    pub backups_lapse: Vec<(String, Timestamp)>,
    /// What remains and is of nobody any more.
    pub remains: Vec<&'static str>,
}

/// A commit with sealed text.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SealedCommit {
    /// The stream.
    pub stream: String,
    /// The commit.
    pub version: Version,
    /// The fields.
    pub fields: Vec<&'static str>,
}

/// Prints the certificate; without `--yes`, what would be on it.
pub(super) async fn run(session: &Session, directory: &Path, options: &Erase) -> Result<Answer, CouldNotTell> {
    let host = session.host(ROLE);
    let deps = Deps::new(&host, demo::settings(session.credentials()));
    let subject = Subject { tenant: options.tenant.clone(), id: options.person.clone() };
    let known = Box::pin(known(&deps, &subject)).await.map_err(|problem| failed(&problem))?;
    let Found { streams, whom } = found(session, &subject, &known).await?;
    if !known.any && streams.is_empty() {
        say(format_args!("no: nothing is known of {} in {}; nothing was changed", options.person, options.tenant));
        return Ok(Answer::No);
    }
    if !options.yes {
        say(format_args!("no: {} commits hold sealed text of {}; nothing was changed", streams.len(), options.person));
        say("  next: annals erase ... --yes; there is no way back");
        return Ok(Answer::No);
    }
    let actor: Actor = "operator".parse().map_err(CouldNotTell::reading)?;
    let erased_at = Box::pin(erase(&deps, &subject, &known, &actor)).await.map_err(|problem| failed(&problem))?;
    billings_keys(session, &known).await?;
    mail::let_senders_end(session).await?;
    let certificate = Certificate {
        tenant: options.tenant.to_string(),
        person: options.person.to_string(),
        erased_at,
        caches_end: erased_at.plus(CACHE_TIME),
        streams,
        closed_copies: CLOSED.to_vec(),
        emails: emails(session, directory, (&subject, &whom), &known.emails).await?,
        backups_lapse: backups(erased_at),
        remains: REMAINS.to_vec(),
    };
    Box::pin(certify(&deps, certified(&certificate, &subject), &actor)).await.map_err(|problem| failed(&problem))?;
    match options.json {
        true => say(serde_json::to_string(&certificate).map_err(CouldNotTell::reading)?),
        false => print(&certificate),
    }
    Ok(Answer::Yes)
}

/// What history keeps of a certificate: numbers and times.
fn certified(certificate: &Certificate, subject: &Subject) -> ErasureCertified {
    ErasureCertified {
        person_id: subject.id.clone(),
        organisation_id: subject.tenant.clone(),
        erased_at: certificate.erased_at,
        caches_end: certificate.caches_end,
        sealed_commits: certificate.streams.len() as u64,
        backups_lapse: certificate.backups_lapse.iter().cloned().collect(),
    }
}

/// Where sealed text is copied to.
const CLOSED: [&str; 6] = [
    "snapshots in later commits of these streams",
    "rows of the tables users and subscriptions, until they are folded without it",
    "stream records, for 24 hours",
    "events on the bus, in queues, in dead-letter queues and archives",
    "batches in the folder of failures",
    "backups of logs, rows and ledgers",
];

/// What stays, by design.
const REMAINS: [&str; 3] = [
    "ids, times, roles and amounts in the log, and their hashes in the ledger: history stays provable",
    "the keyed hash of the address as the name of a stream that says it was released",
    "tombstones in the vaults, which forbid another key for this person",
];

fn failed(problem: &Problem) -> CouldNotTell {
    CouldNotTell::new(&problem.detail, "what was begun is finished by the same command; nothing is half open")
}

/// Billing seals under keys of its own, by the same ids.
async fn billings_keys(session: &Session, known: &Known) -> Result<(), CouldNotTell> {
    let host = session.host(ROLE);
    let dynamodb = host.account.dynamodb();
    let reads = Reads::new(dynamodb.clone(), access_patterns::billing());
    let key = demo::settings(session.credentials()).vault_key;
    let vault = Vault::new(dynamodb, host.account.kms(), reads, ("billing-vault", &key), host.clock.clone(), host.ids.clone());
    for person in &known.persons {
        vault.erase(person).await.map_err(|error| CouldNotTell::new(error, "run it again: it finishes what was begun"))?;
    }
    Ok(())
}

/// What history has of a person.
struct Found {
    streams: Vec<SealedCommit>,
    whom: mail::Whom,
}

/// Every commit of the person's with sealed text, and by which ids emails go to them.
///
/// Cost: a walk over the logs of identity and billing, as `annals verify` makes.
async fn found(session: &Session, subject: &Subject, known: &Known) -> Result<Found, CouldNotTell> {
    let ids: Vec<_> = known.persons.iter().map(ToString::to_string).chain([subject.id.to_string()]).collect();
    let (mut streams, mut whom) = (vec![], mail::Whom::of(&ids));
    for service in ["identity", "billing"] {
        let walked = walk(session, service, |commit| {
            if commit.tenant == subject.tenant {
                streams.extend(of_person(commit, &ids));
                whom.learn(commit, &ids);
            }
        });
        walked.await.map_err(CouldNotTell::reading)?;
    }
    Ok(Found { streams, whom })
}

/// The emails on this machine that went to the person.
///
/// Cost: a walk over the log of notifications.
async fn emails(
    session: &Session,
    directory: &Path,
    (subject, whom): (&Subject, &mail::Whom),
    addresses: &[String],
) -> Result<Vec<String>, CouldNotTell> {
    let mut notifications = BTreeSet::new();
    let walked = walk(session, "notifications", |commit| {
        if commit.tenant == subject.tenant {
            notifications.extend(whom.intended(commit).map(str::to_owned));
        }
    });
    walked.await.map_err(without_certificate)?;
    mail::written(&outbox(directory), &notifications, addresses).map_err(without_certificate)
}

/// Something failed when the keys were gone already.
fn without_certificate(what: impl std::fmt::Display) -> CouldNotTell {
    CouldNotTell::new(what, "the keys are destroyed; run it again for the certificate")
}

/// Shows every commit of a service's log.
async fn walk(session: &Session, service: &str, mut show: impl FnMut(&Commit)) -> Result<(), ReadError> {
    let log = stream::log_as(session, AUDITOR, ServiceLog::of(service));
    let mut after = None;
    loop {
        let page = log.scan(after).await?;
        // What is no commit is found by verify.
        page.items.iter().filter_map(|item| Commit::from_item(item).ok()).for_each(|commit| show(&commit));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// The sealed fields of a commit, where it is about the person of these ids.
fn of_person(commit: &Commit, ids: &[String]) -> Option<SealedCommit> {
    let about = commit.events.iter().filter(|event| ids.iter().any(|id| named_as(event, id).is_some()));
    let fields: Vec<_> = about.flat_map(|event| sealed_fields(&commit.stream, event)).collect();
    (!fields.is_empty()).then(|| SealedCommit { stream: commit.stream.to_string(), version: commit.version, fields })
}

/// The vaults' windows of recovery, as their matrices have them.
fn backups(erased_at: Timestamp) -> Vec<(String, Timestamp)> {
    let matrices = access_patterns::all();
    let tables = matrices.iter().flat_map(|matrix| matrix.tables());
    let vaults = tables.filter(|table| table.name().ends_with("-vault"));
    vaults.map(|vault| (vault.name().to_owned(), erased_at.plus(TimeDelta::days(vault.pitr_days().unwrap_or(0).into())))).collect()
}

fn print(certificate: &Certificate) {
    let Certificate { tenant, person, erased_at, caches_end, .. } = certificate;
    say(format_args!("yes: {person} of {tenant} was erased at {erased_at}; caches end at {caches_end}"));
    say(format_args!("  sealed for good, in {} commits:", certificate.streams.len()));
    for SealedCommit { stream, version, fields } in &certificate.streams {
        say(format_args!("    {stream} version {version}: {}", fields.join(", ")));
    }
    let list = |what: &str, lines: &[&str]| {
        say(format_args!("  {what}:"));
        lines.iter().for_each(|line| say(format_args!("    {line}")));
    };
    list("copies of that, as closed", &certificate.closed_copies);
    list("remains", &certificate.remains);
    say(format_args!("  emails on this machine, plain, to be deleted by hand: {}", certificate.emails.len()));
    certificate.emails.iter().for_each(|path| say(format_args!("    {path}")));
    for (table, lapse) in &certificate.backups_lapse {
        say(format_args!("  backups of {table}, which hold the key, lapse at {lapse}"));
    }
}
