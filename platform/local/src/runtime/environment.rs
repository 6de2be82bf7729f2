//! One execution environment: a process that speaks the runtime API and handles one invocation at a time.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::api::{RuntimeApi, Said};
use super::output::Output;
use super::process::ChildProcess;
use super::{Definition, Invocation};
use crate::arn;
use crate::functions::{Answer, FunctionError};

/// How long a process may take to its first request for an event, as on Lambda.
const INIT_WITHIN: Duration = Duration::from_secs(10);

/// A process that waits for an event. Dropped, it is killed.
pub(super) struct Environment {
    process: ChildProcess,
    api: RuntimeApi,
    output: Output,
    next: oneshot::Sender<Arc<Invocation>>,
    /// How long it took to start.
    pub init: Duration,
    /// What it took of a processor until then, where the machine tells.
    pub init_cpu: Option<Duration>,
    /// How many events it has had.
    pub invocations: u64,
}

/// What an invocation came to.
pub(super) struct Invoked {
    pub answer: Answer,
    /// Until the answer, or what came instead.
    pub took: Duration,
    /// What the process has taken of a processor since it began, where the machine tells.
    pub cpu: Option<Duration>,
    /// The most memory that the process ever held, where the machine tells.
    pub max_memory_mb: Option<u64>,
    /// The environment, where it can go on.
    pub environment: Option<Environment>,
}

/// How waiting for a process ended.
enum Ended {
    Said(Said),
    Exited(String),
    OutOfTime,
}

impl Environment {
    /// Starts the process and waits until it asks for its first event.
    pub async fn start(definition: &Definition, request_id: &str) -> Result<Self, FunctionError> {
        let began = Instant::now();
        let mut api = RuntimeApi::open().await.map_err(|error| FunctionError::new("Sandbox.Failure", error.to_string()))?;
        let (mut process, output) = spawn(definition, &api)?;
        output.is_about(request_id);
        let error = match wait(&mut process, &mut api, began + INIT_WITHIN).await {
            Ended::Said(Said::Next(next)) => {
                let init = began.elapsed();
                tracing::info!(function = definition.name, init_ms = ms(init), "INIT_REPORT");
                let init_cpu = cpu(&process);
                return Ok(Self { process, api, output, next, init, init_cpu, invocations: 0 });
            }
            Ended::Said(Said::InitFailed(error)) => error,
            Ended::Said(Said::Answered(_)) => FunctionError::new("Runtime.InvalidStateTransition", "it answered before it asked"),
            Ended::Exited(how) => FunctionError::new("Runtime.ExitError", format!("RequestId: {request_id} Error: Runtime exited {how}")),
            Ended::OutOfTime => timed_out(request_id, INIT_WITHIN),
        };
        process.kill();
        process.ended().await;
        output.end().await;
        Err(error)
    }

    /// Whether the process still waits: it may have ended, or have been killed, since its last event.
    pub fn is_alive(&self) -> bool {
        self.process.is_running() && !self.next.is_closed()
    }

    /// Hands the event over and waits for the answer and for the process to ask for another; kills it when its time is over.
    pub async fn invoke(mut self, invocation: Invocation, definition: &Definition) -> Invoked {
        let (began, id) = (Instant::now(), invocation.request_id.clone());
        let deadline = began + definition.timeout;
        self.output.is_about(&id);
        self.api.owes(&id);
        self.invocations += 1;
        // Where the process is gone this fails, and waiting for it tells how it went.
        let _ = self.next.send(Arc::new(invocation));
        let mut answered: Option<(Answer, Duration)> = None;
        loop {
            let instead = match wait(&mut self.process, &mut self.api, deadline).await {
                Ended::Said(Said::Answered(answer)) => {
                    answered = Some((answer, began.elapsed()));
                    continue;
                }
                Ended::Said(Said::Next(next)) => {
                    let (answer, took) = answered.expect("the API hands out no event while one is unanswered");
                    let (cpu, max_memory_mb) = (cpu(&self.process), max_memory_mb(&self.process));
                    self.output.taken().await;
                    return Invoked { answer, took, cpu, max_memory_mb, environment: Some(Self { next, ..self }) };
                }
                Ended::Said(Said::InitFailed(error)) => error,
                Ended::Exited(how) => FunctionError::new("Runtime.ExitError", format!("RequestId: {id} Error: Runtime exited {how}")),
                Ended::OutOfTime => timed_out(&id, definition.timeout),
            };
            let (cpu, max_memory_mb) = (cpu(&self.process), max_memory_mb(&self.process));
            self.process.kill();
            self.process.ended().await;
            self.output.end().await;
            // An answer that came before the end counts.
            let (answer, took) = answered.unwrap_or_else(|| (Err(instead), began.elapsed()));
            return Invoked { answer, took, cpu, max_memory_mb, environment: None };
        }
    }
}

/// Waits for the process to say something, to end, or to run out of time.
async fn wait(process: &mut ChildProcess, api: &mut RuntimeApi, deadline: Instant) -> Ended {
    tokio::select! {
        // What it said before it ended counts.
        biased;
        Some(said) = api.said.recv() => Ended::Said(said),
        status = process.ended() => Ended::Exited(status.map_or_else(|| "without providing a reason".to_owned(), exit)),
        () = tokio::time::sleep_until(deadline) => Ended::OutOfTime,
    }
}

fn spawn(definition: &Definition, api: &RuntimeApi) -> Result<(ChildProcess, Output), FunctionError> {
    let name = definition.name.as_str();
    let (memory, log_group) = (definition.memory_mb.to_string(), format!("/aws/lambda/{name}"));
    let address = api.address.to_string();
    let set_by_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", &address),
        ("AWS_REGION", arn::REGION),
        ("AWS_DEFAULT_REGION", arn::REGION),
        ("_HANDLER", "bootstrap"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    let mut command = Command::new(&definition.process.binary);
    command
        .env_clear()
        .envs(&definition.process.environment)
        .envs(set_by_lambda)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in a terminal goes to a group: these end when this process says so, after their work.
        .process_group(0);
    let spawned = ChildProcess::spawn(&mut command).and_then(|(process, stdout, stderr)| {
        let counts = definition.process.counts.clone();
        Ok((process, Output::read(name, stdout.map(Into::into), stderr.map(Into::into), counts)?))
    });
    spawned.map_err(|error| {
        FunctionError::new("Runtime.InvalidEntrypoint", format!("{} cannot be run: {error}", definition.process.binary.display()))
    })
}

fn timed_out(request_id: &str, within: Duration) -> FunctionError {
    FunctionError::timed_out(request_id, within)
}

/// How a process ended, in Lambda's words.
fn exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "without providing a reason".to_owned(),
        (Some(code), _) => format!("with error: exit status {code}"),
        (None, Some(9)) => "with error: signal: killed".to_owned(),
        (None, signal) => format!("with error: signal: {}", signal.unwrap_or_default()),
    }
}

/// The peak of a process's resident memory, which Linux tells until it is waited for.
fn max_memory_mb(process: &ChildProcess) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes.div_ceil(1024))
}

/// What all threads of a process have taken of a processor, to the nanosecond, as Linux tells of those that run.
fn cpu(process: &ChildProcess) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.id())).ok()?;
    let taken = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    Some(threads.filter_map(|thread| taken(thread.ok()?)).sum())
}

/// Milliseconds as Lambda's reports have them.
pub(super) fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}
