//! `annals audit inclusion`, `extension` and `period`: proofs as files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use annals_audit::manifest::Hashing;
use annals_audit::proving::Place;
use annals_audit::question::Period;
use annals_kit::Payload;
use annals_log::readings::HistoryExported;
use serde_json::json;

use super::files::unwritten;
use super::{failed, history, note, note_export};
use crate::cli::audit::Audit;
use crate::outcome::{Answer, CouldNotTell, say};
use crate::session::Session;

fn parameters(pairs: &[(&str, String)]) -> Payload {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect()
}

/// Prints the proof that a commit is in the ledger, or writes it with the commit.
pub(super) async fn inclusion(session: &Session, options: &Audit, commit: &Place) -> Result<Answer, CouldNotTell> {
    note(session, options, "inclusion", parameters(&[("commit", commit.to_string())])).await?;
    let Some(proven) = history(session, options).inclusion(commit).await.map_err(failed)? else {
        say(format_args!("no: {commit} is not in a ledger"));
        return Ok(Answer::No);
    };
    let (service, position, proof) = (proven.service, proven.entry.position, proven.proof.to_bytes());
    match &options.out {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
            let name = format!("{service}-{position}");
            let (of_proof, of_commit) = (folder.join(format!("{name}.tlog-proof")), folder.join(format!("{name}.commit.json")));
            keep(&of_proof, &proof)?;
            keep(&of_commit, &proven.commit)?;
            say(format_args!("yes: {commit} is at position {position} of {service}, of {} entries signed", proven.size));
            say(format_args!("  annals-verify inclusion --key <key> {} {}", of_proof.display(), of_commit.display()));
        }
        None if options.json => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (proof, stored) = (text(&proof), text(&proven.commit));
            say(
                json!({ "answer": true, "service": service, "position": position.get(), "signed_size": proven.size, "commit": stored, "proof": proof }),
            );
        }
        None => {
            say(String::from_utf8_lossy(&proof).trim_end());
            say(format_args!(
                "\nyes: {commit} is at position {position} of {service}, of {} entries signed; --out DIR writes proof and commit",
                proven.size
            ));
        }
    }
    Ok(Answer::Yes)
}

/// Prints the proof that a ledger begins with what an earlier checkpoint signed, or writes it.
pub(super) async fn extension(session: &Session, options: &Audit, service: &str, old: &Path) -> Result<Answer, CouldNotTell> {
    let bytes = fs::read(old).map_err(|error| CouldNotTell::new(format!("{}: {error}", old.display()), "nothing was checked"))?;
    note(session, options, "extension", parameters(&[("service", service.to_owned())])).await?;
    let made = match history(session, options).extension(service, &bytes).await {
        Err(annals_audit::AuditError::Proof(annals_ledger::proofs::ProofError::Disagrees(what))) => {
            say(format_args!("no: {what}; annals verify says more"));
            return Ok(Answer::No);
        }
        made => made.map_err(failed)?,
    };
    match &options.out {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
            let path = folder.join(format!("{service}-from-{}.extension", made.old));
            keep(&path, &made.to_bytes())?;
            say(format_args!("yes: the ledger of {service} begins with the {} entries that were signed then", made.old));
            say(format_args!("  annals-verify extension --key <key> --old {} {}", old.display(), path.display()));
        }
        None if options.json => {
            say(json!({ "answer": true, "service": service, "old_size": made.old, "proof": String::from_utf8_lossy(&made.to_bytes()) }))
        }
        None => {
            say(String::from_utf8_lossy(&made.to_bytes()).trim_end());
            say(format_args!("\nyes: the ledger of {service} begins with the {} entries that were signed then", made.old));
        }
    }
    Ok(Answer::Yes)
}

/// Writes all entries of a period with their commits, and the proof of them.
pub(super) async fn period(session: &Session, options: &Audit, service: &str, period: Period) -> Result<Answer, CouldNotTell> {
    let folder =
        options.out.as_deref().ok_or_else(|| CouldNotTell::new("a period is written into a folder: --out DIR", "nothing was read"))?;
    if options.tenant.is_some() {
        return Err(CouldNotTell::new("a period is whole: it has every tenant's entries", "nothing was read; leave --tenant out"));
    }
    let asked = parameters(&[("service", service.to_owned()), ("period", period.to_string())]);
    note(session, options, "period", asked.clone()).await?;
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let path = folder.join("entries.tsv");
    let file = File::create_new(&path).map_err(|error| unwritten(&path, &error))?;
    let mut to = Hashing::new(BufWriter::new(file));
    let exported = history(session, options).period(service, period, &mut to).await;
    let flushed = to.flush();
    let exported = match exported {
        Ok(exported) if flushed.is_ok() => exported,
        other => {
            let _ = fs::remove_file(&path);
            other.map_err(failed)?;
            return Err(CouldNotTell::new(format!("{} could not be written", path.display()), "nothing was exported"));
        }
    };
    let (_, digest) = to.finish();
    let noted = HistoryExported {
        question: "period".into(),
        parameters: asked,
        format: "annals-period/1".into(),
        rows: exported.entries,
        sha256: digest.sha256,
    };
    if let Err(error) = note_export(session, options, noted).await {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    // Last: without its proof a period is none.
    keep(&folder.join("period.proof"), &exported.proof.to_bytes())?;
    let (first, end) = (exported.proof.first, exported.proof.end);
    say(format_args!(
        "yes: {} entries of {service}, positions {first} up to {end}, {} of them commits",
        exported.entries, exported.commits
    ));
    say(format_args!("  annals-verify period --key <key> {}", folder.display()));
    Ok(Answer::Yes)
}

/// Writes a file that is not there yet.
fn keep(path: &Path, bytes: &[u8]) -> Result<(), CouldNotTell> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| unwritten(path, &error))
}
