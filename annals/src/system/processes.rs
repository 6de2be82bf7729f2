//! Every function as processes of its own binary, instead of a handler in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use annals_lambda::metrics::embedded::hand_over;
use annals_local::{Function, Process};
use serde_json::Value;

use super::metrics::LocalMetrics;
use super::{System, contracts, handlers, wiring};

/// A folder with the binary of every function.
#[derive(Clone, Debug)]
pub struct Binaries(PathBuf);

/// Where functions in processes of their own find AWS and the APIs.
pub struct Endpoints<'a> {
    /// AWS.
    pub aws: &'a str,
    /// The HTTP API.
    pub api: &'a str,
}

/// The binaries cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BinariesError {
    /// Some are not there.
    #[error("{folder} has no binary of {missing}: build them, in a checkout with `cargo build --bins -p {}`, and put them there", packages().join(" -p "))]
    Missing {
        /// Where they should be.
        folder: PathBuf,
        /// The functions without one.
        missing: String,
    },
    /// Building them failed; the compiler has said why.
    #[error("the functions do not build: see above")]
    Build,
    /// This program's own place, or Cargo, cannot be found.
    #[error("the functions' binaries cannot be found or built ({0})")]
    Io(#[from] std::io::Error),
}

impl Binaries {
    /// The binaries in this folder.
    pub fn of(folder: &Path) -> Result<Self, BinariesError> {
        let is_missing = |name: &&str| !folder.join(format!("{name}{EXE_SUFFIX}")).is_file();
        let missing: Vec<_> = contracts::functions().map(|listed| listed.name).filter(is_missing).collect();
        match missing.is_empty() {
            true => Ok(Self(folder.to_owned())),
            false => Err(BinariesError::Missing { folder: folder.to_owned(), missing: missing.join(", ") }),
        }
    }

    /// The binaries beside this program. In a checkout they are built first, as Cargo builds only this program by itself; `say` is told.
    pub fn beside_this_program(say: impl Fn(&str)) -> Result<Self, BinariesError> {
        let program = std::env::current_exe()?;
        let folder = program.parent().map(Path::to_owned).unwrap_or_default();
        if let Some(checkout) = checkout(&folder) {
            build(&folder, &checkout, say)?;
        }
        Self::of(&folder)
    }

    fn of_function(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{EXE_SUFFIX}"))
    }
}

/// The checkout that `folder` is the `target/<profile>` of.
fn checkout(folder: &Path) -> Option<PathBuf> {
    let target = folder.parent()?;
    let checkout = target.parent()?;
    let is_one = target.join("CACHEDIR.TAG").is_file() && checkout.join("annals/Cargo.toml").is_file();
    is_one.then(|| checkout.to_owned())
}

/// Whose binaries the functions are.
fn packages() -> Vec<&'static str> {
    contracts::functions().map(|listed| listed.function.package.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Builds them in the profile of this program, and with this program, so that what both use is built once.
fn build(folder: &Path, checkout: &Path, say: impl Fn(&str)) -> Result<(), BinariesError> {
    let packages: Vec<_> = packages().into_iter().chain(["annals"]).collect();
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--bins", "--profile", profile]).current_dir(checkout);
    command.arg("--target-dir").arg(folder.parent().unwrap_or(folder));
    packages.iter().for_each(|package| {
        command.args(["-p", package]);
    });
    say(&format!("Building the functions: cargo build --bins -p {}", packages.join(" -p ")));
    if command.status()?.success() { Ok(()) } else { Err(BinariesError::Build) }
}

impl System {
    /// Runs every function as processes of its own binary from now on. AWS and the API must be served where `endpoints` says.
    pub fn run_processes(&self, binaries: &Binaries, endpoints: &Endpoints<'_>) {
        for listed in contracts::functions() {
            let process = Process {
                binary: binaries.of_function(listed.name),
                environment: self.environment(&listed, endpoints),
                counts: Some(self.counts(listed.service)),
            };
            self.local.install(wiring::as_described(Function::process(listed.name, process), listed.function));
        }
    }

    fn environment(&self, listed: &contracts::Listed, endpoints: &Endpoints<'_>) -> BTreeMap<String, String> {
        let pair = self.credentials.role(listed.name);
        let log = std::env::var("ANNALS_LOG").unwrap_or_else(|_| "warn".to_owned());
        let mut environment = BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), endpoints.aws.to_owned()),
            ("AWS_ACCESS_KEY_ID".to_owned(), pair.id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), pair.secret.clone()),
            ("ANNALS_LOG".to_owned(), log),
        ]);
        // One that is unknown here is missing there: the function says so when it starts.
        let values = listed.function.environment.iter();
        environment.extend(values.filter_map(|name| Some((name.clone(), handlers::variable(name, listed, self, endpoints.api)?))));
        environment
    }

    /// Hands the counts that a process prints to the same tally as those of handlers here.
    fn counts(&self, service: &'static str) -> annals_local::runtime::CountLines {
        let metrics = LocalMetrics { local: self.local.clone(), store: self.store.clone() };
        Arc::new(move |line: &Value| hand_over(line, service, &metrics))
    }
}
