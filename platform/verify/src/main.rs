//! The program `annals-verify`: is this proof good? Exit 0 yes, 1 no, 2 could not tell.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use annals_verify::checkpoint::VerifierKey;
use annals_verify::extension::Extension;
use annals_verify::finding::Finding;
use annals_verify::inclusion;
use annals_verify::period::{self, PeriodError, PeriodProof};
use clap::{Parser, Subcommand};

/// Checks proofs and exported periods of an Annals ledger, with a public key and nothing else.
///
/// Exit codes: 0 yes, 1 no (and which check failed), 2 could not tell.
#[derive(Parser)]
#[command(name = "annals-verify", version, max_term_width = 110)]
struct Cli {
    /// The ledger's public key: a file, or its text, `<origin>+<id>+<key>`. Have it from whom you trust, not from whom you check.
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Is this commit in the ledger?
    Inclusion {
        /// The proof, a .tlog-proof file.
        proof: PathBuf,
        /// The commit in canonical bytes.
        commit: PathBuf,
    },
    /// Does the later ledger begin with the earlier one?
    Extension {
        /// The earlier checkpoint, as it was kept.
        #[arg(long, value_name = "CHECKPOINT")]
        old: PathBuf,
        /// The proof, with the later checkpoint.
        proof: PathBuf,
    },
    /// Are these all entries of the period, unchanged and in order?
    Period {
        /// The folder with entries.tsv and period.proof.
        folder: PathBuf,
    },
}

/// It could not be told.
struct Unread(String);

type Told = Result<Result<String, Finding>, Unread>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let told = key(cli.key.as_deref()).and_then(|key| match &cli.command {
        Command::Inclusion { proof, commit } => of_inclusion(&key, proof, commit),
        Command::Extension { old, proof } => of_extension(&key, old, proof),
        Command::Period { folder } => of_period(&key, folder),
    });
    let (code, line) = match told {
        Ok(Ok(yes)) => (0, format!("yes: {yes}")),
        Ok(Err(finding)) => (1, format!("no: {finding}")),
        Err(Unread(what)) => {
            eprintln!("error: {what}\n  nothing was checked");
            return ExitCode::from(2);
        }
    };
    // A reader that has gone away, such as `head`, is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
    ExitCode::from(code)
}

fn key(given: Option<&str>) -> Result<VerifierKey, Unread> {
    let given = given.ok_or_else(|| Unread("--key is missing: the public key, or a file with it".into()))?;
    let text = match VerifierKey::from_text(given) {
        Ok(key) => return Ok(key),
        Err(_) => String::from_utf8_lossy(&read(Path::new(given))?).into_owned(),
    };
    VerifierKey::from_text(&text).map_err(|error| Unread(format!("{given} {error}")))
}

fn read(path: &Path) -> Result<Vec<u8>, Unread> {
    std::fs::read(path).map_err(|error| Unread(format!("{}: {error}", path.display())))
}

fn of_inclusion(key: &VerifierKey, proof: &Path, commit: &Path) -> Told {
    let verified = inclusion::verify(key, &read(proof)?, &read(commit)?);
    Ok(verified.map(|included| {
        format!(
            "the commit is at position {} of {}, of {} entries signed\n  {}",
            included.position,
            key.origin(),
            included.head.size,
            included.leaf
        )
    }))
}

fn of_extension(key: &VerifierKey, old: &Path, proof: &Path) -> Told {
    let (old, proof) = (read(old)?, read(proof)?);
    let verified = Extension::from_bytes(&proof).and_then(|extension| extension.verify(key, &old));
    Ok(verified.map(|(old, new)| {
        format!("the {} entries of {} that were signed then are the first of the {} signed now", old.size, key.origin(), new.size)
    }))
}

fn of_period(key: &VerifierKey, folder: &Path) -> Told {
    let proof = match PeriodProof::from_bytes(&read(&folder.join("period.proof"))?) {
        Ok(proof) => proof,
        Err(finding) => return Ok(Err(finding)),
    };
    let path = folder.join("entries.tsv");
    let file = File::open(&path).map_err(|error| Unread(format!("{}: {error}", path.display())))?;
    match period::verify(key, &proof, BufReader::with_capacity(1 << 20, file)) {
        Ok(period) => Ok(Ok(format!(
            "{} entries, positions {} up to {}, are what {} signed at size {}, complete and in order\n  \
             {} commits of {} streams chain ({} streams had commits before, {} go on in another period); {} other entries",
            period.end - period.first,
            period.first,
            period.end,
            key.origin(),
            period.head.size,
            period.commits,
            period.streams,
            period.begun_before,
            period.torn,
            period.irregular
        ))),
        Err(PeriodError::Found(finding)) => Ok(Err(finding)),
        Err(PeriodError::Read(error)) => Err(Unread(format!("{}: {error}", path.display()))),
    }
}
