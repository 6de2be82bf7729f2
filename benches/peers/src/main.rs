//! Runs the same work on Annals and on other event stores for DynamoDB, against one embedded DynamoDB, and writes docs/benchmarks.md.
//!
//! - `cargo run --release`: the whole comparison, a quarter of an hour; `-- check`: a small one, which fails where costs or verdicts are not
//!   what they should be; `-- report`: writes the report of the last whole run again
//! - [`note`]: the events and the state; [`task`]: what a contestant is told to do; [`store`]: what it can do
//! - [`annals`], [`rows`]: Annals; [`cqrs`], [`adapter`], `castore/worker.mjs`: the peers; [`contestant`]: all of them, and how they start
//! - [`account`]: the database, everyone's tables, the meter, faults; [`way`]: the way to it; [`capacity`]: lets every call say its cost
//! - [`streams`]: how large a run is; [`cost`], [`speed`], [`safety`], [`whole`]: the measurements; [`findings`]: what they find
//! - [`machine`], [`report`]: where it was run, and the page; [`check`]: what must be so

mod account;
mod adapter;
mod annals;
mod capacity;
mod check;
mod contestant;
mod cost;
mod cqrs;
mod findings;
mod machine;
mod note;
mod report;
mod rows;
mod safety;
mod speed;
mod store;
mod streams;
mod task;
mod way;
mod whole;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use annals_local::Store;

use crate::account::Account;
use crate::contestant::{Contestant, Runner, Start, castore_folder};
use crate::findings::Findings;
use crate::streams::{FULL, LIGHT, Scale};
use crate::task::Task;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        [] => whole_run().await,
        ["check"] => checked_run().await,
        ["report"] => last_findings().and_then(|findings| report::write(&findings)),
        ["worker", contestant] => contestant::work(contestant).await,
        _ => Err("cargo run --release [-- check | report]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn whole_run() -> Result<(), String> {
    let findings = run(FULL).await?;
    let text = serde_json::to_string_pretty(&findings).map_err(|error| error.to_string())?;
    std::fs::write(findings_file(), text).map_err(|error| error.to_string())?;
    report::write(&findings)
}

async fn checked_run() -> Result<(), String> {
    check::check(&run(LIGHT).await?)
}

fn last_findings() -> Result<Findings, String> {
    let text = std::fs::read(findings_file()).map_err(|error| format!("there is no earlier run: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

fn findings_file() -> PathBuf {
    built().join("findings.json")
}

/// Everything, at one scale. Every part that writes has a copy of the filled database, so that streams are as long as they should be.
async fn run(scale: Scale) -> Result<Findings, String> {
    packages()?;
    let began = Instant::now();
    let directory = built().join("run");
    let _ = std::fs::remove_dir_all(&directory);
    let filled = directory.join("filled");
    fill(&filled, scale).await?;
    say(began, "costs of single operations");
    let costs = cost::at_lengths(&copy(&filled, &directory.join("costs")).await?, scale).await?;
    say(began, "costs of streams");
    let steady = cost::steady(scale).await?;
    say(began, "races and lost answers");
    let safety = safety::run(scale).await?;
    say(began, "work on everything");
    let whole = whole::run(&directory.join("whole"), scale).await?;
    say(began, "speed");
    let (speeds, resident) = speed::run(&filled, &directory.join("speed"), scale).await?;
    let _ = std::fs::remove_dir_all(&directory);
    say(began, "done");
    Ok(Findings { machine: machine::this(began.elapsed().as_secs()), costs, steady, speeds, safety, whole, resident })
}

fn say(began: Instant, what: &str) {
    eprintln!("{:>4} s  {what}", began.elapsed().as_secs());
}

/// castore's packages, as its lock file has them.
fn packages() -> Result<(), String> {
    if castore_folder().join("node_modules/@castore/core").exists() {
        return Ok(());
    }
    let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    let status = Command::new("npm").args(npm).current_dir(castore_folder()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("npm could not fetch castore: {other:?}")),
    }
}

/// Fills everyone's streams, all contestants at the same time.
async fn fill(directory: &Path, scale: Scale) -> Result<(), String> {
    let account = Account::open(Store::Directory(directory.to_owned())).await?;
    let filling = Contestant::ALL.map(async |contestant| {
        let began = Instant::now();
        let mut runner = Runner::here(contestant, &account, Start { metered: false, filled: false }).await?;
        let streams = scale.lengths.iter().flat_map(|length| scale.streams_of(contestant, *length)).collect();
        let answer = runner.run(Task::Fill { streams }).await;
        say(began, &format!("{} is filled", contestant.name()));
        answer.failed.map_or(Ok(()), |reason| Err(format!("{}: {reason}", contestant.name())))
    });
    let filled = futures_util::future::join_all(filling).await;
    account.close().await;
    filled.into_iter().collect()
}

/// A copy of a database that is closed, opened. It is on the disk before anything is measured, which would else wait for it.
async fn copy(from: &Path, to: &Path) -> Result<Account, String> {
    let copied = copy_folder(from, to);
    copied.map_err(|error| format!("{} could not be copied: {error}", from.display()))?;
    Account::open(Store::Directory(to.to_owned())).await
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => {
                std::fs::copy(entry.path(), &target)?;
                std::fs::File::options().write(true).open(&target)?.sync_all()?;
            }
        }
    }
    Ok(())
}
