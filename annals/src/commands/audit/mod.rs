//! `annals audit`: history asked by auditors and finance. Every question is noted before it is answered.

mod files;
mod print;
mod proofs;
mod replay;

use std::sync::Arc;

use annals_audit::{AuditError, History, Question, Service, Told, Verdict};
use annals_kit::{CustomerId, Payload, Tenant};
use annals_lambda::causes;
use annals_ledger::LedgerTable;
use annals_log::readings::{HistoryExported, HistoryRead, Readings};

use super::stream::{AUDITOR, log_as};
use crate::cli::audit::{Audit, AuditQuestion};
use crate::logs::LOGS;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;
use crate::states::Services;

/// Who may note in the logs what was read of them, and nothing else.
const NOTES: &str = "note-readings";
/// Whose streams notes are of an operator who reads what is all tenants'.
const EVERYONE: &str = "operators";

/// Asks the question, and prints or writes the answer; exits 0 yes, 1 no.
pub(super) async fn run(session: &Session, options: &Audit) -> Result<Answer, CouldNotTell> {
    session.settle().await;
    session.sign().await;
    let question = match &options.question {
        AuditQuestion::Inclusion { commit } => return proofs::inclusion(session, options, commit).await,
        AuditQuestion::Extension { of, old } => return proofs::extension(session, options, of, old).await,
        AuditQuestion::Period { of, period } => return proofs::period(session, options, of, *period).await,
        AuditQuestion::Replay { projection } => return replay::run(session, options, projection.as_deref()).await,
        AuditQuestion::Revisions { stream } => Question::Revisions { stream: stream.clone() },
        AuditQuestion::AsOf { stream, moment } => Question::AsOf { stream: stream.clone(), moment: *moment },
        AuditQuestion::Field { stream, field } => Question::Field { stream: stream.clone(), field: field.clone() },
        AuditQuestion::Actor { actor, period } => Question::Actor { actor: actor.clone(), period: *period },
        AuditQuestion::Correlation { correlation } => Question::Correlation { correlation: *correlation },
        AuditQuestion::Population { period } => Question::Population { period: *period },
        AuditQuestion::Access { period } => Question::Access { period: *period },
        AuditQuestion::Notice { notice } => Question::Notice { stream: notice_stream(notice)? },
        AuditQuestion::Day { day } => Question::Day { day: *day },
        AuditQuestion::Roles { role, moment } => Question::Roles { role: *role, moment: *moment },
        AuditQuestion::Erasure { person } => Question::Erasure { person: of_a_tenant(options, person)? },
        AuditQuestion::Person { person } => Question::Person { person: of_a_tenant(options, person)? },
    };
    note(session, options, question.name(), question.parameters()).await?;
    let history = history(session, options);
    let told = match &options.out {
        Some(folder) => files::write(session, options, &history, &question, folder).await?,
        None => print::rows(options, &history, &question).await?,
    };
    Ok(told_as(&told))
}

fn told_as(told: &Told) -> Answer {
    match told.verdict {
        Verdict::Yes => Answer::Yes,
        Verdict::No => Answer::No,
    }
}

fn notice_stream(text: &str) -> Result<annals_kit::StreamId, CouldNotTell> {
    super::stream::parse(&if text.contains('#') { text.to_owned() } else { format!("NOTE#{text}") })
}

/// A person of the tenant that was named: two organisations may know somebody under the same id.
fn of_a_tenant(options: &Audit, person: &CustomerId) -> Result<CustomerId, CouldNotTell> {
    if options.tenant.is_some() {
        return Ok(person.clone());
    }
    let what = format!("a person is one of an organisation's, and {person} may be somebody else in another: say of which with --tenant");
    Err(CouldNotTell::new(what, "nothing was read; the organisation that a data directory begins with is demo"))
}

/// The history that is asked, as an auditor may read it.
fn history(session: &Session, options: &Audit) -> History {
    let host = session.host(AUDITOR);
    let ledgers = session.ledgers();
    let service = |log: &'static crate::logs::ServiceLog| {
        let ledger = ledgers.of_service(log.service);
        let table: LedgerTable = (log.ledger)(&host);
        Service {
            name: log.service,
            log: log_as(session, AUDITOR, log),
            ledger: table,
            objects: ledger.objects.clone(),
            key: ledger.key.verifier(),
        }
    };
    let history = History::new(LOGS.iter().map(service).collect(), Arc::new(Services::new(host.clone()))).of_services(&options.service);
    match &options.tenant {
        Some(tenant) => history.of_tenant(tenant.clone()),
        None => history,
    }
}

/// Whose entries are read.
fn tenant(options: &Audit) -> Result<Tenant, CouldNotTell> {
    options.tenant.clone().map_or_else(|| EVERYONE.parse().map_err(CouldNotTell::reading), Ok)
}

/// Where it is noted: the logs of the services that are asked.
fn readings(session: &Session, options: &Audit) -> Vec<Readings> {
    let asked = LOGS.iter().filter(|log| options.service.is_empty() || options.service.iter().any(|name| name == log.service));
    asked.map(|log| Readings::new(log_as(session, NOTES, log))).collect()
}

/// Notes a question. What cannot be noted is not answered.
async fn note(session: &Session, options: &Audit, question: &str, parameters: Payload) -> Result<(), CouldNotTell> {
    let tenant = tenant(options)?;
    for readings in readings(session, options) {
        let read = HistoryRead { question: question.to_owned(), parameters: parameters.clone() };
        readings.read(&tenant, &options.asker, read).await.map_err(|error| not_noted(&*error))?;
    }
    Ok(())
}

/// Notes that an answer was taken away.
async fn note_export(session: &Session, options: &Audit, exported: HistoryExported) -> Result<(), CouldNotTell> {
    let tenant = tenant(options)?;
    for readings in readings(session, options) {
        readings.exported(&tenant, &options.asker, exported.clone()).await.map_err(|error| not_noted(&*error))?;
    }
    Ok(())
}

fn not_noted(error: &(dyn std::error::Error + 'static)) -> CouldNotTell {
    CouldNotTell::new(
        format!("the question could not be noted ({})", causes(error)),
        "so it was not answered: readings of history are history too; run it again",
    )
}

/// Why there is no answer.
fn failed(error: AuditError) -> CouldNotTell {
    let next = match &error {
        AuditError::Asked(_) => "nothing was changed",
        AuditError::Differs(_) | AuditError::Ledger(_) | AuditError::Proof(_) => {
            "nothing was changed; annals verify says what holds and what does not"
        }
        _ => "nothing was changed; run it again, and with ANNALS_LOG=debug to see more",
    };
    CouldNotTell::new(causes(&error), next)
}

/// Prints what an answer says, and of which history it is.
fn say_told(told: &Told) {
    summary(told).lines().for_each(say);
}

/// What an answer says, and of which history it is.
fn summary(told: &Told) -> String {
    let mut text = format!("{}: {}", if told.verdict == Verdict::Yes { "yes" } else { "no" }, told.says);
    for stamp in &told.stamps {
        let unsigned = stamp.entries.saturating_sub(stamp.size);
        let signed = match (stamp.size, unsigned) {
            (0, _) => "nothing signed yet".to_owned(),
            (size, 0) => format!("all signed, checkpoint {size} {}", stamp.root),
            (size, more) => format!("checkpoint {size} {}, {more} after it not signed yet", stamp.root),
        };
        text += &format!("\n  read at {} entries of {}: {signed}", stamp.entries, stamp.origin);
    }
    text
}
