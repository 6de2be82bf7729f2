//! Writes answers as files with a manifest, whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use annals_audit::csv::Csv;
use annals_audit::jsonl::JsonLines;
use annals_audit::manifest::{FileDigest, Hashing, Manifest};
use annals_audit::parquet::Parquet;
use annals_audit::{History, Question, Told};
use annals_log::readings::HistoryExported;

use super::{failed, note_export, say_told};
use crate::cli::audit::{Audit, Form};
use crate::outcome::{CouldNotTell, say};
use crate::session::Session;

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes `<question>.<form>` and `<question>.manifest.json` into `folder`. What is there already is not overwritten.
pub(super) async fn write(
    session: &Session,
    options: &Audit,
    history: &History,
    question: &Question,
    folder: &Path,
) -> Result<Told, CouldNotTell> {
    let name = format!("{}.{}", question.name(), options.form.name());
    let manifest = folder.join(format!("{}.manifest.json", question.name()));
    let (path, beside) = (folder.join(&name), folder.join(format!(".{name}.{}", std::process::id())));
    for taken in [&path, &manifest] {
        if taken.exists() {
            return Err(CouldNotTell::new(format!("{} is there already", taken.display()), "nothing was written; choose another folder"));
        }
    }
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let file = File::create(&beside).map_err(|error| unwritten(&beside, &error))?;
    let written = rows(options.form, history, question, file).await;
    let told = match written {
        Ok((told, digest)) => publish(session, options, question, (told, digest), [&beside, &path, &manifest]).await,
        Err(error) => Err(error),
    };
    // Nothing is left of an answer that was not finished, or not noted.
    let _ = fs::remove_file(&beside);
    let told = told?;
    say_told(&told);
    say(format_args!("  {} rows in {}; {}", told.rows, path.display(), manifest.display()));
    Ok(told)
}

async fn rows(form: Form, history: &History, question: &Question, file: File) -> Result<(Told, FileDigest), CouldNotTell> {
    let (to, columns) = (Hashing::new(BufWriter::new(file)), question.columns());
    let failed_to_write = |error: annals_log::BoxError| CouldNotTell::new(error, "nothing was kept of the file");
    let (told, (mut to, digest)) = match form {
        Form::Csv => {
            let mut csv = Csv::new(to, columns).map_err(|error| failed_to_write(error.into()))?;
            (history.ask(question, &mut csv).await.map_err(failed)?, csv.into_inner().finish())
        }
        Form::Jsonl => {
            let mut lines = JsonLines::new(to, columns);
            (history.ask(question, &mut lines).await.map_err(failed)?, lines.into_inner().finish())
        }
        Form::Parquet => {
            let mut parquet = Parquet::new(to, columns).map_err(failed_to_write)?;
            (history.ask(question, &mut parquet).await.map_err(failed)?, parquet.into_inner().map_err(failed_to_write)?.finish())
        }
    };
    to.flush().map_err(|error| failed_to_write(error.into()))?;
    Ok((told, digest))
}

/// Notes the export, then gives the file its name and its manifest.
async fn publish(
    session: &Session,
    options: &Audit,
    question: &Question,
    (told, digest): (Told, FileDigest),
    [beside, path, manifest]: [&Path; 3],
) -> Result<Told, CouldNotTell> {
    let exported = HistoryExported {
        question: question.name().to_owned(),
        parameters: question.parameters(),
        format: options.form.name().to_owned(),
        rows: told.rows,
        sha256: digest.sha256.clone(),
    };
    note_export(session, options, exported).await?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let described = Manifest {
        question,
        told: &told,
        file: &file,
        format: options.form.name(),
        digest,
        asked_by: options.asker.as_str(),
        tenant: options.tenant.as_ref().map(annals_kit::Tenant::as_str),
    };
    fs::rename(beside, path).map_err(|error| unwritten(path, &error))?;
    fs::write(manifest, format!("{:#}\n", described.to_json())).map_err(|error| unwritten(manifest, &error))?;
    Ok(told)
}

pub(super) fn unwritten(path: &Path, error: &std::io::Error) -> CouldNotTell {
    CouldNotTell::new(format!("{}: {error}", path.display()), "history is unharmed; nothing was exported")
}
