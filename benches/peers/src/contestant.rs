//! Who takes part, and how each is started: in this process, or as a process of its own on the loopback endpoint.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use aws_sdk_dynamodb::config::Credentials;
use serde::{Deserialize, Serialize};

use crate::account::{Account, CASTORE};
use crate::adapter::{self, Adapter};
use crate::annals::{self, Annals};
use crate::cqrs::{self, Cqrs};
use crate::store::{Maker, Worker};
use crate::task::{Answer, Task};
use crate::way::Way;

/// A contestant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contestant {
    /// Annals, an hour between two commands of a stream.
    Annals,
    /// The same, all commands of a stream within a day: every one of them is remembered.
    AnnalsBusy,
    /// cqrs-es with dynamo-es.
    Cqrs,
    /// The same with snapshots.
    CqrsSnapshots,
    /// event-store-adapter-rs.
    Adapter,
    /// castore's DynamoDB adapter, in Node.
    Castore,
}

/// Seconds between two commands on a stream.
const HOUR: i64 = 3_600;
/// 10,000 of them are less than a day.
const BUSY: i64 = 8;
/// Commands that lie behind a process which is started on filled streams.
const FILLED: i64 = 10_100;

impl Contestant {
    /// All.
    pub const ALL: [Self; 6] = [Self::Annals, Self::AnnalsBusy, Self::Cqrs, Self::CqrsSnapshots, Self::Adapter, Self::Castore];
    /// Those of Rust, which also run in this process.
    pub const RUST: [Self; 5] = [Self::Annals, Self::AnnalsBusy, Self::Cqrs, Self::CqrsSnapshots, Self::Adapter];
    /// Those that differ in their code.
    pub const DISTINCT: [Self; 5] = [Self::Annals, Self::Cqrs, Self::CqrsSnapshots, Self::Adapter, Self::Castore];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annals => "Annals",
            Self::AnnalsBusy => "Annals, busy day",
            Self::Cqrs => "cqrs-es",
            Self::CqrsSnapshots => "cqrs-es, snapshots",
            Self::Adapter => "event-store-adapter",
            Self::Castore => "castore",
        }
    }

    /// Its role, and the beginning of its tables' names.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Annals => "annals",
            Self::AnnalsBusy => "busy",
            Self::Cqrs => "cqrs",
            Self::CqrsSnapshots => "cqrssnap",
            Self::Adapter => "adapter",
            Self::Castore => "castore",
        }
    }

    /// Its tables of events, heads and snapshots.
    pub fn tables(self) -> Vec<String> {
        match self {
            Self::Annals | Self::AnnalsBusy => vec![annals::LOG.into()],
            Self::Cqrs | Self::CqrsSnapshots => cqrs::tables(self.slug()).into(),
            Self::Adapter => adapter::TABLES[..3].iter().map(|&table| table.into()).collect(),
            Self::Castore => vec![CASTORE.into()],
        }
    }

    /// Streams of both forms of Annals are in one table.
    pub fn first_stream(self) -> u64 {
        if self == Self::AnnalsBusy { 1 << 40 } else { 0 }
    }

    /// A maker of its stores; `None` for the one that is not of Rust.
    fn maker(self, way: Way, filled: bool) -> Option<Arc<dyn Maker>> {
        let begins = |pace: i64| if filled { FILLED * pace } else { 0 };
        let maker: Arc<dyn Maker> = match self {
            Self::Annals => Arc::new(Annals { way, pace: HOUR, begins: begins(HOUR) }),
            Self::AnnalsBusy => Arc::new(Annals { way, pace: BUSY, begins: begins(BUSY) }),
            Self::Cqrs => Arc::new(Cqrs { way, tables: self.slug(), snapshots: false }),
            Self::CqrsSnapshots => Arc::new(Cqrs { way, tables: self.slug(), snapshots: true }),
            Self::Adapter => Arc::new(Adapter { way }),
            Self::Castore => return None,
        };
        Some(maker)
    }
}

/// A contestant that takes tasks.
pub struct Runner {
    /// Who.
    pub contestant: Contestant,
    at: At,
}

enum At {
    Here(Worker),
    /// Elsewhere while it works.
    There(Option<Process>),
}

/// A process that takes a task a line.
struct Process {
    child: Child,
    tasks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn run(&mut self, task: &Task) -> Result<Answer, String> {
        let mut line = serde_json::to_string(task).map_err(|error| error.to_string())? + "\n";
        self.tasks.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        line.clear();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        serde_json::from_str(&line).map_err(|error| format!("{error} in {line:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a runner is started.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Whether every call asks what it costs.
    pub metered: bool,
    /// Whether the streams that it meets have been filled by an earlier one.
    pub filled: bool,
}

impl Runner {
    /// In this process, or, where that cannot be, as a process of its own.
    pub async fn here(contestant: Contestant, account: &Account, start: Start) -> Result<Self, String> {
        match contestant.maker(account.here(contestant, start.metered), start.filled) {
            Some(maker) => Ok(Self { contestant, at: At::Here(Worker::new(maker).await?) }),
            None => Self::there(contestant, account, start).await,
        }
    }

    /// As a process of its own, which knows the loopback endpoint and nothing else.
    pub async fn there(contestant: Contestant, account: &Account, start: Start) -> Result<Self, String> {
        let mut command = match contestant {
            Contestant::Castore => {
                let mut node = Command::new("node");
                node.arg(castore_folder().join("worker.mjs"));
                node
            }
            _ => {
                let mut same = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
                same.args(["worker", contestant.slug()]);
                same
            }
        };
        let credentials = account.here(contestant, false).credentials;
        command
            .env("AWS_ENDPOINT_URL", account.url())
            .env("AWS_REGION", annals_local::arn::REGION)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
            .env("PEERS_METERED", if start.metered { "1" } else { "0" })
            .env("PEERS_FILLED", if start.filled { "1" } else { "0" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{contestant:?} does not start: {error}"))?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let (Some(tasks), Some(answers)) = pipes else { return Err("a process without pipes".into()) };
        Ok(Self { contestant, at: At::There(Some(Process { child, tasks, answers: BufReader::new(answers) })) })
    }

    /// Why the state that is loaded of a stream of at least `notes` notes is not its state, if it is not.
    pub async fn misses(&mut self, stream: u64, notes: u64) -> Option<String> {
        let answer = self.run(Task::State { stream }).await;
        let loaded = answer.state.map_or(0, |state| state.notes);
        answer.failed.or_else(|| (loaded < notes).then(|| format!("loads {loaded} of its events")))
    }

    /// Does a task. What goes wrong is in the answer.
    pub async fn run(&mut self, task: Task) -> Answer {
        match &mut self.at {
            At::Here(worker) => worker.run(task).await,
            At::There(place) => {
                let Some(mut process) = place.take() else { return Answer::of_failure("its process is gone") };
                // A thread waits for it, as the database answers it meanwhile.
                let working = tokio::task::spawn_blocking(move || (process.run(&task), process));
                let Ok((answer, process)) = working.await else { return Answer::of_failure("its process is gone") };
                *place = Some(process);
                answer.unwrap_or_else(Answer::of_failure)
            }
        }
    }
}

/// Where castore's worker and its packages are.
pub fn castore_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("castore")
}

/// A process of its own: takes tasks from standard input, until it ends.
pub async fn work(slug: &str) -> Result<(), String> {
    let contestant = Contestant::ALL.into_iter().find(|one| one.slug() == slug).ok_or("no such contestant")?;
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let way = Way {
        http: annals_lambda::clients::loopback(),
        credentials: Credentials::new(variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?, None, None, "environment"),
        endpoint: Some(variable("AWS_ENDPOINT_URL")?),
        metered: variable("PEERS_METERED")? == "1",
    };
    let maker = contestant.maker(way, variable("PEERS_FILLED")? == "1").ok_or("it is not of Rust")?;
    let worker = Worker::new(maker).await?;
    for line in std::io::stdin().lines() {
        let answer = match serde_json::from_str(&line.map_err(|error| error.to_string())?) {
            Ok(task) => worker.run(task).await,
            Err(error) => Answer::of_failure(error),
        };
        println!("{}", serde_json::to_string(&answer).map_err(|error| error.to_string())?);
    }
    Ok(())
}
